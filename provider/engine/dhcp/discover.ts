import { contains, ipv4 } from "../../model/ip";
import type { NewEvent } from "../../model/control";
import { chooseAddress, givenBack, hasPools } from "./address-choice";
import { silent, type DhcpDecision } from "./decision";
import { replyDestination } from "./destination";
import { clientEvent, clientText } from "./events";
import { onSubnet, type Exchange } from "./exchange";
import { offerTo } from "./lease-grant";
import { leaseTimeFor } from "./lease-time";
import { isNew, refusalOf } from "./new-address";
import { leaseReply } from "./reply";

/** DHCPDISCOVER: an offer, held for the client so that nobody else gets it meanwhile. */
export function onDiscover(exchange: Exchange, wants: string | undefined): DhcpDecision {
  const found = findAddress(exchange, wants);
  return found === undefined ? withoutAddress(exchange) : offer(found.exchange, found.address);
}

/** An address for the client, and the exchange as it is on the address's subnet. */
export interface Found {
  readonly exchange: Exchange;
  readonly address: string;
}

/** On the exchange's subnet, else on the first other one of its segment that has an address. */
export function findAddress(exchange: Exchange, wants: string | undefined): Found | undefined {
  const here = chooseAddress(exchange, wants);
  if (here !== undefined) return { exchange, address: here };
  for (const subnet of exchange.segment.subnets) {
    if (subnet === exchange.subnet) continue;
    const there = onSubnet(exchange, subnet);
    const address = chooseAddress(there, wants);
    if (address !== undefined) return { exchange: there, address };
  }
  return undefined;
}

function offer(exchange: Exchange, address: string): DhcpDecision {
  const { subnet } = exchange;
  const refusal = refusalOf(exchange, address);
  if (refusal !== undefined) return silent(refusal.reason, { leases: givenBack(exchange), events: refusal.events });
  const text = `offered ${address} to ${clientText(exchange)}`;
  const event = clientEvent(exchange, "dhcp.offer", address, text);
  const alert = reservationAlert(exchange, address);
  const decision: DhcpDecision = {
    reply: { packet: leaseReply(exchange, "offer", address, leaseTimeFor(exchange)), destination: replyDestination(exchange, address) },
    leases: givenBack(exchange),
    offers: [{ type: "offer.put", offer: offerTo(exchange, address) }],
    events: alert === undefined ? [event] : [alert, event],
    reason: text,
  };
  return subnet.document.spec.probe && isNew(exchange, address) ? { ...decision, probe: { address } } : decision;
}

/** No answer: another server may have an address. It is worth an event where there are pools that ran out. */
export function withoutAddress(exchange: Exchange): DhcpDecision {
  const leases = givenBack(exchange);
  const { name } = exchange.subnet.document;
  const isExhausted = exchange.segment.subnets.some((subnet) => hasPools(subnet === exchange.subnet ? exchange : onSubnet(exchange, subnet)));
  if (!isExhausted) return silent(`${name} has no pool for ${clientText(exchange)}`, { leases });
  const text = `no address is left in ${name} for ${clientText(exchange)}`;
  return silent(text, { leases, events: [clientEvent(exchange, "dhcp.exhausted", null, text)] });
}

/** A host that gets another address than its document says is worth a line: whoever holds its own keeps it until it renews. */
function reservationAlert(exchange: Exchange, offered: string): NewEvent | undefined {
  const { host, facts, segment } = exchange;
  const reserved = host?.document.spec.ip;
  if (host === undefined || reserved === undefined || reserved === offered) return undefined;
  if (!segment.subnets.some(({ net }) => contains(net, ipv4(reserved)))) return undefined;
  const holder = facts.leases.byAddress(reserved)?.mac ?? "another machine";
  return clientEvent(exchange, "alert", reserved, `${reserved}, reserved for ${host.document.name}, is in use by ${holder}`);
}
