import { contains, ipv4, network, type Ipv4Number, type Network } from "../../model/ip";
import { oncePer } from "../once";
import type { DhcpFacts, InterfaceAddress, InterfaceView, Via } from "./facts";
import { subnetIndex, type ServedSubnet } from "./served-subnet";

/** An interface's address with its numbers worked out. */
interface OwnAddress {
  readonly address: string;
  readonly value: Ipv4Number;
  /** What its prefix makes its network; undefined for a single address, as of a tunnel. */
  readonly net: Network | undefined;
}

const ownAddresses = oncePer((addresses: readonly InterfaceAddress[]): readonly OwnAddress[] =>
  addresses.map(({ address, prefix }) => ({
    address, value: ipv4(address), net: prefix >= 1 && prefix <= 30 ? network(`${address}/${String(prefix)}`) : undefined,
  })));

/** Every address that the server has on what it serves. */
export interface ServerAddresses {
  readonly texts: ReadonlySet<string>;
  readonly values: ReadonlySet<Ipv4Number>;
}

export const serverAddresses = oncePer((served: readonly InterfaceView[]): ServerAddresses => {
  const all = served.flatMap((item) => ownAddresses(item.addresses));
  return { texts: new Set(all.map((item) => item.address)), values: new Set(all.map((item) => item.value)) };
});

type Subnets = DhcpFacts["state"]["subnets"];

const onLinkOf = oncePer((subnets: Subnets) => oncePer((addresses: readonly InterfaceAddress[]): readonly ServedSubnet[] => {
  const index = subnetIndex(subnets);
  const own = ownAddresses(addresses);
  const inside = own.flatMap(({ value }) => index.at(value) ?? []);
  const around = own.flatMap((item) => index.all.filter((subnet) => subnet.relays.size === 0 && covers(item, subnet.net)));
  return [...new Set([...inside, ...around])];
}));

/**
 * The subnets of an interface's segment: those that its addresses lie in, in their order, then those inside one of its networks
 * that no relay is named for. More than one share the segment.
 */
export function onLink(subnets: Subnets, addresses: readonly InterfaceAddress[]): readonly ServedSubnet[] {
  return onLinkOf(subnets)(addresses);
}

const serverAddressOf = oncePer((addresses: readonly InterfaceAddress[]) => oncePer((subnet: ServedSubnet): string => {
  const own = ownAddresses(addresses);
  const inside = own.find(({ value }) => contains(subnet.net, value));
  return (inside ?? own.find((item) => covers(item, subnet.net)) ?? own[0])?.address ?? "";
}));

/**
 * The address that clients of the subnet know this server by: one inside the subnet, else one whose own network covers it,
 * else the interface's first. Undefined where it has none.
 */
export function serverAddress(via: Via, subnet: ServedSubnet): string | undefined {
  const { addresses } = via.interface;
  return addresses.length === 0 ? undefined : serverAddressOf(addresses)(subnet);
}

function covers({ net }: OwnAddress, inner: Network): boolean {
  return net !== undefined && net.first <= inner.first && inner.last <= net.last;
}
