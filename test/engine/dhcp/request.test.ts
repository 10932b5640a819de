import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { messageTypes, optionEntry, options, readOption } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { activeLease, assertSilent, db1, replyOf, server, standardDocuments, stranger, stranger2, World } from "./world";

const notAuthoritative = [serverDocument({ authoritative: false }), subnetDocument(), profileDocument(), hostDocument()];

describe("SELECTING", () => {
  test("A1 a REQUEST to another server is left alone, and our offer is free again", () => {
    const world = new World();
    const offered = replyOf(world.discover(stranger), "offer").yiaddr;
    const packet = clientPacket(stranger, messageTypes.request, [optionEntry(options.requestedAddress, "10.77.0.5"), optionEntry(options.serverId, "10.77.0.2")]);
    assertSilent(world.send(packet));
    assert.equal(replyOf(world.discover(stranger2), "offer").yiaddr, offered);
  });

  test("A1 any address of any served interface is ours", () => {
    const eth1 = { name: "eth1", addresses: [{ address: server, prefix: 24 }, { address: "10.77.0.2", prefix: 24 }] };
    const eth2 = { name: "eth2", addresses: [{ address: "10.78.0.1", prefix: 24 }] };
    const world = new World();
    for (const serverId of ["10.77.0.2", "10.78.0.1"]) {
      const packet = clientPacket(stranger, messageTypes.request, [optionEntry(options.requestedAddress, "10.77.0.150"), optionEntry(options.serverId, serverId)]);
      replyOf(world.decide(packet, { interface: eth1, served: [eth1, eth2] }), "ack");
    }
  });

  test("A2 what can't be given is refused: in use, reserved, outside the pool, of another network", () => {
    const world = new World({ leases: [activeLease("10.77.0.150", stranger2)] });
    for (const address of ["10.77.0.150", "10.77.0.11", "10.77.0.50", "10.99.0.1", "10.77.0.254", server]) {
      replyOf(world.select(stranger, address), "nak");
    }
  });

  test("A2 an offer that a restart forgot is honoured while the address is free", () => {
    const world = new World();
    const offered = replyOf(world.discover(stranger), "offer").yiaddr;
    world.restart();
    assert.equal(replyOf(world.select(stranger, offered), "ack").yiaddr, offered);
  });

  test("A19 the lease is among the writes of the ACK, none among those of the OFFER", () => {
    const world = new World();
    const offer = world.discover(stranger);
    assert.deepEqual(offer.leases, []);
    const ack = world.select(stranger, "10.77.0.100");
    assert.deepEqual(ack.leases, [{ type: "lease.put", lease: activeLease("10.77.0.100", stranger) }]);
  });

  test("a client that takes another address gives up the one it had", () => {
    const world = new World();
    const first = world.lease(stranger);
    replyOf(world.select(stranger, "10.77.0.150"), "ack");
    assert.equal(world.leases.byAddress(first)?.state, "released");
  });
});

describe("INIT-REBOOT", () => {
  test("A3 a wrong network is refused", () => {
    replyOf(new World().reboot(stranger, "192.168.1.5"), "nak");
    replyOf(new World({ documents: notAuthoritative }).reboot(stranger, "192.168.1.5"), "nak");
  });

  test("A3 a known client with a wrong address is refused", () => {
    const world = new World({ leases: [activeLease("10.77.0.150", stranger)] });
    replyOf(world.reboot(stranger, "10.77.0.151"), "nak");
    replyOf(world.reboot(db1, "10.77.0.151"), "nak");
  });

  test("A3 an unknown client is refused when authoritative, else left alone", () => {
    replyOf(new World().reboot(stranger, "10.77.0.150"), "nak");
    assertSilent(new World({ documents: notAuthoritative }).reboot(stranger, "10.77.0.150"));
  });

  for (const [title, documents] of [["", standardDocuments()], [", not being authoritative", notAuthoritative]] as const) {
    test(`A3 a known client with its address is acknowledged, by lease or by reservation, and refused any other${title}`, () => {
      const world = new World({ documents, leases: [activeLease("10.77.0.150", stranger, { expiresAt: 5 }), activeLease("10.77.0.160", stranger2)] });
      for (const address of ["10.77.0.151", "10.77.0.160", "10.77.0.11", "10.77.0.50", "10.77.0.255", "192.168.1.5"]) replyOf(world.reboot(stranger, address), "nak");
      replyOf(world.reboot(db1, "10.77.0.150"), "nak");
      assert.equal(replyOf(world.reboot(stranger, "10.77.0.150"), "ack").yiaddr, "10.77.0.150");
      assert.equal(replyOf(world.reboot(db1, "10.77.0.11"), "ack").yiaddr, "10.77.0.11");
    });
  }

  test("A3 behind a relay the network is the relay's", () => {
    const relayed = { giaddr: "10.77.0.253" };
    const wants = (address: string) => clientPacket(stranger, messageTypes.request, [optionEntry(options.requestedAddress, address)], relayed);
    for (const documents of [standardDocuments(), notAuthoritative]) replyOf(new World({ documents }).send(wants("192.168.1.5")), "nak");
    assertSilent(new World({ documents: notAuthoritative }).send(wants("10.77.0.150")));
    replyOf(new World({ leases: [activeLease("10.77.0.150", stranger)] }).send(wants("10.77.0.150")), "ack");
  });
});

describe("RENEWING and REBINDING", () => {
  test("A5 a renewal is acknowledged by unicast to ciaddr and extends the lease", () => {
    const world = new World();
    const address = world.lease(stranger);
    world.now += 1_800_000;
    const decision = world.extend(stranger, address);
    const ack = replyOf(decision, "ack");
    assert.equal(ack.ciaddr, address);
    assert.deepEqual(decision.reply?.destination, { kind: "unicast", address });
    assert.equal(world.leases.byAddress(address)?.expiresAt, world.now + 3_600_000);
  });

  test("A5 a renewal is acknowledged though its lease ends no later, or sooner, than it did", () => {
    const world = new World();
    const address = world.lease(stranger);
    const [one, , ...others] = standardDocuments();
    assert.ok(one);
    world.declare([one, subnetDocument({ leaseTime: 600 }), ...others]);
    const decision = world.extend(stranger, address);
    assert.equal(readOption(replyOf(decision, "ack").options, options.leaseTime), 600);
    assert.deepEqual(decision.reply?.destination, { kind: "unicast", address });
    assert.equal(world.leases.byAddress(address)?.expiresAt, world.now + 600_000);
  });

  test("A5 A22 a lease that has ended, or was released, is extended while nobody else has the address", () => {
    for (const state of ["active", "released"] as const) {
      const world = new World({ leases: [activeLease("10.77.0.150", stranger, { state, expiresAt: 5 })] });
      replyOf(world.extend(stranger, "10.77.0.150"), "ack");
      assert.equal(world.leases.byAddress("10.77.0.150")?.state, "active");
    }
    replyOf(new World({ leases: [activeLease("10.77.0.150", stranger2)] }).extend(stranger, "10.77.0.150"), "nak");
  });

  for (const isBroadcast of [false, true, undefined]) {
    const how = isBroadcast === undefined ? "however it came" : isBroadcast ? "by broadcast" : "by unicast";

    test(`A6 A7 an unknown lease is made again when authoritative and free, refused when not free, ${how}`, () => {
      const via = isBroadcast === undefined ? {} : { isBroadcast };
      const world = new World({ leases: [activeLease("10.77.0.151", stranger2)] });
      const again = world.extend(stranger, "10.77.0.150", [], via);
      replyOf(again, "ack");
      assert.deepEqual(again.reply?.destination, { kind: "unicast", address: "10.77.0.150" });
      for (const address of ["10.77.0.151", "10.77.0.11", "10.77.0.50", "10.77.0.254", server]) replyOf(world.extend(stranger, address, [], via), "nak");
    });
  }

  test("A6 A7 without authority an unknown lease is refused by unicast, and left alone by broadcast, through a relay, or where the two can't be told apart", () => {
    const world = () => new World({ documents: notAuthoritative });
    replyOf(world().extend(stranger, "10.77.0.150", [], { isBroadcast: false }), "nak");
    assertSilent(world().extend(stranger, "10.77.0.150", [], { isBroadcast: true }));
    assertSilent(world().extend(stranger, "10.77.0.150"));
    const relayed = clientPacket(stranger, messageTypes.request, [], { ciaddr: "10.77.0.150", giaddr: "10.77.0.253" });
    for (const isBroadcast of [false, true]) assertSilent(world().send(relayed, { isBroadcast }));
  });

  test("A7 without authority a known lease is extended by broadcast too, and one that no longer fits refused", () => {
    const world = new World({ documents: notAuthoritative, leases: [activeLease("10.77.0.150", stranger), activeLease("10.77.0.50", stranger2)] });
    replyOf(world.extend(stranger, "10.77.0.150", [], { isBroadcast: true }), "ack");
    replyOf(world.extend(db1, "10.77.0.11", [], { isBroadcast: true }), "ack");
    replyOf(world.extend(stranger2, "10.77.0.50", [], { isBroadcast: true }), "nak");
  });

  test("A10 a client that rebinds through its relay is answered through it, though it has an address", () => {
    const world = new World({ leases: [activeLease("10.77.0.150", stranger)] });
    const packet = clientPacket(stranger, messageTypes.request, [], { ciaddr: "10.77.0.150", giaddr: "10.77.0.253" });
    const decision = world.send(packet, { isBroadcast: false, source: { address: "10.77.0.253", port: 67 } });
    assert.equal(replyOf(decision, "ack").ciaddr, "10.77.0.150");
    assert.deepEqual(decision.reply?.destination, { kind: "relay", address: "10.77.0.253", port: 67 });
  });

  test("A16 a lease that no longer fits is refused at its renewal", () => {
    const world = new World();
    const address = world.lease(stranger);
    const [one, , ...others] = standardDocuments();
    assert.ok(one);
    world.declare([one, subnetDocument({ pools: [{ from: "10.77.0.150", to: "10.77.0.160" }] }), ...others]);
    replyOf(world.extend(stranger, address), "nak");
    assert.equal(world.lease(stranger), "10.77.0.150");
  });

  test("a renewal routed past its relay finds its subnet by ciaddr, one of a moved client is refused", () => {
    const remote = subnetDocument({ cidr: "10.78.0.0/24", pools: [{ from: "10.78.0.100", to: "10.78.0.110" }], routers: [], dnsServers: [] }, "remote");
    const documents = [...standardDocuments(), remote];
    const leases = [activeLease("10.78.0.100", stranger)];
    replyOf(new World({ documents, leases }).extend(stranger, "10.78.0.100"), "ack");
    const eth2 = { name: "eth2", addresses: [{ address: "10.78.0.1", prefix: 24 }] };
    const eth1 = { name: "eth1", addresses: [{ address: server, prefix: 24 }] };
    replyOf(new World({ documents, leases, served: [eth1, eth2] }).extend(stranger, "10.78.0.100"), "nak");
  });
});

describe("beside another server that is meant to be there", () => {
  const documents = [serverDocument({ allowForeignDhcp: true }), subnetDocument({ pools: [], unknownClients: "deny" }), profileDocument(), hostDocument()];

  test("A3 A7 F12 its clients are not refused what it gave them, also on another network of the wire", () => {
    const world = new World({ documents });
    for (const address of ["10.77.0.150", "10.99.0.5"]) assertSilent(world.reboot(stranger, address));
    assertSilent(world.extend(stranger, "10.77.0.150", [], { isBroadcast: true }));
    assertSilent(world.extend(stranger, "10.77.0.150"));
  });

  test("A3 F12 a declared host is refused what isn't its own", () => {
    replyOf(new World({ documents }).reboot(db1, "10.77.0.150"), "nak");
    assert.equal(new World({ documents }).lease(db1), "10.77.0.11");
  });
});

describe("refusals", () => {
  test("A8 a NAK carries 53, 54 and 56, no addresses and no boot file", () => {
    const nak = replyOf(new World().select(db1, "10.77.0.150"), "nak");
    assert.deepEqual([...nak.options.keys()], [53, 54, 56]);
    assert.deepEqual([nak.yiaddr, nak.ciaddr, nak.siaddr, nak.sname, nak.file], ["0.0.0.0", "0.0.0.0", "0.0.0.0", "", ""]);
    assert.equal(readOption(nak.options, options.message), "10.77.0.11 is reserved for this machine");
  });

  test("A9 a NAK is broadcast, never sent to ciaddr; a relay gets it with the broadcast bit set", () => {
    const world = new World({ leases: [activeLease("10.77.0.150", stranger2)] });
    assert.deepEqual(world.extend(stranger, "10.77.0.150").reply?.destination, { kind: "broadcast" });
    const relayed = world.select(stranger, "10.77.0.150", [], { giaddr: "10.77.0.253" });
    assert.deepEqual(relayed.reply?.destination, { kind: "relay", address: "10.77.0.253", port: 67 });
    assert.equal(relayed.reply.packet.flags, 0x8000);
  });
});
