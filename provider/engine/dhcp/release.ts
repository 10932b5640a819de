import { contains, ipv4 } from "../../model/ip";
import { isOwn } from "./address-choice";
import { isHeld } from "./bindings";
import { silent, type DhcpDecision, type LeaseWrite } from "./decision";
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
 * is kept from everybody for a while, but a reserved one never is, or one forged packet would lock its host out; nor is one
 * of a client that declines without end.
 */
export function onDecline(exchange: Exchange, serverId: string | undefined, address: string): DhcpDecision {
  const refusal = unentitled(exchange, serverId, address);
  if (refusal !== undefined) return silent(refusal);
  const isReserved = exchange.facts.state.hostByAddress(address) !== undefined;
  const limit = isReserved ? undefined : exchange.facts.limits?.decline(exchange);
  if (limit !== undefined) {
    // The text names no client: alerts of one text are told once in a while.
    const events = [clientEvent(exchange, "alert", address, `declined addresses are not kept from others: ${limit}`)];
    return silent(`${clientText(exchange)} declined ${address}, which is not kept from others: ${limit}`, { events });
  }
  const text = `${clientText(exchange)} declined ${address}: another machine uses it`;
  return silent(text, {
    leases: isReserved ? [] : [quarantined(exchange, address)],
    offers: [{ type: "offer.drop", address }],
    events: [clientEvent(exchange, "dhcp.decline", address, text)],
  });
}

/** Keeps an address from everybody for a while. */
export function quarantined({ client, now, segment, subnet }: Exchange, address: string): LeaseWrite {
  const value = ipv4(address);
  const { document } = segment.subnets.find(({ net }) => contains(net, value)) ?? subnet;
  return {
    type: "lease.put",
    lease: {
      address, mac: client.mac, clientId: client.clientId, owner: document.owner, subnet: document.name,
      state: "declined", expiresAt: now + quarantine,
    },
  };
}

/** Why the client may not give up the address; undefined when it may. */
function unentitled(exchange: Exchange, serverId: string | undefined, address: string): string | undefined {
  if (serverId !== undefined && !isOurs(exchange, serverId)) return `it is for the server ${serverId}`;
  const { facts, now } = exchange;
  const lease = facts.leases.byAddress(address);
  if (lease !== undefined && isHeld(lease, now) && isOwn(exchange, lease)) return undefined;
  return `${clientText(exchange)} does not hold ${address}`;
}
