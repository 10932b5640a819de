import { contains, ipv4 } from "../../model/ip";
import type { Lease } from "../leases";
import { givenBack, objection, ownBindings, reservedAddress } from "./address-choice";
import { isHeld } from "./bindings";
import { silent, type DhcpDecision, type LeaseWrite } from "./decision";
import { nakDestination, replyDestination } from "./destination";
import { offerHold } from "./discover";
import { clientEvent, clientText } from "./events";
import { isOurs, type Exchange } from "./exchange";
import { leaseTimeFor } from "./lease-time";
import { leaseReply, nakReply } from "./reply";

/** SELECTING: the client took an offer, ours or another server's (RFC 2131 section 4.3.2). */
export function onSelecting(exchange: Exchange, serverId: string, address: string): DhcpDecision {
  if (!isOurs(exchange, serverId)) {
    const offer = exchange.facts.leases.offerTo(exchange.identity, exchange.now);
    const offers = offer === undefined ? [] : [{ type: "offer.drop", address: offer.address } as const];
    return silent(`${clientText(exchange)} chose the server ${serverId}`, { offers });
  }
  const reason = objection(exchange, address);
  return reason === undefined ? ack(exchange, address) : nak(exchange, address, reason);
}

/**
 * INIT-REBOOT: the client remembers an address (RFC 2131 section 4.3.2). A wrong one is refused; of a client that is unknown here
 * nothing is known to be wrong, and only an authoritative server says no.
 */
export function onInitReboot(exchange: Exchange, address: string): DhcpDecision {
  const own = ownBindings(exchange);
  const reserved = reservedAddress(exchange) === address;
  const onThisNetwork = contains(exchange.subnet.net, ipv4(address));
  if (onThisNetwork && !reserved && own.length === 0 && !exchange.authoritative) {
    return silent(`${clientText(exchange)} is not known here`);
  }
  const reason = objection(exchange, address);
  if (reason !== undefined) return nak(exchange, address, reason);
  const mine = reserved || own.some((lease) => lease.address === address);
  return mine ? ack(exchange, address) : nak(exchange, address, `${address} is not this machine's`);
}

/**
 * RENEWING and REBINDING (RFC 2131 section 4.3.2). A lease that was lost here is made again by an authoritative server if the
 * address fits and is free; another server's lease is left alone otherwise.
 */
export function onExtend(exchange: Exchange, address: string): DhcpDecision {
  const known = ownBindings(exchange).some((lease) => lease.address === address);
  if (!known && !exchange.authoritative) return silent(`${clientText(exchange)} has no lease of ${address} here`);
  const reason = objection(exchange, address);
  return reason === undefined ? ack(exchange, address) : nak(exchange, address, reason);
}

function ack(exchange: Exchange, address: string): DhcpDecision {
  const { client, subnet, now, identity } = exchange;
  const leaseTime = leaseTimeFor(exchange);
  const lease: Lease = {
    address, mac: client.mac, clientId: client.clientId,
    owner: subnet.document.owner, subnet: subnet.document.name,
    state: "active", expiresAt: now + leaseTime * 1000,
  };
  const text = `leased ${address} to ${clientText(exchange)} for ${String(leaseTime)} s`;
  return {
    reply: { packet: leaseReply(exchange, "ack", address, leaseTime), destination: replyDestination(exchange, address) },
    leases: [...givenUp(exchange, address), { type: "lease.put", lease }],
    offers: [{ type: "offer.put", offer: { address, identity, expiresAt: now + offerHold } }],
    events: [clientEvent(exchange, "dhcp.ack", address, text)],
    reason: text,
  };
}

/** A client has one address on a subnet: whatever else it held there is free again. */
function givenUp(exchange: Exchange, address: string): readonly LeaseWrite[] {
  const { now } = exchange;
  return ownBindings(exchange)
    .filter((lease) => lease.address !== address && isHeld(lease, now))
    .map((lease) => ({ type: "lease.put", lease: { ...lease, state: "released", expiresAt: now } }));
}

function nak(exchange: Exchange, address: string, reason: string): DhcpDecision {
  const text = `refused ${address} to ${clientText(exchange)}: ${reason}`;
  return {
    reply: { packet: nakReply(exchange, reason), destination: nakDestination(exchange) },
    leases: givenBack(exchange), offers: [],
    events: [clientEvent(exchange, "dhcp.nak", address, text)],
    reason: text,
  };
}
