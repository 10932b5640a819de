import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decideDhcp } from "../../../provider/engine/dhcp";
import { DocumentIndex, documentKey } from "../../../provider/engine/document-index";
import type { InstallFacts } from "../../../provider/engine/facts";
import { LeaseTable } from "../../../provider/engine/lease-table";
import { DocumentView } from "../../../provider/engine/view";
import { messageTypes, optionEntry, options } from "../../../provider/wire/dhcp";
import type { Document } from "../../../provider/model/documents";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { activeLease, assertSilent, biosRom, db1, db1Second, eth1, replyOf, standardDocuments, stranger, stranger2, World } from "./world";

const adopted: InstallFacts = {
  id: "db1", owner: "lab/test", name: "db1", macs: [db1], uuids: [], state: "adopted", since: 0, reason: "", token: null,
  armedUntil: null, installedAt: null, consumed: [], sshHostKeys: [],
};
const small = (from: string, to: string, more = {}) =>
  [serverDocument(), subnetDocument({ pools: [{ from, to }], ...more }), profileDocument(), hostDocument()];
const wants = (address: string) => [optionEntry(options.requestedAddress, address)];
const clientId = (...bytes: number[]) => [optionEntry(options.clientId, Uint8Array.from(bytes))];
const macBytes = [0x52, 0x54, 0, 0xaa, 0, 1];

describe("who a client is", () => {
  test("A14 option 61 of type and MAC is the client without it; another one is another client", () => {
    const world = new World();
    const address = world.lease(stranger);
    assert.equal(world.lease(stranger, clientId(1, ...macBytes)), address);
    assert.notEqual(world.lease(stranger, clientId(0xff, 1, 2, 3)), address);
  });

  test("A14 a declared host without a reservation keeps its address whatever its option 61", () => {
    const world = new World({ documents: [...standardDocuments(), hostDocument({ macs: [stranger], ip: undefined }, "db2")] });
    const address = world.lease(stranger);
    for (const id of [clientId(1, ...macBytes), clientId(0xff, 1, 2, 3), clientId(0, 9, 9)]) assert.equal(world.lease(stranger, id), address);
  });

  test("A14 a client identifier that a declared host shows too, as clones of one image do, makes nobody else that host", () => {
    const world = new World({ documents: [...standardDocuments(), hostDocument({ macs: [stranger], ip: undefined }, "db2")] });
    const shared = clientId(0xff, 1, 2, 3);
    const address = world.lease(stranger, shared);
    const clone = world.lease(stranger2, shared);
    assert.notEqual(clone, address);
    replyOf(world.extend(stranger, address, shared), "ack");
    assert.equal(world.lease(stranger2, shared), clone);
  });

  test("A14 without a hardware address a client is known by its option 61", () => {
    const world = new World();
    const ask = (type: number, last: number, ...more: readonly (readonly [number, Uint8Array])[]) =>
      world.send(clientPacket(stranger, type, [...clientId(0xff, last), ...more], { htype: 32, hlen: 0, chaddr: new Uint8Array(16), flags: 0x8000 }));
    const addresses = [1, 2, 1].map((last) => replyOf(ask(messageTypes.discover, last), "offer").yiaddr);
    assert.deepEqual(addresses, ["10.77.0.100", "10.77.0.101", "10.77.0.100"]);
    const selecting = [optionEntry(options.requestedAddress, "10.77.0.100"), optionEntry(options.serverId, "10.77.0.1")];
    const decision = ask(messageTypes.request, 1, ...selecting);
    replyOf(decision, "ack");
    assert.deepEqual(decision.reply?.destination, { kind: "broadcast" });
    replyOf(ask(messageTypes.request, 2, ...selecting), "nak");
  });

  test("A14 without option 61 and hardware address a packet is malformed", () => {
    assert.throws(() => new World().decide(clientPacket(stranger, messageTypes.discover, [], { hlen: 0 })), { code: "PXE_PACKET_MALFORMED" });
  });
});

describe("choice of an address", () => {
  test("A15 reservation, binding, previous binding, wish, pool, in this order", () => {
    const world = new World();
    assert.equal(replyOf(world.discover(db1, wants("10.77.0.150")), "offer").yiaddr, "10.77.0.11");
    assert.equal(replyOf(world.discover(stranger, wants("10.77.0.150")), "offer").yiaddr, "10.77.0.150");
    const held = new World({ leases: [activeLease("10.77.0.160", stranger)] });
    assert.equal(replyOf(held.discover(stranger, wants("10.77.0.150")), "offer").yiaddr, "10.77.0.160");
    const before = new World({ leases: [activeLease("10.77.0.170", stranger, { state: "released", expiresAt: 5 })] });
    assert.equal(replyOf(before.discover(stranger, wants("10.77.0.150")), "offer").yiaddr, "10.77.0.170");
    assert.equal(replyOf(before.discover(stranger2), "offer").yiaddr, "10.77.0.100");
  });

  test("A15 a wish that can't be met gets an address of the pool", () => {
    const world = new World({ leases: [activeLease("10.77.0.150", stranger2)] });
    for (const address of ["10.77.0.150", "10.77.0.50", "10.77.0.11", "192.168.1.1"]) {
      assert.equal(replyOf(world.discover(stranger, wants(address)), "offer").yiaddr, "10.77.0.100");
    }
  });

  test("A15 the host's address is its by any of its MACs", () => {
    const world = new World();
    assert.equal(world.lease(db1), "10.77.0.11");
    assert.equal(world.lease(db1Second), "10.77.0.11");
  });

  test("A15 it goes along when firmware asks by one card and the installed system by another", () => {
    const world = new World({ state: "installed" });
    assert.equal(world.lease(db1, biosRom), "10.77.0.11");
    assert.equal(world.lease(db1Second), "10.77.0.11");
  });

  test("A16 a reservation inside the pool is taken out of it", () => {
    const world = new World({ documents: small("10.77.0.11", "10.77.0.12") });
    assert.equal(world.lease(stranger), "10.77.0.12");
    assertSilent(world.discover(stranger2));
    assert.equal(world.lease(db1), "10.77.0.11");
  });

  test("A16 a reserved address that somebody still holds: another one, an alert, and a NAK for the holder's renewal", () => {
    const world = new World({ leases: [activeLease("10.77.0.11", stranger)] });
    const offer = world.discover(db1);
    assert.equal(replyOf(offer, "offer").yiaddr, "10.77.0.100");
    assert.deepEqual(offer.events.map((event) => event.kind), ["alert", "dhcp.offer"]);
    replyOf(world.extend(stranger, "10.77.0.11"), "nak");
    world.now += 3_600_001;
    assert.equal(world.lease(db1), "10.77.0.11");
  });

  test("A16 two hosts whose reservations were swapped each get their own, by booting again or when they renew", () => {
    const other = stranger;
    for (const again of ["discover", "extend"] as const) {
      const documents = standardDocuments().map((doc) => (doc.kind === "subnet" ? { ...doc, spec: { ...doc.spec, pools: [] } } : doc));
      const swap = (one: string, two: string): readonly Document[] => [
        ...documents.filter((doc) => doc.kind !== "host"), hostDocument({ ip: one }), hostDocument({ macs: [other], ip: two }, "db2"),
      ];
      const world = new World({ documents: swap("10.77.0.11", "10.77.0.12") });
      assert.deepEqual([world.lease(db1), world.lease(other)], ["10.77.0.11", "10.77.0.12"]);
      world.declare(swap("10.77.0.12", "10.77.0.11"));
      for (const [mac, address] of [[db1, "10.77.0.11"], [other, "10.77.0.12"]] as const) {
        if (again === "extend") replyOf(world.extend(mac, address), "nak");
        else world.discover(mac);
      }
      assert.deepEqual([world.lease(db1), world.lease(other)], ["10.77.0.12", "10.77.0.11"]);
    }
  });

  test("A16 a reservation that was removed is refused at renewal when no pool has it", () => {
    const world = new World();
    world.lease(db1);
    world.declare(standardDocuments().slice(0, 3));
    replyOf(world.extend(db1, "10.77.0.11"), "nak");
  });

  test("A17 an offered address goes to nobody else until the offer times out", () => {
    const world = new World({ documents: small("10.77.0.100", "10.77.0.100") });
    replyOf(world.discover(stranger), "offer");
    assertSilent(world.discover(stranger2));
    assertSilent(world.discover(stranger2, wants("10.77.0.100")));
    replyOf(world.select(stranger2, "10.77.0.100"), "nak");
    assert.equal(replyOf(world.discover(stranger), "offer").yiaddr, "10.77.0.100");
    world.now += 60_000;
    assert.equal(replyOf(world.discover(stranger2), "offer").yiaddr, "10.77.0.100");
  });

  test("A17 two thousand machines that all ask before any takes its offer: each gets the address that it was offered, and one more gets none", () => {
    const world = new World({ documents: small("10.80.0.1", "10.80.7.208", { cidr: "10.80.0.0/16", routers: [] }) });
    const macs = Array.from({ length: 2000 }, (_, index) => `52:54:01:00:${(index >> 8).toString(16).padStart(2, "0")}:${(index & 0xff).toString(16).padStart(2, "0")}`);
    const on = { interface: { name: "eth1", addresses: [{ address: "10.80.255.1", prefix: 16 }] } };
    const offers = macs.map((mac) => replyOf(world.discover(mac, [], {}, on), "offer").yiaddr);
    assert.equal(new Set(offers).size, macs.length);
    assertSilent(world.discover(stranger, [], {}, on));
    // In another order than they were offered in, and some of them ask again first.
    for (const [index, mac] of [...macs.entries()].reverse()) {
      if (index % 3 === 0) assert.equal(replyOf(world.discover(mac, [], {}, on), "offer").yiaddr, offers[index]);
      const selecting = [optionEntry(options.requestedAddress, offers[index] ?? ""), optionEntry(options.serverId, "10.80.255.1")];
      assert.equal(replyOf(world.send(clientPacket(mac, messageTypes.request, selecting), on), "ack").yiaddr, offers[index]);
    }
  });

  test("A20 an exhausted pool is silent, with an event; a subnet without pools is silent without", () => {
    const world = new World({ documents: small("10.77.0.100", "10.77.0.100") });
    world.lease(stranger);
    const decision = world.discover(stranger2);
    assertSilent(decision);
    assert.deepEqual(decision.events.map((event) => event.kind), ["dhcp.exhausted"]);
    assert.equal(world.lease(db1), "10.77.0.11");
    const none = new World({ documents: [serverDocument(), subnetDocument({ pools: [] })] }).discover(stranger);
    assertSilent(none);
    assert.deepEqual(none.events, []);
  });

  test("an expired lease is given to another only when no unused address is left, the oldest first", () => {
    const leases = [activeLease("10.77.0.100", stranger, { expiresAt: 20 }), activeLease("10.77.0.101", stranger2, { expiresAt: 10 })];
    const world = new World({ documents: small("10.77.0.100", "10.77.0.102"), leases });
    const given = [3, 4, 5].map((last) => world.lease(`52:54:00:aa:00:0${String(last)}`));
    assert.deepEqual(given, ["10.77.0.102", "10.77.0.101", "10.77.0.100"]);
  });

  test("A37 network, broadcast, server, relay and router addresses are never leased", () => {
    const documents = small("10.77.0.0", "10.77.0.255", { cidr: "10.77.0.0/24", routers: ["10.77.0.2"] });
    const world = new World({ documents });
    const relayed = { giaddr: "10.77.0.3" };
    for (const address of ["10.77.0.0", "10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.255"]) {
      assert.equal(replyOf(world.discover(stranger, wants(address), relayed), "offer").yiaddr, "10.77.0.4");
      replyOf(world.select(stranger, address, [], relayed), "nak");
    }
  });

  test("A37 .0 and .255 inside a wider network are fine", () => {
    const world = new World({ documents: small("10.77.0.255", "10.77.1.0", { cidr: "10.77.0.0/16" }) });
    assert.deepEqual([world.lease(stranger), world.lease(stranger2)], ["10.77.0.255", "10.77.1.0"]);
  });
});

test("A16 a reservation that is declared or taken back in a running agent holds from the next packet on", () => {
  const index = new DocumentIndex([serverDocument(), subnetDocument()].map((document, rev) => ({ ...document, rev })));
  const state = new DocumentView(index, () => adopted, () => undefined);
  const leases = new LeaseTable();
  const via = { interface: eth1, served: [eth1], source: { address: "0.0.0.0", port: 68 } };
  const offered = (): string | undefined => decideDhcp(clientPacket(stranger, messageTypes.discover, []), via, { state, leases }, 0).reply?.packet.yiaddr;
  assert.equal(offered(), "10.77.0.100");
  const host = hostDocument({ macs: [db1], ip: "10.77.0.100" });
  index.put({ ...host, rev: 9 });
  assert.equal(offered(), "10.77.0.101");
  index.remove(documentKey(host));
  assert.equal(offered(), "10.77.0.100");
});
