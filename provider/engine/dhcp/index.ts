import { anyAddress, type DhcpPacket } from "../../wire/dhcp";
import type { NewEvent } from "../../model/control";
import { onBootp } from "./bootp";
import { classify, type ClientRecord } from "./client";
import { silent, type DhcpDecision } from "./decision";
import { onDiscover } from "./discover";
import { clientText } from "./events";
import { isRefused, openExchange, type Exchange } from "./exchange";
import type { DhcpFacts, Via } from "./facts";
import { onInform } from "./inform";
import { decideProxy } from "./proxy";
import { onDecline, onRelease } from "./release";
import { onExtend, onInitReboot, onSelecting } from "./request";

export type { DhcpDecision, Destination, LeaseWrite, OfferWrite, Sighting } from "./decision";
export { foreignServer } from "./foreign";
export type { DhcpFacts, InterfaceAddress, InterfaceView, Via } from "./facts";
export { modeOf } from "./exchange";
export { onProbeAnswered } from "./probe";
export { decidePxeService, type PxeServiceDecision } from "./proxy";
export { onLink } from "./server-address";

/**
 * Decides what to do about one packet.
 * @param now Unix time in milliseconds
 * @throws PXE_PACKET_MALFORMED for what no client may send: it is to be dropped and counted
 */
export function decideDhcp(packet: DhcpPacket, via: Via, facts: DhcpFacts, now: number): DhcpDecision {
  const client = classify(packet);
  const exchange = openExchange(packet, client, via, facts, now);
  return typeof exchange === "string" ? silent(exchange, { events: relayAlert(packet, client) }) : answer(exchange);
}

/** The text names no relay: alerts of one text are told once in a while, and who forges one giaddr forges many. */
function relayAlert({ giaddr }: DhcpPacket, { mac }: ClientRecord): readonly NewEvent[] {
  if (giaddr === anyAddress) return [];
  return [{ kind: "alert", host: null, mac, address: giaddr, text: "a relay passes on requests that no subnet allows it to" }];
}

function answer(exchange: Exchange): DhcpDecision {
  if (isRefused(exchange)) return silent(`${clientText(exchange)} is not declared`);
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
    case "bootp":
      return onBootp(exchange);
  }
}
