import type { NewEvent } from "../../model/control";
import { anyAddress, broadcastFlag, messageTypes, optionEntry, options, pxeSubOptions, readOption, type DhcpPacket, type MessageName } from "../../wire/dhcp";
import { bootFields, type BootFields } from "./boot-options";
import { classify } from "./client";
import { silent, type DhcpDecision, type Sighting } from "./decision";
import { replyDestination } from "./destination";
import { clientEvent, clientText } from "./events";
import { isOurs, isRefused, openExchange, type Exchange } from "./exchange";
import type { DhcpFacts, Via } from "./facts";
import { asksAgain } from "./quirks";
import { fitted, frame } from "./reply";

/** What is to be done about a packet on the PXE service's port. No lease is ever given there. */
export interface PxeServiceDecision {
  /** To the address and port that the request came from. */
  readonly reply: DhcpPacket | undefined;
  readonly events: readonly NewEvent[];
  readonly sighting?: Sighting;
  readonly reason: string;
}

/**
 * Port 67 beside somebody else's DHCP server (PXE 2.1 section 2.2.3): boot information for those that boot from the network, and for
 * nobody an address, a refusal, or anything that another server could be taken to have said. The rest is only listened to.
 */
export function decideProxy(exchange: Exchange): DhcpDecision {
  const { client } = exchange;
  switch (client.ask.kind) {
    case "discover":
      return offer(exchange);
    case "selecting":
      if (isOurs(exchange, client.ask.serverId)) return silent(`${clientText(exchange)} asks for an address, which a proxy doesn't give`);
      return heard(exchange, client.ask.address);
    // It extends the lease of an address that it has: by broadcast, or here where this server gave it in former times.
    case "extend":
      return heard(exchange, client.ask.address);
    default:
      return silent(`${clientText(exchange)} speaks to its DHCP server`);
  }
}

/**
 * Port 4011 (PXE 2.1 section 2.2.6, BINL): a client that has its address and took the proxy's offer asks for its boot file.
 * @param now Unix time in milliseconds
 * @throws PXE_PACKET_MALFORMED for what no client may send: it is to be dropped and counted
 */
export function decidePxeService(packet: DhcpPacket, via: Via, facts: DhcpFacts, now: number): PxeServiceDecision {
  const source = via.source.address;
  // Some leave ciaddr out: the address that they send from is theirs all the same.
  const client = classify(packet.ciaddr === anyAddress ? { ...packet, ciaddr: source } : packet);
  if (readOption(packet.options, options.messageType) !== messageTypes.request) return quiet("it is no request");
  const exchange = openExchange(packet, client, via, facts, now);
  if (typeof exchange === "string") return quiet(exchange);
  if (exchange.mode !== "proxy") return quiet(`${exchange.subnet.document.name} is served in full`);
  if (!client.isPxe) return quiet(`${clientText(exchange)} is no PXE client`);
  if (isRefused(exchange)) return quiet(`${clientText(exchange)} is not declared`);
  if (client.ask.kind === "selecting" && !isOurs(exchange, client.ask.serverId)) return quiet(`it is for the server ${client.ask.serverId}`);
  const sighting = source === anyAddress ? {} : { sighting: { mac: client.mac, address: source } };
  const boot = bootFields(exchange);
  if (boot === undefined) return { ...quiet(`there is nothing to boot for ${clientText(exchange)}`), ...sighting };
  const text = `told ${clientText(exchange)} at ${source} to boot ${fileOf(boot)}`;
  const reply = { ...proxyReply(exchange, "ack", withBootItem(packet, boot)), ciaddr: packet.ciaddr };
  return { reply, events: [clientEvent(exchange, "dhcp.ack", source, text)], ...sighting, reason: text };
}

function offer(exchange: Exchange): DhcpDecision {
  const { client } = exchange;
  if (!client.isPxe && !client.isHttpClient) return silent(`${clientText(exchange)} is no PXE client`);
  const boot = bootFields(exchange);
  if (boot === undefined) return silent(`there is nothing to boot for ${clientText(exchange)}`);
  const text = `offered ${fileOf(boot)} to ${clientText(exchange)}, beside the server that gives it an address`;
  const packet = proxyReply(exchange, "offer", asksAgain(exchange) ? withoutFile(boot) : boot);
  return {
    reply: { packet, destination: packet.giaddr === anyAddress ? { kind: "broadcast" } : replyDestination(exchange, anyAddress) },
    leases: [], offers: [],
    events: [clientEvent(exchange, "dhcp.offer", null, text)],
    reason: text,
  };
}

function heard(exchange: Exchange, address: string): DhcpDecision {
  return silent(`${clientText(exchange)} asks another server for ${address}`, { sighting: { mac: exchange.client.mac, address } });
}

/** Without an address there is no way to the client but broadcast, for a relay too. Option 82 goes back whole or not at all (RFC 3046). */
function proxyReply(exchange: Exchange, type: MessageName, boot: BootFields): DhcpPacket {
  const relay = exchange.packet.options.get(options.relayAgent.code);
  const entries = new Map([
    optionEntry(options.messageType, messageTypes[type]),
    optionEntry(options.serverId, exchange.serverId),
    // What the boot says of itself comes after, and counts.
    optionEntry(options.vendorClass, "PXEClient"),
    ...boot.options,
    ...(relay === undefined ? [] : [[options.relayAgent.code, relay] as const]),
  ]);
  const packet = fitted(exchange, frame(exchange, entries, boot));
  return type === "offer" ? { ...packet, flags: packet.flags | broadcastFlag } : packet;
}

/** An offer to be asked again: what to boot is said then. */
function withoutFile(boot: BootFields): BootFields {
  return { ...boot, file: "", options: boot.options.filter(([code]) => code !== options.bootFile.code) };
}

/** PXE 2.1, table 2-2: a boot server repeats the boot item that it was asked for. */
function withBootItem(packet: DhcpPacket, boot: BootFields): BootFields {
  const item = (readOption(packet.options, options.vendorSpecific) ?? []).find(({ code }) => code === pxeSubOptions.bootItem);
  if (item === undefined) return boot;
  return { ...boot, options: [...boot.options.filter(([code]) => code !== options.vendorSpecific.code), optionEntry(options.vendorSpecific, [item])] };
}

function fileOf(boot: BootFields): string {
  const named = boot.options.find(([code]) => code === options.bootFile.code)?.[1];
  return named === undefined ? "what it chooses" : options.bootFile.type.decode(named, "");
}

function quiet(reason: string): PxeServiceDecision {
  return { reply: undefined, events: [], reason };
}
