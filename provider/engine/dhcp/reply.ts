import { anyAddress, bootReply, broadcastFlag, encodedLength, ethernetPayload, messageTypes, optionEntry, options, type DhcpPacket, type MessageName } from "../../wire/dhcp";
import { bootFields, type BootFields } from "./boot-options";
import type { Exchange } from "./exchange";
import { leaseTimes } from "./lease-time";
import { addParameters } from "./parameters";

/** Left out first, and in this order, when a reply is longer than the client takes. */
const expendable = [
  options.broadcastAddress, options.domainName, options.hostname, options.clientId, options.machineId,
].map((option) => option.code);

/** Never left out: without them a client has no lease, no way to its neighbours, or nothing to boot. */
const indispensable: readonly number[] = [
  options.messageType, options.serverId, options.leaseTime, options.renewalTime, options.rebindingTime, options.subnetMask, options.routers,
  options.dnsServers, options.vendorClass, options.vendorSpecific, options.tftpServer, options.bootFile,
].map((option) => option.code);

/** An OFFER or ACK of an address for a time in seconds. */
export function leaseReply(exchange: Exchange, type: "offer" | "ack", address: string, leaseTime: number): DhcpPacket {
  const boot = bootFields(exchange);
  return withParameters(exchange, (without) => {
    const entries = head(exchange, type);
    const { lease, renewal, rebinding } = leaseTimes(exchange, leaseTime);
    entries.set(options.leaseTime.code, seconds(lease));
    if (renewal !== undefined) entries.set(options.renewalTime.code, seconds(renewal));
    if (rebinding !== undefined) entries.set(options.rebindingTime.code, seconds(rebinding));
    addParameters(exchange, boot, entries, without);
    addEchoes(exchange, entries);
    return frame(exchange, entries, boot, type === "ack" ? exchange.packet.ciaddr : anyAddress, address);
  });
}

/** The ACK of an INFORM: parameters, but no address and no times (RFC 2131 section 4.3.5). */
export function informReply(exchange: Exchange): DhcpPacket {
  const boot = bootFields(exchange);
  return withParameters(exchange, (without) => {
    const entries = head(exchange, "ack");
    addParameters(exchange, boot, entries, without);
    addEchoes(exchange, entries);
    return frame(exchange, entries, boot, exchange.packet.ciaddr, anyAddress);
  });
}

/**
 * The answer to a BOOTP client: none of the options that only DHCP has (RFC 1534 section 2). The boot file stands in the header,
 * where such a client looks; its 64 bytes of options are for the rest.
 */
export function bootpReply(exchange: Exchange, address: string): DhcpPacket {
  const boot = bootFields(exchange);
  return withParameters(exchange, (without) => {
    const entries = new Map<number, Uint8Array>();
    addParameters(exchange, undefined, entries, without);
    const relay = exchange.packet.options.get(options.relayAgent.code);
    if (relay !== undefined) entries.set(options.relayAgent.code, relay);
    return frame(exchange, entries, boot, exchange.packet.ciaddr, address);
  });
}

/**
 * A refusal (RFC 2131 section 4.3.1, table 3): no addresses, no boot file. Towards a relay the broadcast bit is set, as the
 * client may hold an address of another network.
 */
export function nakReply(exchange: Exchange, reason: string): DhcpPacket {
  const entries = head(exchange, "nak");
  const [code, message] = optionEntry(options.message, reason);
  entries.set(code, message);
  addEchoes(exchange, entries);
  const packet = frame(exchange, entries);
  return fitted(exchange, packet.giaddr === anyAddress ? packet : { ...packet, flags: packet.flags | broadcastFlag });
}

/** RFC 2131 section 4.3.1, table 3: what every reply copies from its request; hops and secs it doesn't. */
export function frame(exchange: Exchange, entries: ReadonlyMap<number, Uint8Array>, boot?: BootFields, ciaddr = anyAddress, yiaddr = anyAddress): DhcpPacket {
  const { htype, hlen, xid, flags, giaddr, chaddr } = exchange.packet;
  return {
    op: bootReply, htype, hlen, hops: 0, xid, secs: 0, flags,
    ciaddr, yiaddr, siaddr: boot?.siaddr ?? anyAddress, giaddr, chaddr,
    sname: boot?.sname ?? "", file: boot?.file ?? "", options: entries,
  };
}

const typeBytes: Readonly<Record<MessageName, Uint8Array>> = {
  discover: Uint8Array.of(messageTypes.discover), offer: Uint8Array.of(messageTypes.offer), request: Uint8Array.of(messageTypes.request),
  decline: Uint8Array.of(messageTypes.decline), ack: Uint8Array.of(messageTypes.ack), nak: Uint8Array.of(messageTypes.nak),
  release: Uint8Array.of(messageTypes.release), inform: Uint8Array.of(messageTypes.inform),
};

function head(exchange: Exchange, type: MessageName): Map<number, Uint8Array> {
  const entries = new Map<number, Uint8Array>();
  entries.set(options.messageType.code, typeBytes[type]);
  entries.set(options.serverId.code, optionEntry(options.serverId, exchange.serverId)[1]);
  return entries;
}

function seconds(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

/**
 * Client identifier (RFC 6842, unless switched off), the chosen subnet (RFC 3011 section 3), and relay information, byte for byte and
 * last (RFC 3046 section 2.2).
 */
function addEchoes({ facts, packet, segment }: Exchange, entries: Map<number, Uint8Array>): void {
  const clientId = facts.state.server?.spec.echoClientId === false ? undefined : packet.options.get(options.clientId.code);
  if (clientId !== undefined) entries.set(options.clientId.code, clientId);
  const selection = segment.selected ? packet.options.get(options.subnetSelection.code) : undefined;
  if (selection !== undefined) entries.set(options.subnetSelection.code, selection);
  const relay = packet.options.get(options.relayAgent.code);
  if (relay !== undefined) entries.set(options.relayAgent.code, relay);
}

/** Classless routes that don't fit leave their place to the routers and static routes that they had taken (RFC 3442). */
function withParameters(exchange: Exchange, make: (without?: number) => DhcpPacket): DhcpPacket {
  const { code } = options.classlessRoutes;
  const whole = make();
  const reply = fitted(exchange, whole);
  return whole.options.has(code) && !reply.options.has(code) ? fitted(exchange, make(code)) : reply;
}

/**
 * The reply without what it can do without, until it is no longer than the client takes: then what was asked for last goes first, the
 * way out at the very last. Option 82 takes nothing from the client, as its relay takes it out again (RFC 3046 section 2.1): it is
 * left out where the wire has no room for it (section 2.2).
 */
export function fitted(exchange: Exchange, packet: DhcpPacket): DhcpPacket {
  const { ask, maxReply } = exchange.client;
  if (encodedLength(packet) <= maxReply) return packet;
  const kept = new Map(packet.options);
  const relay = kept.get(options.relayAgent.code);
  kept.delete(options.relayAgent.code);
  const needed = ask.kind === "bootp" ? [options.subnetMask.code] : indispensable;
  const { code: routes } = options.classlessRoutes;
  const rest = [...kept.keys()].filter((code) => !needed.includes(code) && !expendable.includes(code) && code !== routes).reverse();
  for (const code of [...expendable, ...rest, routes]) {
    if (encodedLength({ ...packet, options: kept }) <= maxReply) break;
    kept.delete(code);
  }
  const short = { ...packet, options: kept };
  if (relay === undefined) return short;
  const whole = { ...packet, options: new Map(kept).set(options.relayAgent.code, relay) };
  return encodedLength(whole) <= ethernetPayload ? whole : short;
}
