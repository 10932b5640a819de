import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { DhcpDecision } from "../../../provider/engine/dhcp";
import { ClientLimits } from "../../../provider/engine/dhcp/limits";
import { LeaseTable } from "../../../provider/engine/lease-table";
import { never } from "../../../provider/engine/dhcp/lease-time";
import type { Document } from "../../../provider/model/documents";
import { encodeDhcp, optionEntry, options, type DhcpPacket } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { activeLease, assertSilent, db1, replyOf, server, standardDocuments, stranger, stranger2, World } from "./world";

type Spec = Parameters<typeof subnetDocument>[0];
type Entries = readonly (readonly [number, Uint8Array])[];

const small = { from: "10.77.0.100", to: "10.77.0.101" };
const dynamic = (spec: Spec = {}, ...more: readonly Document[]) =>
  new World({ documents: [serverDocument(), subnetDocument({ pools: [small], dynamicBootp: true, ...spec }), profileDocument(), ...more] });
const asks = (world: World, mac: string, entries: Entries = [], fields: Partial<DhcpPacket> = {}): DhcpDecision =>
  world.send({ ...clientPacket(mac, 0, [], fields), options: new Map(entries) });

function given(decision: DhcpDecision): DhcpPacket {
  assert.ok(decision.reply, decision.reason);
  return decision.reply.packet;
}

describe("a BOOTP client", () => {
  test("A35 A36 gets its reservation, and in 300 bytes what a BOOTP client reads: no option of DHCP, the boot file in the header", () => {
    const world = new World({ documents: [serverDocument(), subnetDocument({ domainName: "rack.example", bootFile: "grub.0", serverName: "files", nextServer: "10.77.0.9" }), profileDocument(), hostDocument()] });
    const decision = asks(world, db1);
    const packet = given(decision);
    assert.deepEqual([packet.op, packet.yiaddr, packet.siaddr, packet.sname, packet.file], [2, "10.77.0.11", "10.77.0.9", "files", "grub.0"]);
    assert.deepEqual([...packet.options.keys()], [1, 3, 6, 12, 15, 28]);
    assert.equal(encodeDhcp(packet).length, 300);
    assert.equal(decision.events[0]?.text, `gave 10.77.0.11 to ${db1} (db1) by BOOTP`);
    // Its document keeps the address: the lease says who booted, and when.
    assert.equal(world.leases.byAddress("10.77.0.11")?.expiresAt, world.now + 3_600_000);
  });

  test("A35 without a reservation it gets nothing from the pools by default, which is no event", () => {
    for (const documents of [standardDocuments(), [serverDocument(), subnetDocument(), profileDocument(), hostDocument({ macs: [stranger], ip: undefined })]]) {
      const decision = asks(new World({ documents }), stranger);
      assertSilent(decision);
      assert.deepEqual(decision.events, []);
    }
  });

  test("A35 with dynamicBootp it gets an address of the pools for ever: the same again, and nobody else ever", () => {
    const world = dynamic();
    const decision = asks(world, stranger);
    assert.equal(given(decision).yiaddr, "10.77.0.100");
    assert.equal(decision.events[0]?.text, `gave 10.77.0.100 to ${stranger} by BOOTP for ever`);
    assert.equal(world.leases.byAddress("10.77.0.100")?.expiresAt, never);
    world.restart();
    world.now += 50 * 365 * 86_400_000;
    assert.equal(given(asks(world, stranger)).yiaddr, "10.77.0.100");
    assert.equal(world.lease(stranger2), "10.77.0.101");
    replyOf(world.select("52:54:00:aa:00:03", "10.77.0.100"), "nak");
    const none = asks(world, "52:54:00:aa:00:03");
    assertSilent(none);
    assert.deepEqual(none.events.map((event) => event.kind), ["dhcp.exhausted"]);
  });

  test("A35 an address that is leased, offered, declined, excluded or of another class is none for it", () => {
    const world = dynamic({
      pools: [{ from: "10.77.0.100", to: "10.77.0.105", exclude: [{ from: "10.77.0.103", to: "10.77.0.103" }] }, { from: "10.77.0.50", to: "10.77.0.59", class: "phones" }],
      classes: [{ name: "phones", match: { vendorClass: "phone" } }],
    });
    world.lease(stranger2);
    world.discover("52:54:00:aa:00:03");
    world.leases.apply({ type: "lease.put", lease: activeLease("10.77.0.102", "52:54:00:aa:00:04", { state: "declined" }) });
    assert.equal(given(asks(world, stranger)).yiaddr, "10.77.0.104");
  });

  test("A35 who isn't declared gets none where only declared machines do; a declared one without a reservation gets one of the pools", () => {
    for (const unknownClients of ["deny", "known-only"] as const) {
      assertSilent(asks(dynamic({ unknownClients }), stranger));
      const world = dynamic({ unknownClients }, hostDocument({ macs: [stranger], ip: undefined }));
      assert.equal(given(asks(world, stranger)).yiaddr, "10.77.0.100");
      assert.equal(world.leases.byAddress("10.77.0.100")?.expiresAt, never);
    }
  });

  test("A35 F1 what one side may take of the pools holds for it as well", () => {
    const limits = new ClientLimits(new LeaseTable());
    const documents = [serverDocument(), subnetDocument({ dynamicBootp: true, limits: { newClientsPerSecond: 1 } }), profileDocument(), hostDocument()];
    const world = new World({ documents, limits });
    const answers = Array.from({ length: 6 }, (_, index) => asks(world, `52:54:00:aa:01:0${String(index)}`));
    assert.deepEqual(answers.map(({ reply }) => reply !== undefined), [true, true, true, true, false, false]);
    assert.equal(answers.at(-1)?.events[0]?.kind, "alert");
    assert.equal(given(asks(world, db1)).yiaddr, "10.77.0.11");
  });

  test("A35 of several subnets on its segment it gets one of those that say so", () => {
    const both = { interface: { name: "eth1", addresses: [{ address: server, prefix: 24 }, { address: "10.78.0.1", prefix: 24 }] } };
    const other = subnetDocument({ cidr: "10.78.0.0/24", pools: [{ from: "10.78.0.100", to: "10.78.0.100" }], routers: ["10.78.0.254"], dynamicBootp: true }, "other");
    const world = new World({ documents: [serverDocument(), subnetDocument(), other] });
    const packet = given(world.send({ ...clientPacket(stranger, 0), options: new Map() }, both));
    assert.deepEqual([packet.yiaddr, packet.options.get(28)?.join(".")], ["10.78.0.100", "10.78.0.255"]);
  });

  test("A10 A35 it is answered at its own address where it has that already, by the relay, by broadcast, else at its hardware address", () => {
    const to = (fields: Partial<DhcpPacket>) => asks(new World(), db1, [], fields).reply?.destination;
    const hardware = { kind: "hardware", address: "10.77.0.11", mac: db1 };
    assert.deepEqual(to({ ciaddr: "10.77.0.11" }), { kind: "unicast", address: "10.77.0.11" });
    for (const ciaddr of ["10.77.0.12", "192.168.1.5", "127.0.0.1"]) assert.deepEqual(to({ ciaddr }), hardware);
    assert.deepEqual(to({}), hardware);
    assert.deepEqual(to({ flags: 0x8000 }), { kind: "broadcast" });
    assert.deepEqual(to({ flags: 0x8000, giaddr: "10.77.0.253" }), { kind: "relay", address: "10.77.0.253", port: 67 });
  });

  test("A35 64 bytes hold the mask first, then what fits; a longer field by option 57, and option 82 whatever there is", () => {
    const documents = [
      serverDocument(), subnetDocument({ domainName: `${"a".repeat(40)}.example`, dnsServers: ["10.77.0.2", "10.77.0.3", "10.77.0.4", "10.77.0.5"] }), profileDocument(),
      hostDocument({ hostname: "h".repeat(60) }),
    ];
    const told = (...entries: Entries) => given(asks(new World({ documents }), db1, entries, { giaddr: "10.77.0.253" }));
    const plain = told();
    assert.deepEqual([[...plain.options.keys()], encodeDhcp(plain).length], [[1, 3, 6], 300]);
    const roomy = told(optionEntry(options.maxMessageSize, 1024));
    assert.deepEqual([...roomy.options.keys()], [1, 3, 6, 12, 15, 28]);
    const relay: readonly [number, Uint8Array] = [82, Uint8Array.of(1, 2, 7, 7)];
    assert.deepEqual([...told(relay).options.keys()], [1, 3, 6, 82]);
    assert.deepEqual([...told(relay).options].at(-1), relay);
  });

  test("A35 one with a host name or a client identifier in its 64 bytes is a BOOTP client too; one with an option of DHCP is malformed", () => {
    assert.equal(given(asks(new World(), db1, [optionEntry(options.hostname, "rom"), optionEntry(options.clientId, Uint8Array.of(1, 2))])).yiaddr, "10.77.0.11");
    for (const entry of [optionEntry(options.requestedAddress, "10.77.0.11"), optionEntry(options.leaseTime, 60), optionEntry(options.serverId, server)]) {
      assert.throws(() => asks(new World(), db1, [entry]), { code: "PXE_PACKET_MALFORMED" });
    }
  });

  test("A14 A35 the machine's DHCP clients have the address that its BOOTP ROM got, for a lease's time once they renew", () => {
    const world = dynamic();
    assert.equal(given(asks(world, stranger)).yiaddr, "10.77.0.100");
    assert.equal(world.lease(stranger), "10.77.0.100");
    assert.equal(world.leases.byAddress("10.77.0.100")?.expiresAt, world.now + 3_600_000);
  });

  test("A35 B10 a proxy leaves it alone", () => {
    assertSilent(asks(new World({ documents: [serverDocument({ dhcpMode: "proxy" }), subnetDocument({ pools: [], bootFile: "grub.0" }), profileDocument(), hostDocument()] }), db1));
  });
});
