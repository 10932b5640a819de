import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { optionEntry, options, readOption } from "../../../provider/wire/dhcp";
import type { Document } from "../../../provider/model/documents";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { assertSilent, db1, replyOf, server, stranger, stranger2, World } from "./world";

type Spec = Parameters<typeof subnetDocument>[0];
const relay = (...bytes: number[]): readonly [number, Uint8Array] => [82, Uint8Array.from(bytes)];
const subnet = (third: number, more: Spec = {}) =>
  subnetDocument({ cidr: `10.${String(third)}.0.0/24`, pools: [{ from: `10.${String(third)}.0.100`, to: `10.${String(third)}.0.101` }], routers: [], ...more }, `net${String(third)}`);
const wants = (address: string) => [optionEntry(options.requestedAddress, address)];
const world = (...documents: readonly Document[]) => new World({ documents: [serverDocument(), profileDocument(), ...documents] });
const addressOf = (decision: ReturnType<World["discover"]>) => replyOf(decision, "offer").yiaddr;

describe("the subnet of a client", () => {
  const selection = optionEntry(options.subnetSelection, "10.79.0.0");
  const link = relay(5, 4, 10, 80, 0, 1);
  const all = [subnet(77), subnet(78), subnet(79), subnet(80)];
  const selecting = new World({ documents: [serverDocument({ subnetSelection: true }), ...all] });

  test("A33 sub-option 5 of option 82, then option 118, then giaddr, then the interface", () => {
    const relayed = { giaddr: "10.78.0.1" };
    assert.equal(addressOf(selecting.discover(stranger, [link, selection], relayed)), "10.80.0.100");
    assert.equal(addressOf(selecting.discover(stranger, [selection], relayed)), "10.79.0.100");
    assert.equal(addressOf(selecting.discover(stranger, [], relayed)), "10.78.0.100");
    assert.equal(addressOf(selecting.discover(stranger)), "10.77.0.100");
  });

  test("A33 option 118 counts for nothing unless it is switched on", () => {
    const offer = replyOf(world(...all).discover(stranger, [selection]), "offer");
    assert.equal(offer.yiaddr, "10.77.0.100");
    assert.equal(offer.options.has(118), false);
  });

  test("A33 option 118 is echoed when it was used, and only then", () => {
    const echoed = (decision: ReturnType<World["discover"]>) => readOption(replyOf(decision, "offer").options, options.subnetSelection);
    assert.equal(echoed(selecting.discover(stranger2, [selection])), "10.79.0.0");
    assert.equal(echoed(selecting.discover(stranger2, [link, selection], { giaddr: "10.78.0.1" })), undefined);
  });

  test("A33 F3 a client that is not behind a relay doesn't choose its link by option 82", () => {
    assert.equal(addressOf(selecting.discover(stranger, [link])), "10.77.0.100");
  });

  test("A33 what selects no declared subnet is not answered", () => {
    assertSilent(selecting.discover(stranger, [optionEntry(options.subnetSelection, "10.99.0.0")]));
    assertSilent(selecting.discover(stranger, [relay(5, 4, 10, 99, 0, 1)], { giaddr: "10.78.0.1" }));
  });
});

describe("relays", () => {
  test("F3 F4 a giaddr of no subnet gets nothing, and an alert whose text is the same for all", () => {
    const decisions = ["10.99.0.1", "10.99.0.2"].map((giaddr) => world(subnet(77)).discover(stranger, [], { giaddr }));
    for (const decision of decisions) assertSilent(decision);
    assert.deepEqual(decisions.map(({ events }) => events[0]?.address), ["10.99.0.1", "10.99.0.2"]);
    assert.equal(new Set(decisions.map(({ events }) => events[0]?.text)).size, 1);
    assert.equal(decisions[0]?.events[0]?.kind, "alert");
  });

  test("F3 a subnet that names its relays is open to them alone, wherever they are", () => {
    const named = world(subnet(77), subnet(78, { relays: ["10.78.0.1", "192.168.9.9"] }));
    assert.equal(addressOf(named.discover(stranger, [], { giaddr: "10.78.0.1" })), "10.78.0.100");
    assert.equal(addressOf(named.discover(stranger, [], { giaddr: "192.168.9.9" })), "10.78.0.100");
    assertSilent(named.discover(stranger, [], { giaddr: "10.78.0.2" }));
  });

  test("F3 a link that a relay selects must allow that relay", () => {
    const named = world(subnet(77), subnet(78, { relays: ["10.77.0.253"] }));
    const link = relay(5, 4, 10, 78, 0, 1);
    assert.equal(addressOf(named.discover(stranger, [link], { giaddr: "10.77.0.253" })), "10.78.0.100");
    assertSilent(named.discover(stranger, [link], { giaddr: "10.77.0.252" }));
    assertSilent(named.discover(stranger, [link], { giaddr: "10.99.0.1" }));
  });

  test("A33 two subnets behind one relay share its segment", () => {
    const shared = world(subnet(77), subnet(78, { relays: ["10.78.0.1"] }), subnet(79, { relays: ["10.78.0.1"] }));
    const relayed = { giaddr: "10.78.0.1" };
    const given = [1, 2, 3, 4].map((last) => shared.lease(`52:54:00:cc:00:0${String(last)}`, [], relayed));
    assert.deepEqual(given, ["10.78.0.100", "10.78.0.101", "10.79.0.100", "10.79.0.101"]);
    assertSilent(shared.discover(stranger, [], relayed));
  });

  test("A37 a relay's own address is not leased, giaddr or declared", () => {
    const relays = ["10.78.0.100"];
    assert.equal(addressOf(world(subnet(78, { relays })).discover(stranger, [], { giaddr: "10.78.0.100" })), "10.78.0.101");
    assert.equal(addressOf(world(subnet(77, { relays: ["10.77.0.100"] })).discover(stranger)), "10.77.0.101");
  });
});

describe("several subnets on one segment", () => {
  const both = { name: "eth1", addresses: [{ address: "10.77.0.1", prefix: 24 }, { address: "10.78.0.1", prefix: 24 }] };
  const via = { interface: both };
  const shared = (...more: readonly Document[]) => world(subnet(77), subnet(78), ...more);

  test("A15 A33 the first with a free address, and only when all are full an event", () => {
    const one = shared();
    const given = [1, 2, 3, 4].map((last) => one.lease(`52:54:00:cc:00:0${String(last)}`, [], {}, via));
    assert.deepEqual(given, ["10.77.0.100", "10.77.0.101", "10.78.0.100", "10.78.0.101"]);
    const decision = one.discover(stranger, [], {}, via);
    assertSilent(decision);
    assert.deepEqual(decision.events.map((event) => event.kind), ["dhcp.exhausted"]);
  });

  test("A33 each is told the server's address in its own subnet, and its own parameters", () => {
    const offer = replyOf(shared().discover(stranger, wants("10.78.0.101"), {}, via), "offer");
    assert.equal(offer.yiaddr, "10.78.0.101");
    assert.equal(readOption(offer.options, options.serverId), "10.78.0.1");
    assert.equal(readOption(offer.options, options.broadcastAddress), "10.78.0.255");
  });

  test("A15 a host's own subnet comes first, then the one of the address that it holds or had", () => {
    const one = shared(hostDocument({ macs: [db1], ip: undefined, subnet: "net78" }));
    assert.equal(addressOf(one.discover(db1, wants("10.77.0.101"), {}, via)), "10.78.0.100");
    assert.equal(one.lease(stranger, wants("10.78.0.101"), {}, via), "10.78.0.101");
    assert.equal(one.lease(stranger, [], {}, via), "10.78.0.101");
    one.release(stranger, "10.78.0.101");
    assert.equal(one.lease(stranger, [], {}, via), "10.78.0.101");
  });

  test("A16 a reservation on any subnet of the segment is honoured, and no other address beside it", () => {
    const one = shared(hostDocument({ macs: [db1], ip: "10.78.0.11", subnet: "net78" }));
    assert.equal(addressOf(one.discover(db1, wants("10.77.0.101"), {}, via)), "10.78.0.11");
    replyOf(one.select(db1, "10.77.0.101", [], {}, via), "nak");
    assert.equal(replyOf(one.reboot(db1, "10.78.0.11", [], via), "ack").yiaddr, "10.78.0.11");
    replyOf(one.reboot(stranger, "10.78.0.11", [], via), "nak");
  });

  test("A16 while somebody holds its reservation a host boots from another subnet of the segment", () => {
    const one = shared(hostDocument({ macs: [db1], ip: "10.77.0.100", subnet: "net77" }));
    for (const [index, address] of ["10.77.0.101", "10.77.0.100"].entries()) {
      one.leases.apply({ type: "lease.put", lease: { address, mac: `52:54:00:cc:00:0${String(index)}`, clientId: null, owner: "lab/test", subnet: "net77", state: "active", expiresAt: one.now + 1e6 } });
    }
    assert.equal(one.lease(db1, [], {}, via), "10.78.0.100");
    assert.equal(replyOf(one.extend(db1, "10.78.0.100", [], via), "ack").yiaddr, "10.78.0.100");
  });

  test("A6 A7 a renewal finds the subnet of its address; what the client held elsewhere on the segment is given up", () => {
    const one = shared();
    one.lease(stranger, wants("10.78.0.100"), {}, via);
    replyOf(one.extend(stranger, "10.78.0.100", [], via), "ack");
    replyOf(one.select(stranger, "10.77.0.100", [], {}, via), "ack");
    assert.equal(one.leases.byAddress("10.78.0.100")?.state, "released");
  });

  test("A33 subnets inside one network of the interface share it, but not those that relays are named for", () => {
    const wide = { interface: { name: "eth1", addresses: [{ address: "10.0.0.1", prefix: 8 }] } };
    const one = world(subnet(77, { pools: [] }), subnet(78, { relays: ["10.78.0.1"] }), subnet(79));
    assert.equal(addressOf(one.discover(stranger, [], {}, wide)), "10.79.0.100");
    replyOf(one.reboot(stranger, "10.78.0.100", [], wide), "nak");
  });

  test("F4 an unknown machine is served by those that take unknown machines", () => {
    const one = world(subnet(77, { unknownClients: "known-only" }), subnet(78, { unknownClients: "deny" }), subnet(79));
    const three = { interface: { name: "eth1", addresses: [77, 78, 79].map((third) => ({ address: `10.${String(third)}.0.1`, prefix: 24 })) } };
    assert.equal(one.lease(stranger, [], {}, three), "10.79.0.100");
  });

  test("A33 an empty subnet gives nobody an address but its hosts", () => {
    const one = world(subnet(77, { pools: [] }), hostDocument({ macs: [db1], subnet: "net77" }));
    assertSilent(one.discover(stranger));
    assert.deepEqual(one.discover(stranger).events, []);
    assert.equal(one.lease(db1), "10.77.0.11");
    assert.equal(readOption(replyOf(one.discover(db1), "offer").options, options.serverId), server);
  });
});
