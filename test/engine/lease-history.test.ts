import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { historyTime, keptAtMost, keptFor, outdated } from "../../provider/engine/lease-history";
import { LeaseTable } from "../../provider/engine/lease-table";
import type { Lease } from "../../provider/engine/leases";
import { formatIpv4, ipv4 } from "../../provider/model/ip";

const hour = 3_600_000;
const day = 24 * hour;
const start = 1_700_000_000_000;

function ended(index: number, expiresAt: number, more: Partial<Lease> = {}): Lease {
  const mac = `52:54:${index.toString(16).padStart(8, "0").replace(/(..)(?=.)/g, "$1:")}`;
  return { address: formatIpv4(ipv4("10.0.0.0") + index), mac, clientId: null, owner: "a/b", subnet: "s", state: "active", expiresAt, ...more };
}

const nobody = (): boolean => false;
const gone = (leases: readonly Lease[], time: number, isDeclared: (mac: string) => boolean = nobody): string[] =>
  [...outdated(new LeaseTable(leases), time, isDeclared)].map((write) => (write.type === "lease.delete" ? write.address : ""));

describe("the history of leases", () => {
  test("A22 an ended binding is kept for thirty days, so that its machine gets the address again, and then forgotten", () => {
    const leases = [ended(1, start), ended(2, start + 1), ended(3, start + keptFor, { state: "released" }), ended(4, Number.MAX_SAFE_INTEGER)];
    assert.deepEqual(gone(leases, start + keptFor), []);
    assert.deepEqual(gone(leases, start + keptFor + 1), ["10.0.0.1"]);
    assert.deepEqual(gone(leases, start + 2 * keptFor + 1), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
  });

  test("A15 a declared host's is kept for ever", () => {
    const own = ended(1, start);
    assert.deepEqual(gone([own, ended(2, start)], start + 2 * keptFor, (mac) => mac === own.mac), ["10.0.0.2"]);
  });

  test("F1 of more than a hundred thousand the ones that ended first go; what ended within the hour isn't counted", () => {
    const flood = Array.from({ length: keptAtMost + 500 }, (_, index) => ended(index, start + ((index * 7919) % (keptAtMost + 500))));
    const late = Array.from({ length: 1000 }, (_, index) => ended(keptAtMost + 1000 + index, start + day));
    const time = start + day + hour;
    const found = gone([...flood, ...late], time);
    assert.equal(found.length, 500);
    const forgotten = new Set(found);
    for (const lease of flood) assert.equal(forgotten.has(lease.address), lease.expiresAt < start + 500);
    assert.deepEqual(gone(flood.slice(500), time), []);
  });

  test("what is deleted is the binding that ended, not the one that took its place meanwhile", () => {
    const table = new LeaseTable([ended(1, start), ended(2, start)]);
    const writes = [...outdated(table, start + keptFor + 1, nobody)];
    table.apply({ type: "lease.put", lease: ended(1, start + 2 * keptFor) });
    for (const write of writes) table.apply(write);
    assert.deepEqual([...table.all()].map((lease) => lease.address), ["10.0.0.1"]);
  });

  test("a clock that runs as it should is followed to the millisecond; one that was behind is caught up with", () => {
    let time = start;
    for (let hours = 1; hours <= 48; hours++) time = historyTime(time, start + hours * hour, hour);
    assert.equal(time, start + 2 * day);
    for (let days = 1; days <= 41; days++) time = historyTime(time, start + (367 + days) * day, day);
    assert.equal(time, start + 408 * day);
  });

  /** How the clock jumps, and for how long it then runs with it, in real hours. */
  const jumps = fc.array(fc.record({ by: fc.integer({ min: -20 * 365, max: 20 * 365 }), hours: fc.integer({ min: 1, max: 30 }) }), { maxLength: 6 });

  test("property: each hour of a wrong clock costs nine of the thirty days at most, so a jump of a year for less than three days takes no lease that is held", () => {
    fc.assert(fc.property(jumps, fc.integer({ min: -24, max: 30 * 24 }), (all, before) => {
      let real = start;
      let time = start;
      let wrong = 0;
      const lease = ended(1, start - before * hour);
      const pass = (clock: number): void => {
        time = historyTime(time, clock, hour);
        if (real - lease.expiresAt <= keptFor - 9 * wrong) assert.deepEqual(gone([lease], Math.min(time, clock)), []);
      };
      for (const { by, hours } of all) {
        for (let passed = 0; passed < hours; passed++) {
          wrong += hour;
          pass((real += hour) + by * day);
        }
        pass((real += hour));
      }
    }), { numRuns: 1000 });
  });

  test("property: whatever the clock did, a clock that is right again lets everything go that ended long ago", () => {
    fc.assert(fc.property(jumps, (all) => {
      let real = start;
      let time = start;
      for (const { by, hours } of all) for (let passed = 0; passed < hours; passed++) time = historyTime(time, (real += hour) + by * day, hour);
      const lease = ended(1, real);
      for (let days = 0; days <= 35; days++) time = historyTime(time, (real += day), day);
      assert.deepEqual(gone([lease], Math.min(time, real)), ["10.0.0.1"]);
    }));
  });
});
