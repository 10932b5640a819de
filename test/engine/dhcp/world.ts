import assert from "node:assert/strict";
import { decideDhcp, decidePxeService, onProbeAnswered, type DhcpDecision, type DhcpFacts, type InterfaceView, type PxeServiceDecision, type Via } from "../../../provider/engine/dhcp";
import type { LeaseLimits } from "../../../provider/engine/dhcp/facts";
import type { InstallFacts } from "../../../provider/engine/facts";
import { LeaseTable } from "../../../provider/engine/lease-table";
import type { Lease } from "../../../provider/engine/leases";
import { DocumentView } from "../../../provider/engine/view";
import type { InstallState } from "../../../provider/model/control";
import type { Document } from "../../../provider/model/documents";
import { messageTypes, optionEntry, options, readOption, type DhcpPacket, type MessageName } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";

export const db1 = "52:54:00:12:34:56";
export const db1Second = "52:54:00:12:34:57";
export const stranger = "52:54:00:aa:00:01";
export const stranger2 = "52:54:00:aa:00:02";
export const server = "10.77.0.1";

export const eth1: InterfaceView = { name: "eth1", addresses: [{ address: server, prefix: 24 }] };

/** Option 60, 93, 94 and 97 of a BIOS boot ROM. */
export const biosRom = [
  optionEntry(options.vendorClass, "PXEClient:Arch:00000:UNDI:002001"),
  optionEntry(options.clientArchitecture, [0]),
  optionEntry(options.networkInterface, Uint8Array.of(1, 2, 1)),
  optionEntry(options.machineId, Uint8Array.from([0, ...Array.from({ length: 16 }, (_, index) => index + 1)])),
] as const;

type Entries = readonly (readonly [number, Uint8Array])[];

/** What a world starts from. */
export interface WorldOptions {
  readonly documents?: readonly Document[];
  readonly leases?: readonly Lease[];
  readonly state?: InstallState;
  readonly served?: readonly InterfaceView[];
  readonly limits?: LeaseLimits;
}

/** A server's memory and clock, with decisions taking effect as the shell lets them. */
export class World {
  now = 1_000_000_000;
  leases: LeaseTable;
  private view: DocumentView;

  constructor(private readonly settings: WorldOptions = {}) {
    this.leases = new LeaseTable(settings.leases);
    this.view = this.viewOf(settings.documents ?? standardDocuments());
  }

  declare(documents: readonly Document[]): void {
    this.view = this.viewOf(documents);
  }

  /** Forgets the offers, as a restart does. */
  restart(): void {
    this.leases = new LeaseTable(this.leases.all());
  }

  decide(packet: DhcpPacket, via: Partial<Via> = {}): DhcpDecision {
    return decideDhcp(packet, this.via(packet, via), this.facts(), this.now);
  }

  /** What follows when something answers the ping of an address; it takes effect. */
  probeAnswered(packet: DhcpPacket, address: string): DhcpDecision {
    return this.effect(onProbeAnswered(packet, this.via(packet, {}), this.facts(), this.now, address));
  }

  private via(packet: DhcpPacket, via: Partial<Via>): Via {
    const from = via.interface ?? eth1;
    return { interface: from, served: this.settings.served ?? [from], source: { address: packet.ciaddr, port: 68 }, ...via };
  }

  /** What decisions are made from. */
  facts(): DhcpFacts {
    const { limits } = this.settings;
    return { state: this.view, leases: this.leases, ...(limits !== undefined && { limits }) };
  }

  /** Asks the PXE service of a proxy. */
  askService(packet: DhcpPacket, source: string): PxeServiceDecision {
    return decidePxeService(packet, { interface: eth1, served: [eth1], source: { address: source, port: 1068 } }, { state: this.view, leases: this.leases }, this.now);
  }

  /** Decides, and lets the decision take effect. */
  send(packet: DhcpPacket, via: Partial<Via> = {}): DhcpDecision {
    return this.effect(this.decide(packet, via));
  }

  private effect(decision: DhcpDecision): DhcpDecision {
    for (const write of decision.offers) this.leases.applyOffer(write);
    for (const write of decision.leases) this.leases.apply(write);
    if (decision.leases.length > 0) {
      for (const write of decision.offers) if (write.type === "offer.put") this.leases.applyOffer({ type: "offer.drop", address: write.offer.address });
    }
    return decision;
  }

  discover(mac: string, entries: Entries = [], fields: Partial<DhcpPacket> = {}, via: Partial<Via> = {}): DhcpDecision {
    return this.send(clientPacket(mac, messageTypes.discover, entries, fields), via);
  }

  /** SELECTING. */
  select(mac: string, address: string, entries: Entries = [], fields: Partial<DhcpPacket> = {}, via: Partial<Via> = {}): DhcpDecision {
    const asked = [optionEntry(options.requestedAddress, address), optionEntry(options.serverId, server), ...entries];
    return this.send(clientPacket(mac, messageTypes.request, asked, fields), via);
  }

  /** DISCOVER and REQUEST; the address leased. */
  lease(mac: string, entries: Entries = [], fields: Partial<DhcpPacket> = {}, via: Partial<Via> = {}): string {
    const offer = replyOf(this.discover(mac, entries, fields, via), "offer");
    const ack = replyOf(this.select(mac, offer.yiaddr, entries, fields, via), "ack");
    assert.equal(ack.yiaddr, offer.yiaddr);
    return ack.yiaddr;
  }

  reboot(mac: string, address: string, entries: Entries = [], via: Partial<Via> = {}): DhcpDecision {
    return this.send(clientPacket(mac, messageTypes.request, [optionEntry(options.requestedAddress, address), ...entries]), via);
  }

  extend(mac: string, ciaddr: string, entries: Entries = [], via: Partial<Via> = {}): DhcpDecision {
    return this.send(clientPacket(mac, messageTypes.request, entries, { ciaddr }), { source: { address: ciaddr, port: 68 }, ...via });
  }

  release(mac: string, ciaddr: string, entries: Entries = [optionEntry(options.serverId, server)]): DhcpDecision {
    return this.send(clientPacket(mac, messageTypes.release, entries, { ciaddr }));
  }

  decline(mac: string, address: string): DhcpDecision {
    return this.send(clientPacket(mac, messageTypes.decline, [optionEntry(options.requestedAddress, address), optionEntry(options.serverId, server)]));
  }

  private viewOf(documents: readonly Document[]): DocumentView {
    const stored = documents.map((document, index) => ({ ...document, rev: index + 1 }));
    return new DocumentView(stored, (host) => facts(host.name, host.spec.macs, this.settings.state ?? "armed"), () => undefined);
  }
}

export function standardDocuments(): Document[] {
  return [serverDocument(), subnetDocument(), profileDocument(), hostDocument({ macs: [db1, db1Second] })];
}

/** The reply of a decision, which must be of this type. */
export function replyOf(decision: DhcpDecision, type: MessageName): DhcpPacket {
  assert.ok(decision.reply, decision.reason);
  assert.equal(readOption(decision.reply.packet.options, options.messageType), messageTypes[type], decision.reason);
  return decision.reply.packet;
}

export function assertSilent(decision: DhcpDecision): void {
  assert.equal(decision.reply, undefined, decision.reason);
  assert.deepEqual(decision.leases, []);
}

export function activeLease(address: string, mac: string, more: Partial<Lease> = {}): Lease {
  return { address, mac, clientId: null, owner: "lab/test", subnet: "provisioning", state: "active", expiresAt: 1_003_600_000, ...more };
}

function facts(name: string, macs: readonly string[], state: InstallState): InstallFacts {
  return {
    id: name, owner: "lab/test", name, macs, uuids: [], state, since: 0, reason: "first install", token: null, armedUntil: null,
    installedAt: null, consumed: [], sshHostKeys: [],
  };
}
