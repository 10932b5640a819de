import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { pino } from "pino";
import { cleaned } from "../../provider/agent/clean";
import { logDestination } from "../../provider/agent/log";

/** What drives a terminal or turns the writing direction; a log's lines end with a line feed. */
const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

describe("what clients send", () => {
  test("F9 property: has no control character and a bounded length once it is cleaned, and harmless text stays as it is", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 2000 }), (text) => {
      const clean = cleaned(text);
      assert.ok(clean.length <= 500 && !control.test(clean) && !clean.includes("\n"));
    }));
    assert.equal(cleaned("db1 reports: Größe 5 → /dev/sda"), "db1 reports: Größe 5 → /dev/sda");
  });

  test("F9 reaches the log without what drives a terminal, whichever way it came there", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "pxe-clean-"));
    t.after(() => { rmSync(folder, { recursive: true, force: true }); });
    const path = join(folder, "log");
    const fd = openSync(path, "w");
    t.after(() => { closeSync(fd); });
    const log = pino({ base: null }, logDestination(fd));
    const nasty = "a\u001b[2J\u009b31m\r\n{\"level\":60}\u202egpj.\u2028\u007f";
    log.error({ file: nasty, error: nasty }, nasty);
    log.error("the next line");
    const text = readFileSync(path, "utf8");
    assert.doesNotMatch(text, control);
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line) as { level: number; msg: string });
    assert.deepEqual(lines.map(({ level, msg }) => [level, msg.startsWith("a\u001b[2J?31m"), msg === "the next line"]), [[50, true, false], [50, false, true]]);
  });
});
