import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { loadTool } from "./load";

interface Commands {
  atLeast: (a: string, b: string) => boolean;
  capture: (command: string, args: string[]) => Promise<{ code: number; out: string; all: string }>;
  must: (command: string, args: string[]) => Promise<string>;
}

test("versions compare by number, not by letter", async () => {
  const { atLeast } = await loadTool<Commands>("setup/commands.mjs");
  assert.equal(atLeast("22.13.0", "22.13.0"), true);
  assert.equal(atLeast("22.9.0", "22.13.0"), false);
  assert.equal(atLeast("v3.259.0", "3.200.0"), true);
  assert.equal(atLeast("go1.25.11", "1.25.11"), true);
  assert.equal(atLeast("go1.9", "1.25.11"), false);
  const version = fc.tuple(fc.nat(30), fc.nat(300), fc.nat(30)).map((parts) => parts.join("."));
  fc.assert(fc.property(version, version, (a, b) => atLeast(a, b) || atLeast(b, a)));
  fc.assert(fc.property(version, version, (a, b) => !(atLeast(a, b) && atLeast(b, a)) || a === b));
});

test("a command that doesn't exist or fails is told with its words", async () => {
  const { capture, must } = await loadTool<Commands>("setup/commands.mjs");
  assert.equal((await capture("/nonexistent/program", [])).code, 127);
  assert.equal(await must(process.execPath, ["-p", "6 * 7"]), "42");
  await assert.rejects(must(process.execPath, ["-e", "console.error('no such mirror'); process.exit(3)"]), /exit code 3\):\n\s+no such mirror/);
});
