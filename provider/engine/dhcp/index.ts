import type { DhcpPacket } from "../../wire/dhcp";
import { classify } from "./client";
import { silent, type DhcpDecision } from "./decision";
import { informDestination } from "./destination";
import { onDiscover } from "./discover";
import { clientText } from "./events";
import { openExchange, type Exchange } from "./exchange";
import type { DhcpFacts, Via } from "./facts";
import { decideProxy } from "./proxy";
import { onDecline, onRelease } from "./release";
import { informReply } from "./reply";
import { onExtend, onInitReboot, onSelecting } from "./request";

export type { DhcpDecision, Destination, LeaseWrite, OfferWrite, Sighting } from "./decision";
export type { DhcpFacts, InterfaceAddress, InterfaceView, Via } from "./facts";
export { modeOf } from "./exchange";
export { decidePxeService, type PxeServiceDecision } from "./proxy";

/**
 * Decides what to do about one packet.
 * @param now Unix time in milliseconds
 * @throws PXE_PACKET_MALFORMED for what no client may send: it is to be dropped and counted
 */
export function decideDhcp(packet: DhcpPacket, via: Via, facts: DhcpFacts, now: number): DhcpDecision {
  const client = classify(packet);
  const exchange = openExchange(packet, client, via, facts, now);
  return typeof exchange === "string" ? silent(exchange) : answer(exchange);
}

function answer(exchange: Exchange): DhcpDecision {
  if (exchange.mode === "proxy") return decideProxy(exchange);
  const { ask } = exchange.client;
  switch (ask.kind) {
    case "discover":
      return onDiscover(exchange, ask.wants);
    case "selecting":
      return onSelecting(exchange, ask.serverId, ask.address);
    case "init-reboot":
      return onInitReboot(exchange, ask.address);
    case "extend":
      return onExtend(exchange, ask.address);
    case "release":
      return onRelease(exchange, ask.serverId, ask.address);
    case "decline":
      return onDecline(exchange, ask.serverId, ask.address);
    case "inform":
      return onInform(exchange);
  }
}

/** DHCPINFORM: parameters for a client that has its address from elsewhere (RFC 2131 section 4.3.5); no lease is looked at. */
function onInform(exchange: Exchange): DhcpDecision {
  const destination = informDestination(exchange.packet, exchange.via.source.address);
  if (destination === undefined) return silent("an INFORM without an address cannot be answered");
  return {
    reply: { packet: informReply(exchange), destination },
    leases: [], offers: [], events: [],
    reason: `told ${clientText(exchange)} the subnet's parameters`,
  };
}
