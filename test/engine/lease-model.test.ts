import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isHeld } from "../../provider/engine/dhcp/bindings";
import { LeaseTable } from "../../provider/engine/lease-table";
import { macOfPlainId, packClientId, packMac, unpackClientId, unpackMac } from "../../provider/engine/lease-keys";
import type { Lease, LeaseState } from "../../provider/engine/leases";
import { formatIpv4, ipv4 } from "../../provider/model/ip";

const base = ipv4("10.77.3.240");
/** Six bytes, none, and the eight of InfiniBand. */
const macs = ["52:54:00:00:00:01", "52:54:00:00:00:02", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "", "00:02:c9:03:00:00:12:34"];
/** None, those of the MACs above, DUIDs, one that looks like another's MAC, and one that is no hexadecimal. */
const ids = [null, "01525400000001", "01525400000002", "ff00", "ff0001000123456789525400000001", "00", "no hex", "01ffffffffffff"];
const ports = [undefined, "10.0.0.1 0001", "10.0.0.1 0002"];

const lease: fc.Arbitrary<Lease> = fc.record({
  index: fc.nat(40), mac: fc.constantFrom(...macs), clientId: fc.constantFrom(...ids), owner: fc.constantFrom("a/b", "c/d"), subnet: fc.constantFrom("one", "two"),
  state: fc.constantFrom<LeaseState>("active", "released", "declined"), expiresAt: fc.integer({ min: 0, max: 20 }), port: fc.constantFrom(...ports),
}).map(({ index, port, ...rest }) => ({ address: formatIpv4(base + index), ...rest, ...(port === undefined ? {} : { port }) }));

const byAddress = (leases: Iterable<Lease>): Lease[] => [...leases].toSorted((a, b) => ipv4(a.address) - ipv4(b.address));

/** What the table must say, by looking at every lease. */
function assertSame(table: LeaseTable, model: ReadonlyMap<string, Lease>, now: number): void {
  const all = [...model.values()];
  assert.equal(table.size, all.length);
  assert.deepEqual(byAddress(table.all()), byAddress(all));
  assert.deepEqual(byAddress(table.held(now)), byAddress(all.filter((one) => isHeld(one, now))));
  assert.deepEqual(byAddress(table.endedBefore(now)), byAddress(all.filter((one) => one.expiresAt < now)));
  for (const mac of macs) {
    const own = all.filter((one) => one.mac === mac);
    assert.deepEqual(byAddress(table.ofMac(mac)), byAddress(own));
    const newest = own.toSorted((a, b) => Number(b.state === "active") - Number(a.state === "active") || b.expiresAt - a.expiresAt || ipv4(a.address) - ipv4(b.address));
    assert.deepEqual(table.byMac(mac), newest[0]);
  }
  for (const id of ids) if (id !== null) assert.deepEqual(byAddress(table.ofClientId(id)), byAddress(all.filter((one) => one.clientId === id)), id);
  for (let index = 0; index <= 40; index++) assert.deepEqual(table.byAddress(formatIpv4(base + index)), model.get(formatIpv4(base + index)));
  const ranges = [{ from: base + 3, to: base + 9 }, { from: base + 14, to: base + 30 }];
  const inRanges = all.filter((one) => isHeld(one, now) && ranges.some(({ from, to }) => ipv4(one.address) >= from && ipv4(one.address) <= to));
  assert.equal(table.heldIn(ranges, now), inRanges.length);
  const ends = all.map((one) => one.expiresAt).filter((end) => end < now).toSorted((a, b) => a - b);
  for (const kept of [0, 1, 3, 40]) assert.equal(table.endOfExcess(now, kept), ends.length <= kept ? -Infinity : ends[ends.length - kept] ?? now);
  for (const port of ports) {
    if (port === undefined) continue;
    const held = all.filter((one) => one.port === port && isHeld(one, now)).length;
    for (const limit of [1, 2, 5]) assert.equal(table.reaches(port, limit, now), held >= limit);
  }
}

describe("LeaseTable beside a plain list", () => {
  test("says of every address, MAC, client identifier, range and port what the list says", () => {
    const step = fc.oneof(lease, fc.record({ address: fc.nat(40).map((index) => formatIpv4(base + index)), endedAt: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }) }));
    fc.assert(fc.property(fc.array(step, { maxLength: 100 }), fc.integer({ min: 0, max: 21 }), (steps, now) => {
      const table = new LeaseTable();
      const model = new Map<string, Lease>();
      for (const one of steps) {
        if (!("mac" in one)) {
          const { address, endedAt } = one;
          table.apply({ type: "lease.delete", address, ...(endedAt === undefined ? {} : { endedAt }) });
          if (endedAt === undefined || model.get(address)?.expiresAt === endedAt) model.delete(address);
        } else {
          table.apply({ type: "lease.put", lease: one });
          model.set(one.address, one);
        }
      }
      assertSame(table, model, now);
      assertSame(new LeaseTable(table.all()), model, now);
    }), { numRuns: 500 });
  });

  test("MACs and client identifiers come back as they went in, whatever they are", () => {
    const mac = fc.oneof(fc.string(), fc.array(fc.nat(255), { minLength: 6, maxLength: 6 }).map((bytes) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":")));
    const id = fc.oneof(fc.string({ unit: "binary" }), fc.uint8Array().map((bytes) => Buffer.from(bytes).toString("hex")));
    fc.assert(fc.property(mac, id, (one, other) => {
      assert.equal(unpackMac(packMac(one)), one);
      assert.equal(unpackClientId(packClientId(other)), other);
    }));
    assert.equal(macOfPlainId("01525400123456"), packMac("52:54:00:12:34:56"));
  });
});
