import { contains, ipv4 } from "../../model/ip";
import type { NewEvent } from "../../model/control";
import { chooseAddress, givenBack } from "./address-choice";
import { silent, type DhcpDecision } from "./decision";
import { replyDestination } from "./destination";
import { clientEvent, clientText } from "./events";
import type { Exchange } from "./exchange";
import { leaseTimeFor } from "./lease-time";
import { leaseReply } from "./reply";

/** How long an offered address is kept for its client: EDK2's last retry comes 60 s after its first DISCOVER. Milliseconds. */
export const offerHold = 60_000;

/** DHCPDISCOVER: an offer, held for the client so that nobody else gets it meanwhile. */
export function onDiscover(exchange: Exchange, wants: string | undefined): DhcpDecision {
  const { subnet, identity, now } = exchange;
  const address = chooseAddress(exchange, wants);
  const leases = givenBack(exchange);
  if (address === undefined) {
    if (subnet.document.spec.pools.length === 0) return silent(`${subnet.document.name} has no pool for ${clientText(exchange)}`, { leases });
    const text = `no address is left in ${subnet.document.name} for ${clientText(exchange)}`;
    return silent(text, { leases, events: [clientEvent(exchange, "dhcp.exhausted", null, text)] });
  }
  const text = `offered ${address} to ${clientText(exchange)}`;
  return {
    reply: { packet: leaseReply(exchange, "offer", address, leaseTimeFor(exchange)), destination: replyDestination(exchange, address) },
    leases,
    offers: [{ type: "offer.put", offer: { address, identity, expiresAt: now + offerHold } }],
    events: [...reservationAlert(exchange, address), clientEvent(exchange, "dhcp.offer", address, text)],
    reason: text,
  };
}

/** A host that gets another address than its document says is worth a line: whoever holds its own keeps it until it renews. */
function reservationAlert(exchange: Exchange, offered: string): readonly NewEvent[] {
  const { host, facts, subnet } = exchange;
  const reserved = host?.document.spec.ip;
  if (host === undefined || reserved === undefined || reserved === offered || !contains(subnet.net, ipv4(reserved))) return [];
  const holder = facts.leases.byAddress(reserved)?.mac ?? "another machine";
  return [clientEvent(exchange, "alert", reserved, `${reserved}, reserved for ${host.document.name}, is in use by ${holder}`)];
}
