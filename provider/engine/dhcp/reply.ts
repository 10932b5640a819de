import { formatIpv4, netmask } from "../../model/ip";
import {
  anyAddress, bootReply, broadcastFlag, encodedLength, messageTypes, optionEntry, options, type DhcpPacket, type MessageName,
} from "../../wire/dhcp";
import { bootFields, type BootFields } from "./boot-options";
import type { Exchange } from "./exchange";
import { isWithheld } from "./quirks";

type Entry = readonly [number, Uint8Array];

/** What a client gets that sent no parameter list (GRUB's `net_bootp`). */
const defaultParameters = [
  options.subnetMask, options.routers, options.dnsServers, options.hostname, options.domainName, options.broadcastAddress,
].map((option) => option.code);

/** Left out first, and in this order, when a reply is longer than the client takes. */
const expendable = [
  options.relayAgent, options.broadcastAddress, options.domainName, options.hostname, options.clientId, options.machineId,
].map((option) => option.code);

/** An OFFER or ACK of an address for a time in seconds. */
export function leaseReply(exchange: Exchange, type: "offer" | "ack", address: string, leaseTime: number): DhcpPacket {
  const boot = bootFields(exchange);
  const entries = [
    ...head(exchange, type),
    optionEntry(options.leaseTime, leaseTime),
    optionEntry(options.renewalTime, Math.floor(leaseTime * 0.5)),
    optionEntry(options.rebindingTime, Math.floor(leaseTime * 0.875)),
    ...parameters(exchange, boot),
    ...echoes(exchange),
  ];
  const ciaddr = type === "ack" ? exchange.packet.ciaddr : anyAddress;
  return fitted(exchange, { ...frame(exchange, entries), ciaddr, yiaddr: address, ...bootHeader(boot) });
}

/** The ACK of an INFORM: parameters, but no address and no times (RFC 2131 section 4.3.5). */
export function informReply(exchange: Exchange): DhcpPacket {
  const boot = bootFields(exchange);
  const entries = [...head(exchange, "ack"), ...parameters(exchange, boot), ...echoes(exchange)];
  return fitted(exchange, { ...frame(exchange, entries), ciaddr: exchange.packet.ciaddr, ...bootHeader(boot) });
}

/**
 * A refusal (RFC 2131 section 4.3.1, table 3): no addresses, no boot file. Towards a relay the broadcast bit is set, as the
 * client may hold an address of another network.
 */
export function nakReply(exchange: Exchange, reason: string): DhcpPacket {
  const entries = [...head(exchange, "nak"), optionEntry(options.message, reason), ...echoes(exchange)];
  const packet = frame(exchange, entries);
  return fitted(exchange, packet.giaddr === anyAddress ? packet : { ...packet, flags: packet.flags | broadcastFlag });
}

/** RFC 2131 section 4.3.1, table 3: what every reply copies from its request; hops and secs it doesn't. */
export function frame(exchange: Exchange, entries: readonly Entry[]): DhcpPacket {
  const { htype, hlen, xid, flags, giaddr, chaddr } = exchange.packet;
  return {
    op: bootReply, htype, hlen, hops: 0, xid, secs: 0, flags,
    ciaddr: anyAddress, yiaddr: anyAddress, siaddr: anyAddress, giaddr, chaddr,
    sname: "", file: "", options: new Map(entries),
  };
}

export function bootHeader(boot: BootFields | undefined): Partial<Pick<DhcpPacket, "siaddr" | "sname" | "file">> {
  return boot === undefined ? {} : { siaddr: boot.siaddr, sname: boot.sname, file: boot.file };
}

function head(exchange: Exchange, type: MessageName): readonly Entry[] {
  return [optionEntry(options.messageType, messageTypes[type]), optionEntry(options.serverId, exchange.serverId)];
}

/**
 * Client identifier (RFC 6842) and relay information, byte for byte (RFC 3046 section 2.2).
 */
function echoes(exchange: Exchange): readonly Entry[] {
  return [options.clientId.code, options.relayAgent.code].flatMap((code) => {
    const value = exchange.packet.options.get(code);
    return value === undefined ? [] : [[code, value] as const];
  });
}

/**
 * What the subnet, the host and its boot say, in the order that the client asked for (RFC 2132 section 9.8), the mask before the
 * routers (section 3.3). The mask and what a boot needs go to everybody: ROMs use what they didn't ask for.
 */
function parameters(exchange: Exchange, boot: BootFields | undefined): readonly Entry[] {
  const available = new Map<number, Uint8Array>([...subnetParameters(exchange), ...(boot?.options ?? [])]);
  const needed = [options.subnetMask.code, ...(boot?.options ?? []).map(([code]) => code), ...(boot?.needs ?? [])];
  const wanted = [...(exchange.client.asksFor ?? defaultParameters), ...needed];
  const order = maskFirst([...new Set(wanted)]);
  return order.flatMap((code) => {
    const value = available.get(code);
    return value === undefined || isWithheld(exchange, code, value) ? [] : [[code, value] as const];
  });
}

function maskFirst(order: readonly number[]): readonly number[] {
  const mask = options.subnetMask.code;
  const routers = order.indexOf(options.routers.code);
  if (routers === -1 || order.indexOf(mask) < routers) return order;
  const rest = order.filter((code) => code !== mask);
  return [...rest.slice(0, routers), mask, ...rest.slice(routers)];
}

function subnetParameters(exchange: Exchange): readonly Entry[] {
  const { net, document } = exchange.subnet;
  const { routers, dnsServers, domainName } = document.spec;
  const hostname = exchange.host?.document.spec.hostname;
  return [
    optionEntry(options.subnetMask, formatIpv4(netmask(net))),
    optionEntry(options.broadcastAddress, formatIpv4(net.last)),
    ...(routers.length === 0 ? [] : [optionEntry(options.routers, routers)]),
    ...(dnsServers.length === 0 ? [] : [optionEntry(options.dnsServers, dnsServers)]),
    ...(domainName === undefined ? [] : [optionEntry(options.domainName, domainName)]),
    ...(hostname === undefined ? [] : [optionEntry(options.hostname, hostname)]),
  ];
}

/** The reply without what it can do without, until it is no longer than the client takes. */
function fitted(exchange: Exchange, packet: DhcpPacket): DhcpPacket {
  const kept = new Map(packet.options);
  for (const code of expendable) {
    if (encodedLength({ ...packet, options: kept }) <= exchange.client.maxReply) break;
    kept.delete(code);
  }
  return { ...packet, options: kept };
}
