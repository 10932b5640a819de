import { contains, ipv4, netmask, network, parseNetwork, type Network } from "../../model/ip";
import type { Stored, SubnetDocument } from "../../model/documents";
import { anyAddress, type DhcpPacket } from "../../wire/dhcp";
import type { ClientRecord } from "./client";
import type { InterfaceAddress, InterfaceView, Via } from "./facts";

/** A declared subnet with its network parsed. */
export interface ServedSubnet {
  readonly document: Stored<SubnetDocument>;
  readonly net: Network;
}

type Subnets = readonly Stored<SubnetDocument>[];

/**
 * The subnet that a client is on: by the relay's link selection (RFC 3527), by giaddr, by the client's own address when its
 * request was routed here, else by the receiving interface's addresses in their order. Undefined where none is declared.
 */
export function chooseSubnet(subnets: Subnets, packet: DhcpPacket, client: ClientRecord, via: Via): ServedSubnet | undefined {
  if (client.relay.linkSelection !== undefined) return subnetOf(subnets, client.relay.linkSelection);
  if (packet.giaddr !== anyAddress) return subnetOf(subnets, packet.giaddr);
  return routedSubnet(subnets, packet, via) ?? firstOf(via.interface.addresses, (item) => subnetOf(subnets, item.address));
}

/**
 * RFC 2131 section 4.4.5: a client renews by unicast, past its relay. Only an address of a subnet that is on none of the served
 * interfaces can have come that way; one of another interface's subnet is a client that was moved.
 */
function routedSubnet(subnets: Subnets, packet: DhcpPacket, via: Via): ServedSubnet | undefined {
  if (packet.ciaddr === anyAddress || packet.ciaddr !== via.source.address) return undefined;
  const subnet = subnetOf(subnets, packet.ciaddr);
  return subnet === undefined || via.served.some((item) => isOn(item, subnet)) ? undefined : subnet;
}

function isOn(item: InterfaceView, subnet: ServedSubnet): boolean {
  return item.addresses.some(({ address }) => contains(subnet.net, ipv4(address)));
}

/**
 * The address that clients of the subnet know this server by: one inside the subnet, else one whose own network covers it,
 * else the interface's first.
 */
export function serverAddress(via: Via, subnet: ServedSubnet): string | undefined {
  const { addresses } = via.interface;
  const inside = addresses.find(({ address }) => contains(subnet.net, ipv4(address)));
  return (inside ?? addresses.find((item) => covers(item, subnet.net)) ?? addresses[0])?.address;
}

function covers(item: InterfaceAddress, net: Network): boolean {
  const own = parseNetwork(`${item.address}/${String(item.prefix)}`);
  return own !== undefined && netmask(own) <= netmask(net) && contains(own, net.first);
}

function subnetOf(subnets: Subnets, address: string): ServedSubnet | undefined {
  const value = ipv4(address);
  return firstOf(subnets, (document) => {
    const net = network(document.spec.cidr);
    return contains(net, value) ? { document, net } : undefined;
  });
}

function firstOf<T, R>(items: readonly T[], pick: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = pick(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
