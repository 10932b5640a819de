import { contains, ipv4 } from "../../model/ip";
import { anyAddress } from "../../wire/dhcp";
import { givenBack, objection, reservedAddress, wasOwn } from "./address-choice";
import { silent, type DhcpDecision } from "./decision";
import { nakDestination, replyDestination } from "./destination";
import { clientEvent, clientText } from "./events";
import { isOurs, type Exchange } from "./exchange";
import { grant } from "./lease-grant";
import { leaseTimeFor } from "./lease-time";
import { refusalOf } from "./new-address";
import { leaseReply, nakReply } from "./reply";

/** SELECTING: the client took an offer, ours or another server's (RFC 2131 section 4.3.2). What was offered is not probed again. */
export function onSelecting(exchange: Exchange, serverId: string, address: string): DhcpDecision {
  if (!isOurs(exchange, serverId)) {
    const offer = exchange.facts.leases.offerTo(exchange.identity, exchange.now);
    const offers = offer === undefined ? [] : [{ type: "offer.drop", address: offer.address } as const];
    return silent(`${clientText(exchange)} chose the server ${serverId}`, { offers });
  }
  return ackOrNak(exchange, address);
}

/**
 * INIT-REBOOT: the client remembers an address (RFC 2131 section 4.3.2). A wrong one is refused; of a client that has neither a
 * reservation nor a binding here nothing is known to be wrong, and only an authoritative server says no.
 */
export function onInitReboot(exchange: Exchange, address: string): DhcpDecision {
  const { authoritative, facts, host, own, segment } = exchange;
  const isUnknown = own.length === 0 && host?.document.spec.ip === undefined;
  const reserved = reservedAddress(exchange);
  const value = ipv4(address);
  // Another server that is meant to be there may serve another network on the same wire.
  const isNotWrong = segment.subnets.some(({ net }) => contains(net, value)) || facts.state.server?.spec.allowForeignDhcp === true;
  if (isNotWrong && isUnknown && !authoritative) return silent(`${clientText(exchange)} is not known here`);
  const reason = objection(exchange, address);
  if (reason !== undefined) return nak(exchange, address, reason);
  return reserved === address || wasOwn(exchange, address) ? ack(exchange, address) : nak(exchange, address, `${address} is not this machine's`);
}

/**
 * RENEWING and REBINDING (RFC 2131 section 4.3.2). A lease that was lost here is made again by an authoritative server if the
 * address fits and is free. Another one refuses a client that asks this very server, and leaves alone one that asks whoever
 * hears it; where the two can't be told apart it does the latter.
 */
export function onExtend(exchange: Exchange, address: string): DhcpDecision {
  const isKnown = wasOwn(exchange, address) || reservedAddress(exchange) === address;
  if (isKnown || exchange.authoritative) return ackOrNak(exchange, address);
  const reason = `${address} is not leased here`;
  return isRenewing(exchange) ? nak(exchange, address, reason) : silent(`${clientText(exchange)} has no lease of ${address} here`);
}

/** Relays pass on broadcasts only (RFC 2131 section 4.3.2: a client renews past them). */
function isRenewing({ packet, via }: Exchange): boolean {
  return packet.giaddr === anyAddress && via.isBroadcast === false;
}

function ackOrNak(exchange: Exchange, address: string): DhcpDecision {
  const reason = objection(exchange, address);
  return reason === undefined ? ack(exchange, address) : nak(exchange, address, reason);
}

function ack(exchange: Exchange, address: string): DhcpDecision {
  const refusal = refusalOf(exchange, address);
  if (refusal !== undefined) return silent(refusal.reason, { events: refusal.events });
  const leaseTime = leaseTimeFor(exchange);
  const text = `leased ${address} to ${clientText(exchange)} for ${String(leaseTime)} s`;
  const { leases, offers } = grant(exchange, address, leaseTime);
  return {
    reply: { packet: leaseReply(exchange, "ack", address, leaseTime), destination: replyDestination(exchange, address) },
    leases, offers,
    events: [clientEvent(exchange, "dhcp.ack", address, text)],
    reason: text,
  };
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
