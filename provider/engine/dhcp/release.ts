import { isOwn } from "./address-choice";
import { isHeld } from "./bindings";
import { silent, type DhcpDecision } from "./decision";
import { clientEvent, clientText } from "./events";
import { isOurs, type Exchange } from "./exchange";

/** How long a declined address is given to nobody, in milliseconds. */
export const quarantine = 10 * 60_000;

/**
 * DHCPRELEASE, from the owner only (RFC 2131 section 4.3.4). The binding is kept as history, so that the client gets the same
 * address again. A message without option 54 is taken when the lease is ours.
 */
export function onRelease(exchange: Exchange, serverId: string | undefined, address: string): DhcpDecision {
  const lease = exchange.facts.leases.byAddress(address);
  const refusal = unentitled(exchange, serverId, address);
  if (refusal !== undefined || lease === undefined) return silent(refusal ?? "there is no lease");
  const text = `${clientText(exchange)} released ${address}`;
  return silent(text, {
    leases: [{ type: "lease.put", lease: { ...lease, state: "released", expiresAt: exchange.now } }],
    events: [clientEvent(exchange, "dhcp.release", address, text)],
  });
}

/**
 * DHCPDECLINE, from the holder of an unexpired lease only (RFC 2131 section 4.3.3): somebody else uses the address. It
 * is kept from everybody for a while, but a reserved one never is, or one forged packet would lock its host out.
 */
export function onDecline(exchange: Exchange, serverId: string | undefined, address: string): DhcpDecision {
  const refusal = unentitled(exchange, serverId, address);
  if (refusal !== undefined) return silent(refusal);
  const reserved = exchange.facts.state.hostByAddress(address) !== undefined;
  const text = `${clientText(exchange)} declined ${address}: another machine uses it`;
  const { client, now, subnet } = exchange;
  return silent(text, {
    leases: reserved ? [] : [{
      type: "lease.put",
      lease: {
        address, mac: client.mac, clientId: client.clientId, owner: subnet.document.owner, subnet: subnet.document.name,
        state: "declined", expiresAt: now + quarantine,
      },
    }],
    offers: [{ type: "offer.drop", address }],
    events: [clientEvent(exchange, "dhcp.decline", address, text)],
  });
}

/** Why the client may not give up the address; undefined when it may. */
function unentitled(exchange: Exchange, serverId: string | undefined, address: string): string | undefined {
  if (serverId !== undefined && !isOurs(exchange, serverId)) return `it is for the server ${serverId}`;
  const { facts, now } = exchange;
  const lease = facts.leases.byAddress(address);
  if (lease !== undefined && isHeld(lease, now) && isOwn(exchange, lease)) return undefined;
  return `${clientText(exchange)} does not hold ${address}`;
}
