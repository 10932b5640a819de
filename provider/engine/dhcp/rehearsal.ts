import { formatIpv4, ipv4, network } from "../../model/ip";
import type { HostDocument, ProfileDocument, ServerSpec, Stored, SubnetDocument } from "../../model/documents";
import { anyAddress, bootRequest, messageTypes, optionEntry, options, type DhcpPacket } from "../../wire/dhcp";
import type { InstallFacts } from "../facts";
import { LeaseTable } from "../lease-table";
import { DocumentView } from "../view";
import type { Via } from "./facts";
import { decideDhcp } from "./index";

/** What is known of one machine before any server is. */
export interface Rehearsed {
  readonly server: ServerSpec | undefined;
  readonly subnet: SubnetDocument;
  readonly profile: ProfileDocument;
  readonly host: HostDocument;
}

/** How a boot ROM's exchange would end. */
export interface Rehearsal {
  /** The ACK, or the offer of a proxy; undefined where the machine would get neither. */
  readonly reply: DhcpPacket | undefined;
  /** One clause, where there is no reply. */
  readonly reason: string;
  /** Stands for the server's own address, which only the target knows; nothing else in the documents has it. */
  readonly standIn: string;
}

/** What a PXE ROM asks for (Intel Boot Agent, iPXE). */
export const romParameters: readonly number[] = [1, 2, 3, 4, 5, 6, 11, 12, 13, 15, 16, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97, 128, 129, 130, 131, 132, 133, 134, 135];

/**
 * DISCOVER, and where an address is offered REQUEST, of a BIOS boot ROM at the host's first MAC, decided as the agent would that holds
 * only these documents.
 * @param asksFor its option 55
 */
export function rehearse(input: Rehearsed, asksFor = romParameters): Rehearsal {
  const standIn = freeAddress(input);
  const served = { name: "eth0", addresses: [{ address: standIn, prefix: network(input.subnet.spec.cidr).prefix }] };
  const via: Via = { interface: served, served: [served], source: { address: anyAddress, port: 68 } };
  const facts = { state: viewOf(input), leases: new LeaseTable() };
  const mac = input.host.spec.macs[0] ?? "";
  const discovered = decideDhcp(romPacket(mac, messageTypes.discover, asksFor, []), via, facts, 0);
  const offer = discovered.reply?.packet;
  // A proxy gives no address: its offer is all that it says to a BIOS ROM.
  if (offer === undefined || offer.yiaddr === anyAddress) return { reply: offer, reason: discovered.reason, standIn };
  for (const write of discovered.offers) facts.leases.applyOffer(write);
  const asked = [optionEntry(options.requestedAddress, offer.yiaddr), optionEntry(options.serverId, standIn)];
  const requested = decideDhcp(romPacket(mac, messageTypes.request, asksFor, asked), via, facts, 0);
  return { reply: requested.reply?.packet, reason: requested.reason, standIn };
}

function romPacket(mac: string, type: number, asksFor: readonly number[], entries: readonly (readonly [number, Uint8Array])[]): DhcpPacket {
  const chaddr = new Uint8Array(16);
  chaddr.set(mac.split(":").map((part) => Number.parseInt(part, 16)));
  return {
    op: bootRequest, htype: 1, hlen: 6, hops: 0, xid: 1, secs: 0, flags: 0,
    ciaddr: anyAddress, yiaddr: anyAddress, siaddr: anyAddress, giaddr: anyAddress, chaddr, sname: "", file: "",
    options: new Map([
      optionEntry(options.messageType, type),
      ...entries,
      optionEntry(options.parameterList, asksFor),
      // The least that a PXE ROM takes (PXE 2.1 section 2.2.3.1 has 1024, ROMs send 1260 and more).
      optionEntry(options.maxMessageSize, 1024),
      optionEntry(options.vendorClass, "PXEClient:Arch:00000:UNDI:002001"),
      optionEntry(options.clientArchitecture, [0]),
      optionEntry(options.networkInterface, Uint8Array.of(1, 2, 1)),
    ]),
  };
}

function viewOf({ server, subnet, profile, host }: Rehearsed): DocumentView {
  const { owner, schemaVersion } = host;
  const documents = [subnet, profile, host, ...(server === undefined ? [] : [{ kind: "server" as const, name: "server", owner, schemaVersion, spec: server }])];
  const facts: InstallFacts = {
    id: "", owner, name: host.name, macs: host.spec.macs, uuids: [], state: "armed", since: 0, reason: "planned", token: null,
    armedUntil: null, installedAt: null, consumed: [], sshHostKeys: [],
  };
  return new DocumentView(documents.map((document, index): Stored => ({ ...document, rev: index + 1 })), () => facts, () => undefined);
}

/**
 * An address of the subnet that nothing in the documents names: outside the pools if there is one, and the highest. In a subnet
 * that is full, the highest that is not the host's.
 */
function freeAddress({ subnet, host }: Rehearsed): string {
  const net = network(subnet.spec.cidr);
  const single = (address: string | undefined) => (address === undefined ? [] : [{ from: ipv4(address), to: ipv4(address) }]);
  const own = single(host.spec.ip);
  const named = [...own, ...[...subnet.spec.routers, ...subnet.spec.dnsServers].flatMap(single)];
  const pools = subnet.spec.pools.map((pool) => ({ from: ipv4(pool.from), to: ipv4(pool.to) }));
  for (const taken of [[...named, ...pools], named, own]) {
    const edges = [net.last - 1, ...taken.map((range) => range.from - 1), net.first + 1];
    const free = edges.filter((address) => address > net.first && address < net.last && !taken.some((range) => range.from <= address && address <= range.to));
    if (free.length > 0) return formatIpv4(Math.max(...free));
  }
  return formatIpv4(net.last - 1);
}
