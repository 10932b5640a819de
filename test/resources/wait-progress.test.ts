import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { installStates } from "../../provider/model/control";
import { elapsed, WaitProgress } from "../../provider/resources/wait-progress";
import { hostStatus } from "../support/host-status";

const names = (count: number): string[] => Array.from({ length: count }, (_none, index) => `n${String(index)}`);

describe("what one who waits is told", () => {
  test("is a line for each change of stage, with the time that the stage before took", () => {
    const progress = new WaitProgress(1, 0);
    assert.deepEqual(progress.update([hostStatus("db1", "armed")], 0), ["db1: armed (it installs at its next network boot)"]);
    assert.deepEqual(progress.update([hostStatus("db1", "armed")], 2000), []);
    assert.deepEqual(progress.update([hostStatus("db1", "installing", { since: 101_000 })], 0), ["db1: armed → installing after 1 min 40 s"]);
    const failed = hostStatus("db1", "failed", { since: 102_000, reason: "no disk" });
    assert.deepEqual(progress.update([failed], 0), ["db1: installing → failed after 1 s (no disk)"]);
    assert.deepEqual(progress.update([failed], 0), []);
  });

  test("is nothing about a host that was there from the start", () => {
    assert.deepEqual(new WaitProgress(1, 0).update([hostStatus("db1", "installed")], 0), []);
  });

  test("names a host that nothing will install, once, and how it would be", () => {
    const progress = new WaitProgress(1, 0);
    const [line = "", ...more] = progress.update([hostStatus("db1", "adopted", { reason: "was known before" })], 0);
    assert.match(line, /^db1 is not being installed: was known before\. .*`reinstall`/);
    assert.deepEqual([...more, ...progress.update([hostStatus("db1", "adopted")], 0)], []);
  });

  test("says that an order was given anew", () => {
    const progress = new WaitProgress(1, 0);
    progress.update([hostStatus("db1", "armed")], 0);
    assert.deepEqual(progress.update([hostStatus("db1", "armed", { since: 2000, reason: 'reinstall "b"' })], 0), ['db1: armed anew (reinstall "b")']);
  });

  test("is a summary each half minute where there are many, and at the end", () => {
    const progress = new WaitProgress(40, 0);
    const all = names(40);
    const at = (now: number, installed: number, installing: number): string[] =>
      progress.update(all.map((name, index) => hostStatus(name, index < installed ? "installed" : index < installed + installing ? "installing" : "armed")), now);
    assert.deepEqual(at(0, 0, 0), ["0 of 40 installed, 40 armed; 0 s"]);
    assert.deepEqual(at(2000, 0, 3), []);
    assert.deepEqual(at(840_000, 12, 3), ["12 of 40 installed, 3 installing, 25 armed; 14 min"]);
    assert.deepEqual(at(900_000, 12, 3), []);
    assert.deepEqual(at(901_000, 40, 0), ["40 of 40 installed; 15 min 1 s"]);
  });

  test("never repeats itself: what is told twice gives no line the second time", () => {
    const states = fc.array(fc.constantFrom(...installStates), { minLength: 1, maxLength: 15 });
    fc.assert(fc.property(fc.array(states, { minLength: 1, maxLength: 6 }), (rounds) => {
      const total = Math.max(...rounds.map((round) => round.length));
      const progress = new WaitProgress(total, 0);
      let now = 0;
      for (const round of rounds) {
        now += 5000;
        const told = names(total).map((name, index) => hostStatus(name, round[index] ?? "armed", { since: now }));
        progress.update(told, now);
        assert.deepEqual(progress.update(told, now), []);
      }
      const counted = [...progress.counts().matchAll(/(\d+) (?!of)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
      const there = Number(/^\d+/.exec(progress.counts())?.[0]);
      assert.equal(counted - total + there, total, progress.counts());
    }));
  });
});

test("times read as a person says them", () => {
  assert.deepEqual([0, 400, 59_600, 100_000, 3_600_000, 7_384_000, -5].map(elapsed), ["0 s", "0 s", "1 min", "1 min 40 s", "1 h", "2 h 3 min", "0 s"]);
});
