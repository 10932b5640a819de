import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Throttle } from "../../provider/agent/throttle";

describe("the throttle", () => {
  test("the first of each kind passes, a like one not before its time, also when the clock goes back", () => {
    const throttle = new Throttle(1000);
    assert.deepEqual([["a", 0], ["b", 1], ["a", 999], ["a", 1000], ["a", 1001], ["a", 500]].map(([key, at]) => throttle.passes(String(key), Number(at))), [true, true, false, true, false, true]);
  });

  test("several at once pass where that is allowed, then one in its time, and all of them again after a rest or when the clock goes back", () => {
    const throttle = new Throttle(1000, 3);
    const passed = (now: number): number => Array.from({ length: 10 }, () => throttle.passes("a", now)).filter(Boolean).length;
    assert.deepEqual([0, 999, 1000, 3500, 60_000, 5].map(passed), [3, 0, 1, 2, 3, 3]);
  });

  test("its memory is bounded, and what is new always passes", () => {
    const throttle = new Throttle(1_000_000);
    for (let index = 0; index < 20_000; index++) assert.equal(throttle.passes(`key ${String(index)}`, index), true);
    assert.equal(throttle.passes("key 19999", 20_000), false);
    assert.equal(throttle.passes("key 0", 20_000), true);
  });
});
