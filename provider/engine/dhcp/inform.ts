import { contains, ipv4 } from "../../model/ip";
import { silent, type DhcpDecision } from "./decision";
import { informDestination } from "./destination";
import { clientText } from "./events";
import type { Exchange } from "./exchange";
import { informReply } from "./reply";

/**
 * DHCPINFORM: parameters for a client that has its address from elsewhere (RFC 2131 section 4.3.5); no lease is looked at. The
 * answer goes to the address that the client names: one of another network would make this server write to strangers.
 */
export function onInform(exchange: Exchange): DhcpDecision {
  const destination = informDestination(exchange.packet, exchange.via.source.address);
  if (destination === undefined) return silent("an INFORM without an address cannot be answered");
  const value = ipv4(destination.address);
  if (!exchange.segment.subnets.some(({ net }) => contains(net, value))) {
    return silent(`${clientText(exchange)} asks from ${destination.address}, which is on no subnet of its segment`);
  }
  return {
    reply: { packet: informReply(exchange), destination },
    leases: [], offers: [], events: [],
    reason: `told ${clientText(exchange)} the subnet's parameters`,
  };
}
