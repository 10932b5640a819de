import { contains, ipv4, network } from "../../model/ip";
import { anyAddress, bootReply, messageTypes, options, readOption, relaySubOptions, type DhcpPacket } from "../../wire/dhcp";
import type { DhcpFacts, Via } from "./facts";

/**
 * The address of another DHCP server that a packet gives away: a client's REQUEST that selects it, or its own reply. Undefined for
 * all others, where another server is expected (proxy mode, `allowForeignDhcp`), and on networks that aren't declared.
 */
export function foreignServer(packet: DhcpPacket, via: Via, state: Pick<DhcpFacts["state"], "server" | "subnets">): string | undefined {
  const named = packet.options.get(options.serverId.code);
  if (packet.op !== bootReply && (named === undefined || packet.options.get(options.messageType.code)?.[0] !== messageTypes.request)) return undefined;
  const address = named?.length === 4 ? named.join(".") : via.source.address;
  if (address === anyAddress || isOwn(address, via) || (packet.op !== bootReply && address === overrideOf(packet))) return undefined;
  return givesAddresses(packet, via, state) ? address : undefined;
}

function isOwn(address: string, via: Via): boolean {
  return via.served.some((item) => item.addresses.some((own) => own.address === address));
}

/** Behind some relays this server goes by the relay's address (RFC 5107). */
function overrideOf(packet: DhcpPacket): string | undefined {
  const relay = packet.options.has(options.relayAgent.code) ? readOption(packet.options, options.relayAgent) : undefined;
  return relay?.find((item) => item.code === relaySubOptions.serverIdOverride)?.value.join(".");
}

function givesAddresses(packet: DhcpPacket, via: Via, { server, subnets }: Pick<DhcpFacts["state"], "server" | "subnets">): boolean {
  if (server?.spec.allowForeignDhcp === true) return false;
  const here = packet.giaddr === anyAddress ? via.interface.addresses.map((item) => item.address) : [packet.giaddr];
  return subnets.some(({ spec }) => {
    if ((spec.dhcpMode ?? server?.spec.dhcpMode ?? "full") === "proxy") return false;
    const net = network(spec.cidr);
    return here.some((address) => contains(net, ipv4(address)) || spec.relays.includes(address));
  });
}
