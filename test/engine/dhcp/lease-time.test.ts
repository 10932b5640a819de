import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { never } from "../../../provider/engine/dhcp/lease-time";
import { checkRules } from "../../../provider/model/rules";
import { optionEntry, options, readOption } from "../../../provider/wire/dhcp";
import { serverDocument, subnetDocument } from "../../support/documents";
import { replyOf, stranger, World } from "./world";

type Spec = NonNullable<Parameters<typeof subnetDocument>[0]>;

const forever = 0xffffffff;
const least = 120;

interface Told {
  readonly lease: number | undefined;
  readonly renewal: number | undefined;
  readonly rebinding: number | undefined;
}

/** What an OFFER and its ACK both say, and when the lease that is stored ends. */
function told(spec: Spec, asked: number | undefined): Told {
  const world = new World({ documents: [serverDocument(), subnetDocument(spec)] });
  const asks = asked === undefined ? [] : [optionEntry(options.leaseTime, asked)];
  const times = (packet: ReturnType<typeof replyOf>): Told => ({
    lease: readOption(packet.options, options.leaseTime), renewal: readOption(packet.options, options.renewalTime), rebinding: readOption(packet.options, options.rebindingTime),
  });
  const offered = times(replyOf(world.discover(stranger, asks), "offer"));
  assert.deepEqual(times(replyOf(world.select(stranger, "10.77.0.100", asks), "ack")), offered);
  assert.equal(world.leases.byAddress("10.77.0.100")?.expiresAt, offered.lease === forever ? never : world.now + (offered.lease ?? 0) * 1000);
  return offered;
}

const lease = (spec: Spec, asked?: number): number | undefined => told(spec, asked).lease;

/** What the schema and the rules take. */
const seconds = fc.oneof(fc.integer({ min: least, max: 200 }), fc.integer({ min: least, max: 100_000 }), fc.integer({ min: forever - 5, max: forever }), fc.integer({ min: least, max: forever }));
const share = fc.oneof(fc.double({ min: 0, max: 1, minExcluded: true, maxExcluded: true, noNaN: true }), fc.constantFrom(1e-300, 1e-9, 0.001, 0.5, 0.875, 0.999, 1 - 1e-16));
const accepted = fc.record({ leaseTime: seconds, minLeaseTime: fc.option(seconds, { nil: undefined }), maxLeaseTime: fc.option(seconds, { nil: undefined }), renewAt: share, rebindAt: share })
  .map(({ minLeaseTime, maxLeaseTime, ...rest }) => ({ ...rest, ...(minLeaseTime !== undefined && { minLeaseTime }), ...(maxLeaseTime !== undefined && { maxLeaseTime }) }))
  .filter((spec) => checkRules([subnetDocument(spec)]).length === 0);
const asked = fc.option(fc.oneof(fc.constantFrom(0, 1, least - 1, least, least + 1, forever - 1, forever), fc.integer({ min: 0, max: forever })), { nil: undefined });

describe("lease times", () => {
  test("A26 who asks for nothing gets the subnet's time; less than 120 seconds is given to nobody, more than the subnet's only where it says so", () => {
    assert.deepEqual([undefined, 0, 1, 119, 120, 3599, 3600, 3601, forever].map((time) => lease({ leaseTime: 3600 }, time)), [3600, 120, 120, 120, 120, 3599, 3600, 3600, 3600]);
    const bounded = { leaseTime: 3600, minLeaseTime: 600, maxLeaseTime: 7200 };
    assert.deepEqual([undefined, 0, 599, 600, 7200, 7201, forever].map((time) => lease(bounded, time)), [3600, 600, 600, 600, 7200, 7200, 7200]);
    assert.deepEqual([undefined, 1, forever].map((time) => lease({ leaseTime: least, minLeaseTime: least, maxLeaseTime: least }, time)), [least, least, least]);
  });

  test("A26 a lease without an end has neither T1 nor T2, by default or where it is asked for and allowed", () => {
    const without = { lease: forever, renewal: undefined, rebinding: undefined };
    assert.deepEqual(told({ leaseTime: forever }, undefined), without);
    assert.deepEqual(told({ leaseTime: forever }, forever), without);
    assert.deepEqual(told({ leaseTime: 3600, maxLeaseTime: forever }, forever), without);
    assert.equal(lease({ leaseTime: forever }, 3600), 3600);
    assert.equal(lease({ leaseTime: forever }, 0), least);
  });

  test("A27 T1 and T2 are the shares of RFC 2131 unless the subnet names others", () => {
    assert.deepEqual(told({ leaseTime: 1000 }, undefined), { lease: 1000, renewal: 500, rebinding: 875 });
    assert.deepEqual(told({ leaseTime: 1000, renewAt: 0.25, rebindAt: 0.75 }, undefined), { lease: 1000, renewal: 250, rebinding: 750 });
    assert.deepEqual(told({ leaseTime: least, renewAt: 1e-9, rebindAt: 1e-8 }, undefined), { lease: least, renewal: 1, rebinding: 2 });
    assert.deepEqual(told({ leaseTime: least, renewAt: 1 - 1e-15, rebindAt: 1 - 1e-16 }, undefined), { lease: least, renewal: 118, rebinding: 119 });
  });

  test("A26 A27 property: the lease is what was asked for within the bounds, and 0 < T1 < T2 < lease for every setting that is accepted", () => {
    fc.assert(fc.property(accepted, asked, (spec, time) => {
      const { lease: given = 0, renewal, rebinding } = told(spec, time);
      const { leaseTime, minLeaseTime = least, maxLeaseTime = leaseTime } = spec;
      assert.equal(given, time === undefined ? leaseTime : Math.min(maxLeaseTime, Math.max(minLeaseTime, time)));
      if (given === forever) {
        assert.deepEqual([renewal, rebinding], [undefined, undefined]);
        return;
      }
      assert.ok(renewal !== undefined && rebinding !== undefined && renewal > 0 && renewal < rebinding && rebinding < given, `${String(renewal)} ${String(rebinding)} ${String(given)}`);
    }), { numRuns: 2000 });
  });
});
