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

  test("A3 a known client with its address is acknowledged, by lease or by reservation", () => {
    const world = new World({ leases: [activeLease("10.77.0.150", stranger, { expiresAt: 5 })] });
    assert.equal(replyOf(world.reboot(stranger, "10.77.0.150"), "ack").yiaddr, "10.77.0.150");
    assert.equal(replyOf(world.reboot(db1, "10.77.0.11"), "ack").yiaddr, "10.77.0.11");
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

  test("A6 an unknown lease is made again when authoritative and free, refused when not free", () => {
    const world = new World({ leases: [activeLease("10.77.0.151", stranger2)] });
    replyOf(world.extend(stranger, "10.77.0.150"), "ack");
    replyOf(world.extend(stranger, "10.77.0.151"), "nak");
    replyOf(world.extend(stranger, "10.77.0.50"), "nak");
  });

  test("A6 A7 an unknown lease is left alone when not authoritative", () => {
    assertSilent(new World({ documents: notAuthoritative }).extend(stranger, "10.77.0.150"));
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
