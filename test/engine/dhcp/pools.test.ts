import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { runsOf, without } from "../../../provider/engine/dhcp/address-ranges";
import { messageTypes, optionEntry, options } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { assertSilent, db1, replyOf, stranger, stranger2, World } from "./world";

type Spec = Parameters<typeof subnetDocument>[0];
const world = (spec: Spec, hosts = [hostDocument()]) => new World({ documents: [serverDocument(), subnetDocument(spec), profileDocument(), ...hosts] });
const wants = (address: string) => [optionEntry(options.requestedAddress, address)];
const offered = (one: World, mac: string, entries: Parameters<World["discover"]>[1] = []) => replyOf(one.discover(mac, entries), "offer").yiaddr;

describe("pools", () => {
  test("A15 addresses that a pool excludes are neither chosen nor given on request", () => {
    const one = world({ pools: [{ from: "10.77.0.100", to: "10.77.0.105", exclude: [{ from: "10.77.0.100", to: "10.77.0.102" }, { from: "10.77.0.104", to: "10.77.0.104" }] }] });
    assert.equal(offered(one, stranger, wants("10.77.0.101")), "10.77.0.103");
    replyOf(one.select(stranger, "10.77.0.104"), "nak");
    assert.deepEqual([one.lease(stranger), one.lease(stranger2)], ["10.77.0.103", "10.77.0.105"]);
    assertSilent(one.discover("52:54:00:aa:00:03"));
  });

  test("A15 several pools are used in the order of their declaration", () => {
    const one = world({ pools: [{ from: "10.77.0.150", to: "10.77.0.150" }, { from: "10.77.0.100", to: "10.77.0.100" }] });
    assert.deepEqual([one.lease(stranger), one.lease(stranger2)], ["10.77.0.150", "10.77.0.100"]);
  });

  test("A15 a pool with a class is for its clients alone, who may use the others too", () => {
    const one = world({
      pools: [{ from: "10.77.0.100", to: "10.77.0.100", class: "phones" }, { from: "10.77.0.150", to: "10.77.0.151" }],
      classes: [{ name: "phones", match: { vendorClass: "phone" } }],
    });
    const phone = [optionEntry(options.vendorClass, "phone 7")];
    assert.equal(offered(one, stranger, wants("10.77.0.100")), "10.77.0.150");
    replyOf(one.select(stranger, "10.77.0.100"), "nak");
    assert.equal(one.lease(stranger2, phone), "10.77.0.100");
    assert.equal(one.lease("52:54:00:aa:00:03", phone), "10.77.0.151");
    replyOf(one.extend(stranger2, "10.77.0.100"), "nak");
  });

  test("A20 a client that no pool is for gets no answer, and none of the pools counts as exhausted", () => {
    const one = world({ pools: [{ from: "10.77.0.100", to: "10.77.0.100", class: "phones" }], classes: [{ name: "phones", match: { vendorClass: "phone" } }] });
    const decision = one.discover(stranger);
    assertSilent(decision);
    assert.deepEqual(decision.events, []);
  });

  test("A16 many reservations in a row and apart are stepped over", () => {
    const reserved = [...Array.from({ length: 60 }, (_, index) => index + 101), 163, 165];
    const hosts = reserved.map((last, index) => hostDocument({ macs: [`52:54:00:dd:00:${(index + 16).toString(16)}`], ip: `10.77.0.${String(last)}` }, `h${String(last)}`));
    const one = world({ pools: [{ from: "10.77.0.100", to: "10.77.0.199" }] }, hosts);
    assert.deepEqual([1, 2, 3, 4, 5].map((last) => one.lease(`52:54:00:aa:00:0${String(last)}`)), ["10.77.0.100", "10.77.0.161", "10.77.0.162", "10.77.0.164", "10.77.0.166"]);
  });

  test("A37 routers of server, subnet, class and classless routes are never leased", () => {
    const one = new World({
      documents: [
        serverDocument({ options: { routers: ["10.77.0.100"] } }),
        subnetDocument({
          routers: ["10.77.0.101"], classlessRoutes: [{ destination: "10.0.0.0/8", router: "10.77.0.102" }],
          classes: [{ name: "a", match: { known: true }, options: { routers: ["10.77.0.103"] } }],
        }),
      ],
    });
    assert.equal(one.lease(stranger), "10.77.0.104");
    for (const last of [100, 101, 102, 103]) replyOf(one.select(stranger2, `10.77.0.${String(last)}`), "nak");
  });

  test("A37 nor are routers that are told by number, or to one host", () => {
    const one = new World({
      documents: [
        serverDocument({ options: { raw: [{ code: 33, type: "ips", value: ["10.9.0.1", "10.77.0.100"] }] } }),
        subnetDocument({ routers: [], options: { raw: [{ code: 3, type: "hex", value: "0a4d0065" }] } }),
        profileDocument(), hostDocument({ options: { routers: ["10.77.0.102"], raw: [{ code: 33, type: "hex", value: "0a4d00650a4d0067" }] } }),
      ],
    });
    assert.equal(one.lease(stranger), "10.77.0.104");
    for (const last of [100, 101, 102, 103]) replyOf(one.select(stranger2, `10.77.0.${String(last)}`), "nak");
  });

  test("A37 a router that other hosts are told of may be a declared host with that address", () => {
    const one = new World({ documents: [
      serverDocument(), subnetDocument({ routers: [] }), profileDocument(), hostDocument({ macs: [db1], ip: "10.77.0.12" }),
      hostDocument({ macs: [stranger2], ip: undefined, options: { routers: ["10.77.0.12"] } }, "db2"),
    ] });
    assert.equal(one.lease(db1), "10.77.0.12");
  });

  test("A37 a reservation of the server's own address is not given out", () => {
    const one = world({}, [hostDocument({ ip: "10.77.0.1" })]);
    assert.equal(one.lease(db1), "10.77.0.100");
  });
});

describe("pools by chance", () => {
  const name = fc.constantFrom(undefined, "phones", "printers");
  const host = fc.integer({ min: 2, max: 40 });
  const span = fc.tuple(host, host).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
  const pool = fc.record({ at: span, holes: fc.array(span, { maxLength: 3 }), class: name });
  const of = (last: number) => `10.77.0.${String(last)}`;

  test("A15 A16 A37 property: clients of whatever class get each address of the pools that are open to them once, none that is excluded, reserved or a router's, and then nothing", () => {
    fc.assert(fc.property(fc.array(pool, { minLength: 1, maxLength: 4 }), fc.array(name, { minLength: 1, maxLength: 60 }), host, host, (given, clients, router, reserved) => {
      // Pools may not overlap, and an exclusion lies in its pool.
      const pools = given.map(({ at, ...rest }, index) => ({ ...rest, from: at.from + 40 * index, to: at.to + 40 * index, shift: 40 * index }))
        .map(({ holes, shift, ...rest }) => ({ ...rest, exclude: holes.map(({ from, to }) => ({ from: Math.max(from + shift, rest.from), to: Math.min(to + shift, rest.to) })).filter(({ from, to }) => from <= to) }));
      const classes = ["phones", "printers"].map((each) => ({ name: each, match: { vendorClass: each } }));
      const spec = pools.map(({ from, to, exclude, class: only }) => ({ from: of(from), to: of(to), exclude: exclude.map((hole) => ({ from: of(hole.from), to: of(hole.to) })), ...(only !== undefined && { class: only }) }));
      const one = world({ pools: spec, classes, routers: [of(router)] }, [hostDocument({ ip: of(reserved) })]);
      const open = (only: string | undefined) => new Set(pools.filter((each) => each.class === undefined || each.class === only).flatMap(({ from, to, exclude }) =>
        Array.from({ length: to - from + 1 }, (_, index) => from + index).filter((last) => last !== router && last !== reserved && !exclude.some((hole) => hole.from <= last && last <= hole.to))));
      const taken = new Set<number>();
      for (const [index, only] of clients.entries()) {
        const mac = `52:54:00:ee:00:${index.toString(16).padStart(2, "0")}`;
        const entries = only === undefined ? [] : [optionEntry(options.vendorClass, only)];
        const left = [...open(only)].filter((last) => !taken.has(last));
        const { reply } = one.discover(mac, entries);
        if (left.length === 0) {
          assert.equal(reply, undefined);
          continue;
        }
        const last = Number(one.lease(mac, entries).split(".")[3]);
        assert.ok(left.includes(last), `${String(only)} got ${String(last)} of ${left.join(" ")}`);
        taken.add(last);
      }
    }), { numRuns: 300 });
  });
});

describe("unknown clients", () => {
  const inform = (one: World) => one.send(clientPacket(stranger, messageTypes.inform, [], { ciaddr: "10.77.0.50" }));

  test("A15 deny: no address, but refusals and parameters; declared machines are served", () => {
    const one = world({ unknownClients: "deny" });
    assertSilent(one.discover(stranger));
    replyOf(one.select(stranger, "10.77.0.100"), "nak");
    replyOf(one.extend(stranger, "10.77.0.100"), "nak");
    replyOf(inform(one), "ack");
    assert.equal(one.lease(db1), "10.77.0.11");
  });

  test("A15 known-only: no answer at all", () => {
    const one = world({ unknownClients: "known-only" });
    for (const decision of [one.discover(stranger), one.select(stranger, "10.77.0.100"), one.extend(stranger, "10.77.0.100"), one.reboot(stranger, "192.168.1.1"), inform(one)]) assertSilent(decision);
    assert.equal(one.lease(db1), "10.77.0.11");
  });

  test("A15 a declared machine without a reservation gets one of the pools", () => {
    for (const unknownClients of ["deny", "known-only"] as const) {
      assert.equal(world({ unknownClients }, [hostDocument({ ip: undefined })]).lease(db1), "10.77.0.100");
    }
  });
});

describe("ranges", () => {
  const range = fc.tuple(fc.nat(60), fc.nat(60)).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
  const members = (ranges: readonly { from: number; to: number }[]) => ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index));

  test("what is left without the holes is all that no hole has, in order", () => {
    fc.assert(fc.property(range, fc.array(range, { maxLength: 5 }), (whole, holes) => {
      const gone = new Set(members(holes));
      assert.deepEqual(members(without(whole, holes)), members([whole]).filter((value) => !gone.has(value)));
    }));
  });

  test("runs are made of the addresses given, and as long as was asked", () => {
    fc.assert(fc.property(fc.uniqueArray(fc.nat(60)), fc.integer({ min: 1, max: 5 }), (addresses, atLeast) => {
      const runs = runsOf(addresses, atLeast);
      for (const { from, to } of runs) assert.ok(to - from + 1 >= atLeast && !addresses.includes(from - 1) && !addresses.includes(to + 1));
      assert.ok(members(runs).every((value) => addresses.includes(value)));
      if (atLeast === 1) assert.equal(members(runs).length, addresses.length);
    }));
  });
});
