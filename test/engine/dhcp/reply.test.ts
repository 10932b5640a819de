import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeDhcp, encodedLength, messageTypes, optionEntry, options, readOption, type DhcpPacket } from "../../../provider/wire/dhcp";
import { serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { assertSilent, db1, replyOf, server, standardDocuments, stranger, World } from "./world";

const relay = (...bytes: number[]): readonly [number, Uint8Array] => [82, Uint8Array.from(bytes)];

describe("where a reply goes", () => {
  const offerTo = (fields: Partial<DhcpPacket>, entries: readonly (readonly [number, Uint8Array])[] = [], source = { address: "0.0.0.0", port: 68 }) =>
    new World().discover(stranger, entries, fields, { source }).reply?.destination;

  test("A10 to the relay, else broadcast if flagged, else to the client's hardware address", () => {
    assert.deepEqual(offerTo({ giaddr: "10.77.0.253", flags: 0x8000 }), { kind: "relay", address: "10.77.0.253", port: 67 });
    assert.deepEqual(offerTo({ flags: 0x8000 }), { kind: "broadcast" });
    assert.deepEqual(offerTo({}), { kind: "hardware", address: "10.77.0.100", mac: stranger });
  });

  test("A25 a bogus ciaddr and a server identifier in a DISCOVER are ignored", () => {
    assert.deepEqual(offerTo({ ciaddr: "192.168.9.9" }, [optionEntry(options.serverId, "10.9.9.9")]), { kind: "hardware", address: "10.77.0.100", mac: stranger });
  });

  test("A32 with sub-option 19 the reply goes to the relay's source port (RFC 8357)", () => {
    assert.deepEqual(
      offerTo({ giaddr: "10.77.0.253" }, [relay(19, 0)], { address: "10.77.0.253", port: 40067 }),
      { kind: "relay", address: "10.77.0.253", port: 40067 },
    );
  });
});

describe("the fields of a reply", () => {
  test("A11 xid, flags, giaddr and chaddr are copied, hops and secs are not", () => {
    const offer = replyOf(new World().discover(stranger, [], { xid: 0xdeadbeef, flags: 0x8000, giaddr: "10.77.0.253", hops: 3, secs: 9 }), "offer");
    const { xid, flags, giaddr, hops, secs, op, hlen, htype } = offer;
    assert.deepEqual({ xid, flags, giaddr, hops, secs, op, hlen, htype }, { xid: 0xdeadbeef, flags: 0x8000, giaddr: "10.77.0.253", hops: 0, secs: 0, op: 2, hlen: 6, htype: 1 });
    assert.equal(Buffer.from(offer.chaddr).toString("hex").slice(0, 12), "525400aa0001");
  });

  test("A12 A28 no parameter list: the defaults, in a fixed order; never 50, 55, 57", () => {
    const offer = replyOf(new World().discover(stranger, [optionEntry(options.maxMessageSize, 1500), optionEntry(options.requestedAddress, "10.77.0.120")]), "offer");
    assert.deepEqual([...offer.options.keys()], [53, 54, 51, 58, 59, 1, 3, 6, 28]);
  });

  test("A28 the parameter list's order is kept, but the mask comes before the routers", () => {
    const offer = replyOf(new World().discover(db1, [optionEntry(options.parameterList, [12, 3, 6, 1, 60, 15])]), "offer");
    assert.deepEqual([...offer.options.keys()], [53, 54, 51, 58, 59, 12, 1, 3, 6]);
    assert.equal(readOption(offer.options, options.hostname), "db1");
    assert.equal(readOption(offer.options, options.subnetMask), "255.255.255.0");
    assert.deepEqual(readOption(offer.options, options.routers), ["10.77.0.254"]);
  });

  test("A34 who asks for classless routes, and gets some, gets no routers beside them; by Microsoft's number as well", () => {
    const routes = [{ destination: "0.0.0.0/0", router: "10.77.0.254" }, { destination: "10.9.0.0/16", router: "10.77.0.253" }] as const;
    const one = (classlessRoutes: readonly (typeof routes)[number][]) => new World({ documents: [serverDocument(), subnetDocument({ classlessRoutes: [...classlessRoutes] })] });
    const asking = (...codes: readonly number[]) => [optionEntry(options.parameterList, codes)];
    const encoded = "000a4d00fe100a090a4d00fd";
    const both = replyOf(one(routes).discover(stranger, asking(1, 3, 33, 121)), "offer").options;
    assert.deepEqual([both.has(3), both.has(33), Buffer.from(both.get(121) ?? []).toString("hex")], [false, false, encoded]);
    assert.equal(replyOf(one(routes).discover(stranger, asking(1, 3)), "offer").options.has(3), true);
    assert.equal(replyOf(one([]).discover(stranger, asking(1, 3, 121)), "offer").options.has(3), true);
    assert.equal(Buffer.from(replyOf(one(routes).discover(stranger, asking(1, 3, 249)), "offer").options.get(249) ?? []).toString("hex"), encoded);
  });

  test("A13 the client identifier is echoed, in refusals too (RFC 6842)", () => {
    const id = optionEntry(options.clientId, Uint8Array.of(0xff, 1, 2));
    assert.deepEqual([...(replyOf(new World().discover(stranger, [id]), "offer").options.get(61) ?? [])], [0xff, 1, 2]);
    assert.deepEqual([...(replyOf(new World().select(stranger, "10.77.0.1", [id]), "nak").options.get(61) ?? [])], [0xff, 1, 2]);
  });

  test("A26 A27 the lease time asked for, floored and capped; T1 before T2 before its end", () => {
    const times = (asked: number | undefined) => {
      const offer = replyOf(new World().discover(stranger, asked === undefined ? [] : [optionEntry(options.leaseTime, asked)]), "offer");
      return [options.renewalTime, options.rebindingTime, options.leaseTime].map((option) => readOption(offer.options, option));
    };
    assert.deepEqual(times(undefined), [1800, 3150, 3600]);
    assert.deepEqual(times(0xffffffff), [1800, 3150, 3600]);
    assert.deepEqual(times(1000), [500, 875, 1000]);
    assert.deepEqual(times(5), [60, 105, 120]);
  });

  test("A32 option 82 is echoed byte for byte and last, and left out when it doesn't fit (A29)", () => {
    const info = relay(2, 3, 9, 9, 9, 1, 1, 7);
    const offer = replyOf(new World().discover(stranger, [info, optionEntry(options.clientId, Uint8Array.of(5, 5))], { giaddr: "10.77.0.253" }), "offer");
    assert.deepEqual([...offer.options].at(-1), info);
    assert.equal(Buffer.from(encodeDhcp(offer)).includes(Buffer.from([82, 8, 2, 3, 9, 9, 9, 1, 1, 7, 255])), true);
    const large = relay(...[1, 250, ...new Array<number>(250).fill(1)]);
    const id = optionEntry(options.clientId, new Uint8Array(200).fill(1));
    const small = replyOf(new World().discover(stranger, [large, id], { giaddr: "10.77.0.253" }), "offer");
    assert.equal(small.options.has(82), false);
    assert.ok(encodedLength(small) <= 548);
    const roomy = replyOf(new World().discover(stranger, [large, id, optionEntry(options.maxMessageSize, 1400)], { giaddr: "10.77.0.253" }), "offer");
    assert.equal(roomy.options.has(82), true);
  });
});

describe("the subnet of a client", () => {
  const remote = subnetDocument({ cidr: "10.78.0.0/24", pools: [{ from: "10.78.0.100", to: "10.78.0.110" }], routers: [], dnsServers: [] }, "remote");
  const world = () => new World({ documents: [...standardDocuments(), remote] });

  test("A33 82.5 comes before giaddr, giaddr before the interface", () => {
    assert.equal(replyOf(world().discover(stranger), "offer").yiaddr, "10.77.0.100");
    assert.equal(replyOf(world().discover(stranger, [], { giaddr: "10.78.0.1" }), "offer").yiaddr, "10.78.0.100");
    const selected = world().discover(stranger, [relay(5, 4, 10, 78, 0, 1)], { giaddr: "10.77.0.253" });
    assert.equal(replyOf(selected, "offer").yiaddr, "10.78.0.100");
    assert.deepEqual(selected.reply?.destination, { kind: "relay", address: "10.77.0.253", port: 67 });
  });

  test("A32 sub-option 11 is the server identifier of the replies, and a REQUEST with it is ours", () => {
    const override = relay(11, 4, 10, 78, 0, 1);
    const one = world();
    const offer = replyOf(one.discover(stranger, [override], { giaddr: "10.78.0.1" }), "offer");
    assert.equal(readOption(offer.options, options.serverId), "10.78.0.1");
    const asked = [optionEntry(options.requestedAddress, offer.yiaddr), optionEntry(options.serverId, "10.78.0.1"), override];
    replyOf(one.send(clientPacket(stranger, messageTypes.request, asked, { giaddr: "10.78.0.1" })), "ack");
  });

  test("F4 a relay or an interface of no declared subnet is not answered", () => {
    assertSilent(world().discover(stranger, [], { giaddr: "10.99.0.1" }));
    assertSilent(world().discover(stranger, [], {}, { interface: { name: "eth9", addresses: [{ address: "192.168.5.1", prefix: 24 }] } }));
    assertSilent(world().discover(stranger, [], {}, { interface: { name: "eth9", addresses: [] } }));
  });

  test("a loopback try: relayed from 127.77.0.254, served by 127.0.0.1", () => {
    const loopback = subnetDocument({ cidr: "127.77.0.0/24", pools: [{ from: "127.77.0.10", to: "127.77.0.20" }], routers: [], dnsServers: ["127.77.0.254"] }, "loop");
    const lo = { name: "lo", addresses: [{ address: "127.0.0.1", prefix: 8 }] };
    const decision = new World({ documents: [...standardDocuments(), loopback] }).discover(
      stranger, [relay(19, 0)], { giaddr: "127.77.0.254" }, { interface: lo, source: { address: "127.77.0.254", port: 50000 } },
    );
    const offer = replyOf(decision, "offer");
    assert.equal(offer.yiaddr, "127.77.0.10");
    assert.equal(readOption(offer.options, options.serverId), "127.0.0.1");
    assert.deepEqual(decision.reply?.destination, { kind: "relay", address: "127.77.0.254", port: 50000 });
  });

  test("the server's address is the interface's own in that subnet", () => {
    const eth1 = { name: "eth1", addresses: [{ address: "192.168.5.1", prefix: 24 }, { address: server, prefix: 24 }] };
    const offer = replyOf(world().discover(stranger, [], {}, { interface: eth1 }), "offer");
    assert.equal(readOption(offer.options, options.serverId), server);
  });
});
