import { infiniteLease } from "../../model/dhcp-settings";
import { reservedAddress } from "./address-choice";
import { silent, type DhcpDecision } from "./decision";
import { replyDestination } from "./destination";
import { findAddress, withoutAddress, type Found } from "./discover";
import { clientEvent, clientText } from "./events";
import { onSubnet, type Exchange } from "./exchange";
import { grant } from "./lease-grant";
import { leaseTimeFor } from "./lease-time";
import { refusalOf } from "./new-address";
import { bootpReply } from "./reply";

/**
 * A BOOTP client (RFC 1534 section 2): its reservation, or where a subnet says so an address of the pools, for ever, since it never
 * renews. A reservation is kept by its document; its lease, of the usual length, says who booted.
 */
export function onBootp(exchange: Exchange): DhcpDecision {
  const reserved = reservedAddress(exchange);
  if (reserved !== undefined) return answer({ exchange, address: reserved }, leaseTimeFor(exchange));
  const open = exchange.segment.subnets.filter((subnet) => subnet.document.spec.dynamicBootp);
  const [first] = open;
  if (first === undefined) return silent(`${clientText(exchange)} speaks BOOTP and has no reservation`);
  const there = onSubnet({ ...exchange, segment: { ...exchange.segment, subnets: open } }, open.includes(exchange.subnet) ? exchange.subnet : first);
  const found = findAddress(there, undefined);
  return found === undefined ? withoutAddress(there) : answer(found, infiniteLease);
}

function answer({ exchange, address }: Found, leaseTime: number): DhcpDecision {
  const refusal = refusalOf(exchange, address);
  if (refusal !== undefined) return silent(refusal.reason, { events: refusal.events });
  const text = `gave ${address} to ${clientText(exchange)} by BOOTP${leaseTime === infiniteLease ? " for ever" : ""}`;
  const { leases, offers } = grant(exchange, address, leaseTime);
  return {
    reply: { packet: bootpReply(exchange, address), destination: replyDestination(exchange, address) },
    leases, offers,
    events: [clientEvent(exchange, "dhcp.ack", address, text)],
    reason: text,
  };
}
