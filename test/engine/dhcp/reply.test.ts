import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { encodeDhcp, encodedLength, messageTypes, optionEntry, options, readOption, type DhcpPacket } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { assertSilent, biosRom, db1, replyOf, server, standardDocuments, stranger, World } from "./world";

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

  test("A12 A32 50, 55 and 57 never go back, and 51 always does, whatever is asked for", () => {
    const sent = [
      optionEntry(options.parameterList, [50, 55, 57, 82, 61, 51, 52, 60, 93, 94, 118, 3]), optionEntry(options.requestedAddress, "10.77.0.120"),
      optionEntry(options.maxMessageSize, 1500), optionEntry(options.vendorClass, "PXEClient"), optionEntry(options.clientArchitecture, [0]),
    ];
    const world = new World();
    for (const packet of [replyOf(world.discover(stranger, sent), "offer"), replyOf(world.select(stranger, "10.77.0.120", sent), "ack")]) {
      assert.deepEqual([...packet.options.keys()], [53, 54, 51, 58, 59, 1, 3]);
    }
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

  test("A28 what a boot needs stands where it was asked for, else behind; the echoes come after, 82 last", () => {
    const entries = [...biosRom, optionEntry(options.clientId, Uint8Array.of(9, 9)), relay(1, 1, 7)];
    const keys = (list: readonly number[]) => [...replyOf(new World().discover(db1, [...entries, optionEntry(options.parameterList, list)], { giaddr: "10.77.0.253" }), "offer").options.keys()];
    assert.deepEqual(keys([67, 66, 3, 12, 97, 6]), [53, 54, 51, 58, 59, 67, 66, 1, 3, 12, 97, 6, 61, 82]);
    assert.deepEqual(keys([3, 1]), [53, 54, 51, 58, 59, 1, 3, 66, 67, 97, 61, 82]);
    assert.deepEqual(keys([1, 3, 1, 3, 3]), [53, 54, 51, 58, 59, 1, 3, 66, 67, 97, 61, 82]);
    assert.deepEqual(keys([6]), [53, 54, 51, 58, 59, 6, 1, 66, 67, 97, 61, 82]);
  });

  test("A28 property: what goes back comes in the order that it was asked for, but for the mask, which is before the routers", () => {
    const codes = [1, 3, 4, 6, 7, 12, 15, 17, 26, 28, 42, 101, 119];
    const documents = [serverDocument(), subnetDocument({
      domainName: "rack.example", domainSearch: ["rack.example"], ntpServers: ["10.77.0.4"], options: { timeServers: ["10.77.0.5"], logServers: ["10.77.0.6"], mtu: 1400, rootPath: "/x", timeZone: "UTC" },
    }), profileDocument(), hostDocument()];
    fc.assert(fc.property(fc.shuffledSubarray(codes, { minLength: 1 }), (list) => {
      const asks = [optionEntry(options.parameterList, list), optionEntry(options.maxMessageSize, 1500)];
      const [head, told] = [[53, 54, 51, 58, 59], [...replyOf(new World({ documents }).discover(db1, asks), "offer").options.keys()]];
      assert.deepEqual(told.slice(0, 5), head);
      const expected = list.flatMap((code) => (code === 3 && !list.slice(0, list.indexOf(3)).includes(1) ? [1, 3] : [code]));
      assert.deepEqual(told.slice(5), [...new Set([...expected, 1])]);
    }));
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

  test("A34 nor static routes, which it gets where there are no classless ones or it doesn't ask for them", () => {
    const raw = [{ code: 33, type: "hex" as const, value: "0a0100000a4d0002" }];
    const codesFor = (classlessRoutes: boolean, ...asked: readonly number[]) => {
      const routes = classlessRoutes ? [{ destination: "10.9.0.0/16", router: "10.77.0.253" }] : [];
      const world = new World({ documents: [serverDocument(), subnetDocument({ classlessRoutes: routes, options: { raw } })] });
      return [3, 33, 121].filter((code) => replyOf(world.discover(stranger, [optionEntry(options.parameterList, asked)]), "offer").options.has(code));
    };
    assert.deepEqual(codesFor(true, 1, 3, 33, 121), [121]);
    assert.deepEqual(codesFor(true, 121, 33), [121]);
    assert.deepEqual(codesFor(true, 1, 3, 33), [3, 33]);
    assert.deepEqual(codesFor(false, 1, 3, 33, 121), [3, 33]);
  });

  test("A13 the client identifier is echoed, in refusals too (RFC 6842)", () => {
    const id = optionEntry(options.clientId, Uint8Array.of(0xff, 1, 2));
    assert.deepEqual([...(replyOf(new World().discover(stranger, [id]), "offer").options.get(61) ?? [])], [0xff, 1, 2]);
    assert.deepEqual([...(replyOf(new World().select(stranger, "10.77.0.1", [id]), "nak").options.get(61) ?? [])], [0xff, 1, 2]);
  });

  test("A13 a server that says echoClientId: false sends it back in nothing, whatever is asked for", () => {
    const entries = [optionEntry(options.clientId, Uint8Array.of(0xff, 1, 2)), optionEntry(options.parameterList, [1, 61])];
    const documents = [serverDocument({ echoClientId: false }), subnetDocument()];
    const world = new World({ documents });
    const inform = world.send(clientPacket(stranger, messageTypes.inform, entries, { ciaddr: "10.77.0.50" }));
    const replies = [replyOf(world.discover(stranger, entries), "offer"), replyOf(world.select(stranger, "10.77.0.100", entries), "ack"), replyOf(world.select(stranger, "10.77.0.1", entries), "nak"), replyOf(inform, "ack")];
    for (const packet of replies) assert.equal(packet.options.has(61), false);
    // It is the client's key all the same.
    assert.equal(world.leases.byAddress("10.77.0.100")?.clientId, "ff0102");
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

  test("A32 option 82 is echoed byte for byte, in its order and last", () => {
    const info = relay(2, 3, 9, 9, 9, 1, 1, 7, 1, 1, 8, 200, 0);
    for (const entries of [[info, optionEntry(options.clientId, Uint8Array.of(5, 5))], [optionEntry(options.parameterList, [82, 1, 3]), info]]) {
      const world = new World();
      const decisions = [
        world.discover(stranger, entries, { giaddr: "10.77.0.253" }), world.select(stranger, "10.77.0.100", entries, { giaddr: "10.77.0.253" }), world.select(stranger, "10.77.0.11", entries, { giaddr: "10.77.0.253" }),
      ];
      for (const [index, type] of (["offer", "ack", "nak"] as const).entries()) {
        const packet = replyOf(decisions[index] ?? world.discover(stranger), type);
        assert.deepEqual([...packet.options].at(-1), info);
        assert.equal(Buffer.from(encodeDhcp(packet)).includes(Buffer.from([82, 13, ...info[1], 255])), true);
      }
    }
  });

  test("A29 A32 option 82 takes no room from the client, whose relay takes it out; where the wire has none it is left out whole", () => {
    const large = relay(...[1, 250, ...new Array<number>(250).fill(1)]);
    const id = optionEntry(options.clientId, new Uint8Array(200).fill(1));
    const relayed = { giaddr: "10.77.0.253" };
    const small = replyOf(new World().discover(stranger, [large, id], relayed), "offer");
    const own = encodedLength({ ...small, options: new Map([...small.options].filter(([code]) => code !== 82)) });
    assert.deepEqual([own <= 548, small.options.get(61), [...small.options].at(-1)], [true, id[1], large]);
    assert.ok(encodedLength(small) > 548);
    // Parts of 255 bytes (RFC 3396).
    const huge: readonly [number, Uint8Array] = [82, Uint8Array.from({ length: 5 * 252 }, (_, index) => (index % 252 === 0 ? 1 : index % 252 === 1 ? 250 : 7))];
    const without = replyOf(new World().discover(stranger, [huge, id], relayed), "offer");
    assert.equal(without.options.has(82), false);
    assert.deepEqual([...without.options.keys()], [...replyOf(new World().discover(stranger, [id], relayed), "offer").options.keys()]);
  });

  test("A29 A34 classless routes that the client has no room for leave their place to the routers and static routes", () => {
    const classlessRoutes = Array.from({ length: 32 }, (_, index) => ({ destination: `10.${String(index + 100)}.0.128/25`, router: "10.77.0.253" }));
    const documents = [serverDocument(), subnetDocument({ classlessRoutes, options: { raw: [{ code: 33, type: "hex", value: "0a0100000a4d0002" }] } })];
    const has = (...entries: readonly (readonly [number, Uint8Array])[]) => {
      const offer = replyOf(new World({ documents }).discover(stranger, [optionEntry(options.parameterList, [1, 121, 3, 33, 6, 42]), ...entries]), "offer");
      assert.ok(encodedLength(offer) <= 1472);
      return [[121, 3, 33, 6].filter((code) => offer.options.has(code)), encodedLength(offer) <= 548];
    };
    assert.deepEqual(has(), [[3, 33, 6], true]);
    assert.deepEqual(has(optionEntry(options.maxMessageSize, 1000)), [[121, 6], false]);
  });

  test("A29 A30 A36 property: whatever is declared and asked for, a reply has at least 300 bytes and no more than the client takes beside option 82, keeps what a lease needs, and overloads nothing", () => {
    const spare = [4, 7, 15, 17, 40, 42, 44, 56, 62, 64, 66, 69, 70, 71, 72, 86, 100, 101, 114, 119, 150, 209, 210, 252];
    const raw = fc.uniqueArray(fc.record({ code: fc.constantFrom(...spare), type: fc.constant("hex" as const), value: fc.uint8Array({ minLength: 1, maxLength: 255 }).map((value) => Buffer.from(value).toString("hex")) }), { selector: ({ code }) => code, maxLength: 12 });
    const size = fc.option(fc.integer({ min: 0, max: 0xffff }), { nil: undefined });
    const list = fc.option(fc.uniqueArray(fc.constantFrom(1, 3, 6, 12, 28, 121, ...spare), { minLength: 1 }), { nil: undefined });
    const info = fc.option(fc.uint8Array({ maxLength: 200 }).map((value) => Uint8Array.of(1, value.length, ...value)), { nil: undefined });
    fc.assert(fc.property(raw, size, list, info, fc.uint8Array({ minLength: 1, maxLength: 120 }), (items, most, asked, agent, id) => {
      const world = new World({ documents: [serverDocument(), subnetDocument({ options: { raw: items } })] });
      const entries = [
        ...(most === undefined ? [] : [optionEntry(options.maxMessageSize, most)]), ...(asked === undefined ? [] : [optionEntry(options.parameterList, asked)]),
        ...(agent === undefined ? [] : [[82, agent] as const]), optionEntry(options.clientId, id),
      ];
      const offer = replyOf(world.discover(stranger, entries, { giaddr: "10.77.0.253" }), "offer");
      const own = new Map([...offer.options].filter(([code]) => code !== 82));
      const limit = Math.min(1472, Math.max(548, (most ?? 576) - 28));
      assert.ok(encodedLength({ ...offer, options: own }) <= limit);
      assert.equal(encodeDhcp(offer).length, Math.max(300, encodedLength(offer)));
      for (const code of [53, 54, 51, 58, 59, 1]) assert.ok(offer.options.has(code), String(code));
      assert.deepEqual([offer.options.has(52), offer.sname, offer.file], [false, "", ""]);
      assert.deepEqual(offer.options.get(82), agent);
    }), { numRuns: 500 });
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
