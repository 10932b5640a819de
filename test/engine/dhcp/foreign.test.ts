import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { foreignServer, type Via } from "../../../provider/engine/dhcp";
import type { ServerDocument, Stored, SubnetDocument } from "../../../provider/model/documents";
import { messageTypes, optionEntry, options, type DhcpPacket } from "../../../provider/wire/dhcp";
import { serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { eth1, stranger } from "./world";

const via: Via = { interface: eth1, served: [eth1, { name: "eth2", addresses: [{ address: "10.78.0.1", prefix: 24 }] }], source: { address: "0.0.0.0", port: 68 } };
const selects = (server: string, fields: Partial<DhcpPacket> = {}, type: number = messageTypes.request): DhcpPacket =>
  clientPacket(stranger, type, [optionEntry(options.serverId, server)], fields);
const stored = <D extends ServerDocument | SubnetDocument>(document: D): Stored<D> => ({ ...document, rev: 1 });

function seen(packet: DhcpPacket, change: { server?: Parameters<typeof serverDocument>[0]; subnet?: Parameters<typeof subnetDocument>[0]; via?: Partial<Via> } = {}): string | undefined {
  return foreignServer(packet, { ...via, ...change.via }, { server: stored(serverDocument(change.server)), subnets: [stored(subnetDocument(change.subnet))] });
}

describe("F12 which packets give another DHCP server away", () => {
  test("F12 A1 a REQUEST that selects it; not one that selects us by any of our addresses, nor one that names nobody", () => {
    assert.equal(seen(selects("10.77.0.9")), "10.77.0.9");
    assert.equal(seen(selects("10.77.0.1")), undefined);
    assert.equal(seen(selects("10.78.0.1")), undefined);
    assert.equal(seen(clientPacket(stranger, messageTypes.request)), undefined);
    assert.equal(seen(selects("10.77.0.9", {}, messageTypes.discover)), undefined);
  });

  test("F12 a reply, by its option 54 or its source", () => {
    const reply = (entries: readonly (readonly [number, Uint8Array])[]): DhcpPacket => clientPacket(stranger, messageTypes.offer, entries, { op: 2 });
    const from = (address: string): { via: Partial<Via> } => ({ via: { source: { address, port: 67 } } });
    assert.equal(seen(reply([optionEntry(options.serverId, "10.77.0.9")]), from("10.77.0.8")), "10.77.0.9");
    assert.equal(seen(reply([]), from("10.77.0.9")), "10.77.0.9");
    assert.equal(seen(reply([optionEntry(options.serverId, "10.77.0.1")]), from("10.77.0.1")), undefined);
    assert.equal(seen(reply([]), from("0.0.0.0")), undefined);
  });

  test("F12 in proxy mode, where it is allowed, and on networks that aren't declared it is nobody's business", () => {
    assert.equal(seen(selects("10.77.0.9"), { server: { dhcpMode: "proxy" } }), undefined);
    assert.equal(seen(selects("10.77.0.9"), { subnet: { dhcpMode: "proxy" } }), undefined);
    assert.equal(seen(selects("10.77.0.9"), { server: { dhcpMode: "proxy" }, subnet: { dhcpMode: "full" } }), "10.77.0.9");
    assert.equal(seen(selects("10.77.0.9"), { server: { allowForeignDhcp: true } }), undefined);
    assert.equal(seen(selects("10.77.0.9"), { subnet: { cidr: "10.99.0.0/24", pools: [], routers: [] } }), undefined);
  });

  test("F12 A33 behind a relay: by its network, and not the relay's own address where it stands for us (RFC 5107)", () => {
    const relayed = (fields: Partial<DhcpPacket>, more: readonly (readonly [number, Uint8Array])[] = []): DhcpPacket => {
      const packet = selects("10.99.0.9", fields);
      return { ...packet, options: new Map([...packet.options, ...more]) };
    };
    const far = { subnet: { cidr: "10.99.0.0/24", pools: [], routers: [] } };
    assert.equal(seen(relayed({ giaddr: "10.99.0.254" }), far), "10.99.0.9");
    assert.equal(seen(relayed({ giaddr: "10.55.0.254" }), far), undefined);
    assert.equal(seen(relayed({ giaddr: "192.0.2.7" }), { subnet: { ...far.subnet, relays: ["192.0.2.7"] } }), "10.99.0.9");
    assert.equal(seen(relayed({ giaddr: "10.99.0.254" }, [[82, Uint8Array.of(11, 4, 10, 99, 0, 9)]]), far), undefined);
  });
});
