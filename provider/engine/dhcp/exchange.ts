import type { DhcpPacket } from "../../wire/dhcp";
import { decideBoot, type BootDecision } from "../boot";
import type { ClientClass } from "../../model/dhcp-settings";
import type { ServerDocument, SubnetDocument } from "../../model/documents";
import type { HostRecord } from "../facts";
import type { ClientRecord } from "./client";
import { classesOf } from "./client-class";
import type { DhcpFacts, Via } from "./facts";
import { chooseSubnet, serverAddress, type ServedSubnet } from "./subnet";

/** One request with all that its answer is made from. */
export interface Exchange {
  readonly packet: DhcpPacket;
  readonly client: ClientRecord;
  readonly via: Via;
  readonly facts: DhcpFacts;
  /** Unix time in milliseconds. */
  readonly now: number;
  readonly subnet: ServedSubnet;
  /** This server's address, as siaddr. */
  readonly server: string;
  /** What option 54 says: `server`, or what the relay overrode it with (RFC 5107). */
  readonly serverId: string;
  readonly authoritative: boolean;
  /** The declared host that the client is, unless another document took over from it. */
  readonly host: HostRecord | undefined;
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
}

/** Brings together what is known of the request; a sentence when it isn't for this server at all. */
export function openExchange(packet: DhcpPacket, client: ClientRecord, via: Via, facts: DhcpFacts, now: number): Exchange | string {
  const subnet = chooseSubnet(facts.state.subnets, packet, client, via);
  if (subnet === undefined) return "it is on no declared subnet";
  const server = serverAddress(via, subnet);
  if (server === undefined) return `${via.interface.name} has no address`;
  const record = facts.state.hostByMac(client.mac);
  const host = record?.supersededBy === undefined ? record : undefined;
  return {
    packet, client, via, facts, now, subnet, server, host,
    serverId: client.relay.serverIdOverride ?? server,
    authoritative: facts.state.server?.spec.authoritative ?? true,
    boot: decideBoot(record, { mac: client.mac, firmware: client.firmware }, now),
    classes: classesOf(subnet.document.spec.classes, client, host !== undefined),
    mode: modeOf(subnet.document, facts.state.server),
    identity: host === undefined ? client.key : `mac ${client.mac}`,
  };
}

/** What is done on a subnet: what it says itself, else what its server says. */
export function modeOf(subnet: SubnetDocument, server: ServerDocument | undefined): Exchange["mode"] {
  return subnet.spec.dhcpMode ?? server?.spec.dhcpMode ?? "full";
}

/** Whether a server identifier means this server: any of its addresses does (RFC 2131 section 4.1). */
export function isOurs(exchange: Exchange, serverId: string): boolean {
  return serverId === exchange.serverId || exchange.via.served.some((item) => item.addresses.some(({ address }) => address === serverId));
}
