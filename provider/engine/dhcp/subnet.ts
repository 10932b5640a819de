import { contains, ipv4 } from "../../model/ip";
import { anyAddress, type DhcpPacket } from "../../wire/dhcp";
import type { Lease } from "../leases";
import type { HostRecord } from "../facts";
import { isHeld } from "./bindings";
import type { ClientRecord } from "./client";
import type { DhcpFacts, Via } from "./facts";
import { subnetIndex, type ServedSubnet, type SubnetIndex } from "./served-subnet";
import { onLink } from "./server-address";

export type { ServedSubnet } from "./served-subnet";

/** The subnets that a client may be on: it is on one segment, which several may share. */
export interface Segment {
  readonly subnets: readonly ServedSubnet[];
  /** Whether the client chose it by option 118, which is then repeated in replies (RFC 3011 section 3). */
  readonly selected: boolean;
}

/**
 * Where a client is: by the relay's link selection (RFC 3527), by option 118 where that is switched on (RFC 3011), by giaddr, by
 * the client's own address when its request was routed here, else by the receiving interface. A sentence where it is not served.
 * A relay that no subnet allows is not answered, whatever it selects (NETBOOT F3).
 */
export function chooseSegment(facts: DhcpFacts, packet: DhcpPacket, client: ClientRecord, via: Via): Segment | string {
  const { subnets, server } = facts.state;
  const index = subnetIndex(subnets);
  const isRelayed = packet.giaddr !== anyAddress;
  const relayed = isRelayed ? index.ofRelay(packet.giaddr) : [];
  if (isRelayed && relayed.length === 0) return `no subnet allows the relay ${packet.giaddr}`;
  // Without a relay sub-option 5 is the client's own invention.
  const link = isRelayed ? client.relay.linkSelection : undefined;
  const selection = server?.spec.subnetSelection === true ? client.subnetSelection : undefined;
  const selected = link ?? selection;
  const here = onLink(subnets, via.interface.addresses);
  if (selected !== undefined) {
    const subnet = index.at(ipv4(selected));
    if (subnet === undefined) return `${selected}, which it selects, is in no declared subnet`;
    // A subnet that names its relays is open to them alone, and to its own segment.
    const isOpen = subnet.relays.size === 0 || (isRelayed ? subnet.relays.has(packet.giaddr) : here.includes(subnet));
    return isOpen ? { subnets: [subnet], selected: link === undefined } : `${subnet.document.name} does not allow the relay ${packet.giaddr}`;
  }
  if (isRelayed) return { subnets: relayed, selected: false };
  const routed = routedSubnet(index, packet, via, facts);
  if (routed !== undefined) return { subnets: [routed], selected: false };
  return here.length === 0 ? "it is on no declared subnet" : { subnets: here, selected: false };
}

/**
 * RFC 2131 section 4.4.5: a client renews by unicast, past its relay. Only an address of a subnet that is on none of the served
 * interfaces can have come that way; one of another interface's subnet is a client that was moved.
 */
function routedSubnet(index: SubnetIndex, packet: DhcpPacket, via: Via, facts: DhcpFacts): ServedSubnet | undefined {
  // No router lets a broadcast through.
  if (via.isBroadcast === true || packet.ciaddr === anyAddress || packet.ciaddr !== via.source.address) return undefined;
  const subnet = index.at(ipv4(packet.ciaddr));
  if (subnet === undefined || onLink(facts.state.subnets, via.interface.addresses).includes(subnet)) return undefined;
  return via.served.some((item) => onLink(facts.state.subnets, item.addresses).includes(subnet)) ? undefined : subnet;
}

/** What the choice among the subnets of one segment is made from. */
export interface Wish {
  readonly client: ClientRecord;
  readonly host: HostRecord | undefined;
  /** See `Exchange.own`. */
  readonly own: readonly Lease[];
  /** The address that is offered to the client. */
  readonly offered: string | undefined;
  readonly now: number;
}

/**
 * Of several subnets on one segment that of the address which is asked about; for a client that asks for any, the one that its
 * address is reserved in, else its host's own, else that of an address which it holds, is offered, had, or wishes for; else the first.
 * Subnets that don't answer unknown clients are none of theirs.
 */
export function preferredSubnet(subnets: readonly ServedSubnet[], wish: Wish): ServedSubnet | undefined {
  if (subnets.length <= 1) return subnets[0];
  const { client: { ask }, host, own, offered, now } = wish;
  const open = host === undefined ? subnets.filter(({ document }) => document.spec.unknownClients !== "known-only") : subnets;
  const of = (address: string | undefined) => {
    const value = address === undefined ? undefined : ipv4(address);
    return value === undefined ? undefined : open.find((subnet) => contains(subnet.net, value));
  };
  const declared = host?.document;
  const reserved = of(declared?.spec.ip);
  const first = open[0] ?? subnets[0];
  if (ask.kind !== "discover" && ask.kind !== "bootp") return of(ask.address) ?? reserved ?? first;
  const home = open.find(({ document }) => document.name === declared?.spec.subnet && document.owner === declared.owner);
  const held = own.find((lease) => isHeld(lease, now))?.address;
  return reserved ?? home ?? of(held) ?? of(offered) ?? of(own[0]?.address) ?? of(ask.kind === "discover" ? ask.wants : undefined) ?? first;
}
