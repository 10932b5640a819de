import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { messageTypes, optionEntry, options } from "../../../provider/wire/dhcp";
import { serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { assertSilent, db1, replyOf, stranger, stranger2, World } from "./world";

describe("DECLINE", () => {
  test("A21 the holder's decline quarantines the address for ten minutes", () => {
    const world = new World();
    const address = world.lease(stranger);
    const decision = world.decline(stranger, address);
    assert.deepEqual(decision.events.map((event) => event.kind), ["dhcp.decline"]);
    assert.equal(decision.reply, undefined);
    assert.notEqual(world.lease(stranger), address);
    replyOf(world.select(stranger2, address), "nak");
    world.now += 600_000;
    assert.equal(replyOf(world.select(stranger2, address), "ack").yiaddr, address);
  });

  test("A21 F2 nobody else's decline counts, nor one of an address that isn't leased", () => {
    const world = new World();
    const address = world.lease(stranger);
    assertSilent(world.decline(stranger2, address));
    assertSilent(world.decline(stranger2, "10.77.0.150"));
    world.now += 3_600_001;
    assertSilent(world.decline(stranger, address));
  });

  test("A21 a quarantine outlives a restart, and the lease that it took the place of", () => {
    const world = new World({ documents: [serverDocument(), subnetDocument({ pools: [{ from: "10.77.0.100", to: "10.77.0.100" }] })] });
    world.decline(stranger, world.lease(stranger));
    world.restart();
    for (const mac of [stranger, stranger2]) {
      assertSilent(world.discover(mac));
      replyOf(world.reboot(mac, "10.77.0.100"), "nak");
      replyOf(world.extend(mac, "10.77.0.100"), "nak");
    }
    // Who declined it holds it no more.
    assertSilent(world.release(stranger, "10.77.0.100"));
    assertSilent(world.decline(stranger, "10.77.0.100"));
    assert.equal(world.leases.byAddress("10.77.0.100")?.state, "declined");
    world.now += 600_000;
    assert.equal(world.lease(stranger2), "10.77.0.100");
  });

  test("A23 without option 54 a decline is taken, with another server's it isn't", () => {
    const declines = (world: World, ...entries: readonly (readonly [number, Uint8Array])[]) => world.send(clientPacket(stranger, messageTypes.decline, [optionEntry(options.requestedAddress, "10.77.0.100"), ...entries]));
    const world = new World();
    world.lease(stranger);
    assertSilent(declines(world, optionEntry(options.serverId, "10.77.0.9")));
    assert.equal(declines(world).leases.length, 1);
    assert.equal(world.leases.byAddress("10.77.0.100")?.state, "declined");
  });

  test("F2 a reserved address is never quarantined", () => {
    const world = new World();
    world.lease(db1);
    const decision = world.decline(db1, "10.77.0.11");
    assert.deepEqual(decision.leases, []);
    assert.deepEqual(decision.events.map((event) => event.kind), ["dhcp.decline"]);
    assert.equal(world.lease(db1), "10.77.0.11");
  });
});

describe("RELEASE", () => {
  test("A22 F3 only the owner releases, and it gets the same address again", () => {
    const world = new World();
    const address = world.lease(stranger);
    assertSilent(world.release(stranger2, address));
    assert.deepEqual(world.release(stranger, address).events.map((event) => event.kind), ["dhcp.release"]);
    assert.equal(world.leases.byAddress(address)?.state, "released");
    assert.notEqual(world.lease(stranger2), address);
    assert.equal(world.lease(stranger), address);
  });

  test("A23 without option 54 it is taken, with another server's it isn't", () => {
    const world = new World();
    const address = world.lease(stranger);
    assertSilent(world.release(stranger, address, [optionEntry(options.serverId, "10.77.0.9")]));
    assert.equal(world.release(stranger, address, []).leases.length, 1);
  });
});

describe("INFORM", () => {
  test("A24 parameters to ciaddr, no address, no times, no lease", () => {
    const world = new World();
    const decision = world.send(clientPacket(stranger, messageTypes.inform, [], { ciaddr: "10.77.0.50" }));
    const ack = replyOf(decision, "ack");
    assert.deepEqual(decision.reply?.destination, { kind: "unicast", address: "10.77.0.50" });
    assert.deepEqual(decision.leases, []);
    assert.equal(ack.yiaddr, "0.0.0.0");
    assert.deepEqual([...ack.options.keys()], [53, 54, 1, 3, 6, 28]);
  });

  test("A24 without ciaddr it goes to where it came from, without either it is dropped", () => {
    const packet = clientPacket(stranger, messageTypes.inform);
    const world = new World();
    assert.deepEqual(world.decide(packet, { source: { address: "10.77.0.50", port: 68 } }).reply?.destination, { kind: "unicast", address: "10.77.0.50" });
    assertSilent(world.decide(packet));
  });

  test("A24 a client behind a relay is answered at its own address; without one it can't be", () => {
    const world = new World();
    const asks = (ciaddr: string) => world.decide(clientPacket(stranger, messageTypes.inform, [], { ciaddr, giaddr: "10.77.0.253" }), { source: { address: "10.77.0.253", port: 67 } });
    assert.deepEqual(asks("10.77.0.50").reply?.destination, { kind: "unicast", address: "10.77.0.50" });
    assertSilent(asks("0.0.0.0"));
    // Nor is anybody written to who is on none of the client's networks.
    for (const ciaddr of ["192.168.1.5", "255.255.255.255"]) assertSilent(asks(ciaddr));
  });
});
