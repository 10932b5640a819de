import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";

const program = require.resolve("../support/lease-memory");
const limit = 400;

describe("100,000 leases", () => {
  for (const kind of ["plain", "duid"]) {
    test(`take at most ${limit} bytes each (client identifier: ${kind})`, (t) => {
      const { held, resident } = JSON.parse(execFileSync(process.execPath, ["--expose-gc", program, "100000", kind], { encoding: "utf8" })) as { held: number; resident: number };
      t.diagnostic(`${held} bytes held, ${resident} bytes of resident memory a lease`);
      // Resident memory also holds what the collector hasn't given back, so only what is held is a measure.
      assert.ok(held <= limit, `${held} bytes held`);
    });
  }
});
