import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "../../provider/model/duration";

test("durations are whole seconds, however they are written", () => {
  const table: [unknown, number | undefined][] = [
    [3600, 3600], [0, 0], ["90s", 90], ["1h", 3600], ["1h30m", 5400], ["7d", 604_800], ["2w", 1_209_600],
    ["", undefined], ["1", undefined], ["h", undefined], ["1.5h", undefined], ["-1h", undefined], ["1h ", undefined], [1.5, undefined],
    [-1, undefined], [Number.NaN, undefined], [null, undefined], [{}, undefined],
  ];
  for (const [given, expected] of table) assert.equal(parseDuration(given), expected, JSON.stringify(given));
});
