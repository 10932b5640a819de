import { contains, ipv4 } from "../../model/ip";
import { anyAddress, bootReply, messageTypes, options, readOption, relaySubOptions, type DhcpPacket } from "../../wire/dhcp";
import { modeOf } from "./exchange";
import type { DhcpFacts, Via } from "./facts";
import { servedSubnet } from "./served-subnet";
import { serverAddresses } from "./server-address";

/**
 * The address of another DHCP server that a packet gives away: a client's REQUEST that selects it, or its own reply. Undefined for
 * all others, where another server is expected (proxy mode, `allowForeignDhcp`), and on networks that aren't declared.
 */
export function foreignServer(packet: DhcpPacket, via: Via, state: Pick<DhcpFacts["state"], "server" | "subnets">): string | undefined {
  const named = packet.options.get(options.serverId.code);
  if (packet.op !== bootReply && (named === undefined || packet.options.get(options.messageType.code)?.[0] !== messageTypes.request)) return undefined;
  const address = named?.length === 4 ? named.join(".") : via.source.address;
  if (address === anyAddress || serverAddresses(via.served).texts.has(address) || (packet.op !== bootReply && address === overrideOf(packet))) return undefined;
  return givesAddresses(packet, via, state) ? address : undefined;
}

/** Behind some relays this server goes by the relay's address (RFC 5107). */
function overrideOf(packet: DhcpPacket): string | undefined {
  const relay = packet.options.has(options.relayAgent.code) ? readOption(packet.options, options.relayAgent) : undefined;
  return relay?.find((item) => item.code === relaySubOptions.serverIdOverride)?.value.join(".");
}

function givesAddresses(packet: DhcpPacket, via: Via, { server, subnets }: Pick<DhcpFacts["state"], "server" | "subnets">): boolean {
  if (server?.spec.allowForeignDhcp === true) return false;
  const here = packet.giaddr === anyAddress ? via.interface.addresses.map((item) => item.address) : [packet.giaddr];
  return subnets.some((subnet) => {
    if (modeOf(subnet, server) === "proxy") return false;
    const { net, relays } = servedSubnet(subnet);
    return here.some((address) => contains(net, ipv4(address)) || relays.has(address));
  });
}
