import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PoolWatch } from "../../../provider/engine/dhcp/pool-watch";
import type { InstallFacts } from "../../../provider/engine/facts";
import { LeaseTable } from "../../../provider/engine/lease-table";
import { DocumentView } from "../../../provider/engine/view";
import type { Document } from "../../../provider/model/documents";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { activeLease } from "./world";

const now = 1_000_000_000;

function viewOf(documents: readonly Document[]): DocumentView {
  const facts: InstallFacts = {
    id: "", owner: "", name: "", macs: [], uuids: [], state: "adopted", since: 0, reason: "", token: null, armedUntil: null, installedAt: null, consumed: [], sshHostKeys: [],
  };
  return new DocumentView(documents.map((document, index) => ({ ...document, rev: index + 1 })), () => facts, () => undefined);
}

/** 100 addresses, told of at 90. */
const standard = [serverDocument(), subnetDocument()];

/** A table in which the first so many addresses of the pool are held. */
function held(count: number, more: readonly string[] = []): LeaseTable {
  const addresses = [...Array.from({ length: count }, (_, index) => `10.77.0.${String(100 + index)}`), ...more];
  return new LeaseTable(addresses.map((address, index) => activeLease(address, `52:54:00:00:01:${index.toString(16).padStart(2, "0")}`)));
}

describe("the watch on pools", () => {
  test("F1 A20 tells once that a pool runs short, and again only after it clearly didn't any more", () => {
    const watch = new PoolWatch();
    const view = viewOf(standard);
    const told = (count: number): string[] => watch.look(view, held(count), now).map((event) => event.text);
    assert.deepEqual([told(0), told(89)], [[], []]);
    assert.deepEqual(told(90), ["90 of the 100 addresses in the pools of provisioning are in use"]);
    assert.deepEqual([told(95), told(89), told(90), told(81), told(100)], [[], [], [], [], []], "it moves about the threshold");
    assert.deepEqual(told(80), []);
    assert.deepEqual(told(91), ["91 of the 100 addresses in the pools of provisioning are in use"]);
  });

  test("what runs short now stands among the problems", () => {
    const watch = new PoolWatch();
    const problems = (count: number): string[] => {
      watch.look(viewOf(standard), held(count), now);
      return watch.problems();
    };
    assert.deepEqual([89, 93, 100, 85, 0].map(problems), [
      [], ["93 of the 100 addresses in the pools of provisioning are in use"], ["100 of the 100 addresses in the pools of provisioning are in use"], [], [],
    ]);
  });

  test("the threshold is the subnet's own, and each subnet is told of by itself", () => {
    const documents = [
      serverDocument(), subnetDocument({ limits: { poolAlert: 50 } }),
      subnetDocument({ cidr: "10.78.0.0/24", routers: [], dnsServers: [], pools: [{ from: "10.78.0.10", to: "10.78.0.13" }] }, "second"),
    ];
    const watch = new PoolWatch();
    const told = (leases: LeaseTable): string[] => watch.look(viewOf(documents), leases, now).map((event) => event.text);
    assert.deepEqual(told(held(50, ["10.78.0.10", "10.78.0.11", "10.78.0.12"])), ["50 of the 100 addresses in the pools of provisioning are in use"]);
    assert.deepEqual(told(held(50, ["10.78.0.10", "10.78.0.11", "10.78.0.12", "10.78.0.13"])), ["4 of the 4 addresses in the pools of second are in use"]);
  });

  test("A16 a reserved address in the pool is nobody's to take: it counts neither as there nor as used", () => {
    const hosts = Array.from({ length: 50 }, (_, index) => hostDocument({ ip: `10.77.0.${String(100 + index)}`, macs: [`52:54:00:00:02:${index.toString(16).padStart(2, "0")}`] }, `h${String(index)}`));
    const watch = new PoolWatch();
    const view = viewOf([...standard, profileDocument(), ...hosts]);
    const told = (count: number): string[] => watch.look(view, held(count), now).map((event) => event.text);
    assert.deepEqual([told(50), told(94)], [[], []]);
    assert.deepEqual(told(95), ["45 of the 50 addresses in the pools of provisioning are in use"]);
  });

  test("ended and released leases don't count, quarantined addresses do; without pools there is nothing to tell", () => {
    const lease = (last: number, more: object): ReturnType<typeof activeLease> => activeLease(`10.77.0.${String(last)}`, `52:54:00:00:03:${String(last)}`, more);
    const pool = { pools: [{ from: "10.77.0.10", to: "10.77.0.12" }] };
    const told = (spec: object, ...leases: readonly ReturnType<typeof lease>[]): number =>
      new PoolWatch().look(viewOf([serverDocument(), subnetDocument(spec)]), new LeaseTable(leases), now).length;
    assert.equal(told(pool, lease(10, {}), lease(11, {}), lease(12, { state: "declined" })), 1);
    assert.equal(told(pool, lease(10, {}), lease(11, { expiresAt: now }), lease(12, {})), 0);
    assert.equal(told(pool, lease(10, {}), lease(11, { state: "released" }), lease(12, {})), 0);
    assert.equal(told({ pools: [] }, lease(10, {})), 0);
  });

  test("a subnet that goes is forgotten", () => {
    const watch = new PoolWatch();
    const own = viewOf(standard);
    assert.equal(watch.look(own, held(95), now).length, 1);
    assert.equal(watch.look(viewOf([serverDocument()]), held(95), now).length, 0);
    assert.deepEqual(watch.problems(), []);
    assert.equal(watch.look(own, held(95), now).length, 1);
  });
});
