import type { ClientClass } from "../../model/dhcp-settings";
import type { ServerDocument, SubnetDocument } from "../../model/documents";
import type { DhcpPacket } from "../../wire/dhcp";
import { decideBoot, type BootDecision } from "../boot";
import type { HostRecord } from "../facts";
import type { Lease } from "../leases";
import { bindingsOf } from "./binding-owner";
import type { ClientRecord } from "./client";
import { classesOf } from "./client-class";
import type { DhcpFacts, Via } from "./facts";
import { serverAddress, serverAddresses } from "./server-address";
import { chooseSegment, preferredSubnet, type Segment, type ServedSubnet } from "./subnet";

/** One request with all that its answer is made from. */
export interface Exchange {
  readonly packet: DhcpPacket;
  readonly client: ClientRecord;
  readonly via: Via;
  readonly facts: DhcpFacts;
  /** Unix time in milliseconds. */
  readonly now: number;
  readonly subnet: ServedSubnet;
  /** All subnets that the client may be on, `subnet` among them. */
  readonly segment: Segment;
  /** This server's address, as siaddr. */
  readonly server: string;
  /** What option 54 says: `server`, or what the relay overrode it with (RFC 5107). */
  readonly serverId: string;
  readonly authoritative: boolean;
  /** The declared host that the client is, unless another document took over from it. */
  readonly host: HostRecord | undefined;
  /** Whether it was a declared host until another document took over from it: nothing is booted on it. */
  readonly isTakenOver: boolean;
  readonly boot: BootDecision;
  /** Those of the subnet's classes that the client belongs to, in their order. */
  readonly classes: readonly ClientClass[];
  /** Whether addresses are given out here, or only boot information beside somebody else's server. */
  readonly mode: "full" | "proxy";
  /**
   * What offers are kept by. A declared host is known by its MAC whatever its client identifier: PXE ROM, installer and installed
   * system each send another one.
   */
  readonly identity: string;
  /** The client's bindings on the segment: those that hold first, then the one that ended last. */
  readonly own: readonly Lease[];
}

const none: readonly ClientClass[] = [];

/** Brings together what is known of the request; a sentence when it isn't for this server at all. */
export function openExchange(packet: DhcpPacket, client: ClientRecord, via: Via, facts: DhcpFacts, now: number): Exchange | string {
  const segment = chooseSegment(facts, packet, client, via);
  if (typeof segment === "string") return segment;
  const record = facts.state.hostByMac(client.mac);
  const host = record?.supersededBy === undefined ? record : undefined;
  const identity = host === undefined ? client.key : `mac ${client.mac}`;
  const own = bindingsOf({ client, host, facts, now }, facts.leases, segment.subnets);
  const offered = segment.subnets.length > 1 ? facts.leases.offerTo(identity, now)?.address : undefined;
  const subnet = preferredSubnet(segment.subnets, { client, host, own, offered, now });
  const server = subnet === undefined ? undefined : serverAddress(via, subnet);
  if (subnet === undefined || server === undefined) return `${via.interface.name} has no address`;
  return {
    packet, client, via, facts, now, subnet, segment, server, host, identity, own,
    serverId: client.relay.serverIdOverride ?? server,
    authoritative: isAuthoritative(facts.state.server),
    isTakenOver: record !== undefined && host === undefined,
    boot: decideBoot(record, client, now),
    classes: classesIn(subnet, client, host),
    mode: modeOf(subnet.document, facts.state.server),
  };
}

/** The same request, as it is on another subnet of its segment. */
export function onSubnet(exchange: Exchange, subnet: ServedSubnet): Exchange {
  const { client, facts, host, via } = exchange;
  const server = serverAddress(via, subnet) ?? exchange.server;
  return { ...exchange, subnet, server, serverId: client.relay.serverIdOverride ?? server, classes: classesIn(subnet, client, host), mode: modeOf(subnet.document, facts.state.server) };
}

function classesIn(subnet: ServedSubnet, client: ClientRecord, host: HostRecord | undefined): readonly ClientClass[] {
  const { classes } = subnet.document.spec;
  return classes.length === 0 ? none : classesOf(classes, client, host !== undefined);
}

/**
 * Whether it may say no to clients that are unknown here. Beside another server that is meant to be there they may be that one's: a
 * refusal would take away the address that it gave them.
 */
function isAuthoritative(server: ServerDocument | undefined): boolean {
  return server === undefined || (server.spec.authoritative && !server.spec.allowForeignDhcp);
}

/** What is done on a subnet: what it says itself, else what its server says. */
export function modeOf(subnet: SubnetDocument, server: ServerDocument | undefined): Exchange["mode"] {
  return subnet.spec.dhcpMode ?? server?.spec.dhcpMode ?? "full";
}

/** Whether the subnet wants machines that aren't declared left without any answer. */
export function isRefused({ host, subnet }: Exchange): boolean {
  return host === undefined && subnet.document.spec.unknownClients === "known-only";
}

/** Whether a server identifier means this server: any of its addresses does (RFC 2131 section 4.1). */
export function isOurs(exchange: Exchange, serverId: string): boolean {
  return serverId === exchange.serverId || serverAddresses(exchange.via.served).texts.has(serverId);
}
