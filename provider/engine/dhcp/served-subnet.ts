import { ipv4, network, parseIpv4, type Ipv4Number, type Network } from "../../model/ip";
import type { Stored, SubnetDocument } from "../../model/documents";
import { ownRouters, subnetRouters } from "../../model/gateways";
import { oncePer } from "../once";
import { runsOf, without } from "./address-ranges";
import type { AddressRange } from "./bindings";
import type { DhcpFacts } from "./facts";

/** Addresses that are leased, all to clients of one class if it names one. */
export interface ServedPool {
  readonly ranges: readonly AddressRange[];
  readonly class: string | undefined;
}

/** A declared subnet with what packets ask of it worked out. */
export interface ServedSubnet {
  readonly document: Stored<SubnetDocument>;
  readonly net: Network;
  /** In the order of their declaration, without what is excluded and what is never leased. */
  readonly pools: readonly ServedPool[];
  /** Giaddrs that may speak for it; none: any that lies in it. */
  readonly relays: ReadonlySet<string>;
  /** Its network and broadcast address, its routers and relays (NETBOOT A37). */
  readonly neverLeased: ReadonlySet<Ipv4Number>;
}

export const servedSubnet = oncePer((document: Stored<SubnetDocument>): ServedSubnet => {
  const { spec } = document;
  const net = network(spec.cidr);
  const neverLeased = new Set([net.first, net.last, ...subnetRouters(document).map(({ address }) => address), ...spec.relays.map(ipv4)]);
  const holes = [...neverLeased].map((address) => ({ from: address, to: address }));
  const pools = spec.pools.map((pool) => ({
    class: pool.class,
    ranges: without(rangeOf(pool), [{ from: 0, to: net.first }, { from: net.last, to: Infinity }, ...holes, ...pool.exclude.map(rangeOf)]),
  }));
  return { document, net, pools, relays: new Set(spec.relays), neverLeased };
});

function rangeOf({ from, to }: { readonly from: string; readonly to: string }): AddressRange {
  return { from: ipv4(from), to: ipv4(to) };
}

/** All subnets that are served, to be found by address and by relay. */
export class SubnetIndex {
  readonly all: readonly ServedSubnet[];
  private readonly sorted: readonly ServedSubnet[];
  /** Of the relays that are listed. */
  private readonly byRelay = new Map<string, readonly ServedSubnet[]>();

  /** @param documents no two of them overlap */
  constructor(documents: readonly Stored<SubnetDocument>[]) {
    this.all = documents.map(servedSubnet);
    this.sorted = this.all.toSorted((a, b) => a.net.first - b.net.first);
    for (const subnet of this.all) {
      for (const relay of subnet.relays) this.byRelay.set(relay, [...(this.byRelay.get(relay) ?? []), subnet]);
    }
    for (const [relay, listed] of this.byRelay) this.byRelay.set(relay, this.ordered(relay, listed));
  }

  /** The subnet that the address lies in. */
  at(address: Ipv4Number): ServedSubnet | undefined {
    let low = 0;
    let high = this.sorted.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const subnet = this.sorted[middle];
      if (subnet === undefined) return undefined;
      if (address < subnet.net.first) high = middle - 1;
      else if (address > subnet.net.last) low = middle + 1;
      else return subnet;
    }
    return undefined;
  }

  /** The subnets that a relay may speak for: the one that its giaddr lies in first, then those that list it. */
  ofRelay(giaddr: string): readonly ServedSubnet[] {
    return this.byRelay.get(giaddr) ?? this.ordered(giaddr, []);
  }

  private ordered(giaddr: string, listed: readonly ServedSubnet[]): readonly ServedSubnet[] {
    const value = parseIpv4(giaddr);
    const around = value === undefined ? undefined : this.at(value);
    if (around === undefined || listed.includes(around)) return around === undefined ? listed : [around, ...listed.filter((subnet) => subnet !== around)];
    return around.relays.size > 0 ? listed : [around, ...listed];
  }
}

/** By the list of documents: it is another one whenever a document changes. */
export const subnetIndex = oncePer((documents: readonly Stored<SubnetDocument>[]) => new SubnetIndex(documents));

/** Reserved addresses, for the search of a free one. */
export interface Reserved {
  readonly addresses: ReadonlySet<Ipv4Number>;
  /** Routers that single hosts are told of: nobody leases those. */
  readonly routers: ReadonlySet<Ipv4Number>;
  /** Long runs of reserved addresses: to be stepped over rather than tried one by one. */
  readonly runs: readonly AddressRange[];
}

const longRun = 32;

const reservations = new WeakMap<DhcpFacts["state"], { readonly version: number; readonly reserved: Reserved }>();

/** What the declared hosts reserve. */
export function reservedAddresses(state: DhcpFacts["state"]): Reserved {
  const { version } = state;
  const known = reservations.get(state);
  if (known?.version === version) return known.reserved;
  const addresses = new Set<Ipv4Number>();
  const routers = new Set<Ipv4Number>();
  for (const { document, supersededBy } of state.hosts()) {
    if (supersededBy !== undefined) continue;
    if (document.spec.ip !== undefined) addresses.add(ipv4(document.spec.ip));
    for (const { address } of ownRouters(document)) routers.add(address);
  }
  const reserved = { addresses, routers, runs: runsOf(addresses, longRun) };
  reservations.set(state, { version, reserved });
  return reserved;
}
