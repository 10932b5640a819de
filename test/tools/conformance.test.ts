import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { loadTool, root } from "./load";

interface NamedTest {
  readonly file: string;
  readonly name: string;
  readonly ids: readonly string[];
}
type Outcomes = (test: Pick<NamedTest, "file" | "name">) => readonly string[];
interface Sources {
  readonly namedTests: (root: string) => readonly NamedTest[];
  readonly idsOf: (name: string) => readonly string[];
}
interface Page {
  readonly page: (tests: readonly NamedTest[], outcomes: Outcomes) => string;
  readonly withoutResults: (text: string) => string;
  readonly findings: (tests: readonly NamedTest[]) => { readonly missing: readonly string[]; readonly unknown: readonly string[] };
}
interface Results {
  readonly recordResults: (root: string, lines: string) => void;
  readonly readResults: (root: string) => Record<string, unknown>;
  readonly outcomesIn: (all: Record<string, unknown>) => Outcomes;
}

const sources = () => loadTool<Sources>("conformance/sources.mjs");
const pages = () => loadTool<Page>("conformance/page.mjs");
const results = () => loadTool<Results>("test/results.mjs");

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "pxe-conformance-"));
  t.after(() => { rmSync(path, { recursive: true, force: true }); });
  return path;
}

describe("docs/conformance.md", () => {
  test("every id that has to be shown is named by a test or has a reason, and tests name no other", async () => {
    const tests = (await sources()).namedTests(root);
    assert.deepEqual((await pages()).findings(tests), { missing: [], unknown: [] });
  });

  test("its ids and tests are those of the sources: `node tools/conformance.mjs --write` makes it so", async () => {
    const { page, withoutResults } = await pages();
    const tests = (await sources()).namedTests(root);
    assert.equal(withoutResults(readFileSync(join(root, "docs", "conformance.md"), "utf8")), withoutResults(page(tests, () => [])));
  });
});

describe("making it", () => {
  test("the ids stand at the beginning of a name, alone or after `property:`", async () => {
    const { idsOf } = await sources();
    assert.deepEqual(idsOf("A31 F8 a datagram of A1"), ["A31", "F8"]);
    assert.deepEqual(idsOf("property: F13 quoted"), ["F13"]);
    assert.deepEqual(idsOf("A1, A2: both"), ["A1", "A2"]);
    for (const name of ["the codec (F8)", "A hundred machines", "A0 nothing", "G1 nothing", "Base64", "F8x"]) assert.deepEqual(idsOf(name), [], name);
  });

  test("it reads test, describe and subtests, texts with gaps too, and nothing that isn't one", async (t) => {
    const base = folder(t);
    mkdirSync(join(base, "test", "wire"), { recursive: true });
    writeFileSync(join(base, "test", "wire", "a.test.ts"), [
      'describe("A1 outer", () => { test(`A2 ${name} of ${other}`, () => undefined); });',
      'test("A3 sub", async (t) => { await t.test("A4 inner", () => undefined); });',
      'test("no id", () => { /A5/.test("A5 not a test"); assert("A6"); });',
    ].join("\n"));
    const { namedTests } = await sources();
    assert.deepEqual(namedTests(base), [
      { file: "wire/a.test.ts", name: "A1 outer", ids: ["A1"] }, { file: "wire/a.test.ts", name: "A2 … of …", ids: ["A2"] },
      { file: "wire/a.test.ts", name: "A3 sub", ids: ["A3"] }, { file: "wire/a.test.ts", name: "A4 inner", ids: ["A4"] },
    ]);
  });

  test("missing and unknown ids are found; one with a reason isn't missing", async () => {
    const { findings } = await pages();
    const { missing, unknown } = findings([{ file: "a.test.ts", name: "A1 A99 x", ids: ["A1", "A99"] }]);
    assert.ok(!missing.includes("A1") && missing.includes("A2") && !missing.includes("B18") && !missing.includes("D1") && missing.includes("F12"));
    assert.deepEqual(unknown, ["A99 in a.test.ts: A1 A99 x"]);
  });

  test("results: of the last run of each file, by names with gaps; a failure shows, and what didn't run", async (t) => {
    const { recordResults, readResults, outcomesIn } = await results();
    const { page } = await pages();
    const base = folder(t);
    const line = (file: string, name: string, result: string) => `${JSON.stringify({ file: join(base, file), name, result })}\n`;
    recordResults(base, line("test/a.test.ts", "A1 one", "failed") + line("dist/test/b.test.js", "A2 1 of 2 (?)", "passed"));
    recordResults(base, line("test/a.test.ts", "A1 one", "passed") + line("test/a.test.ts", "A3 bad | <b>", "failed"));
    const tests = [["a.test.ts", "A1 one"], ["b.test.ts", "A2 … of 2 (?)"], ["a.test.ts", "A3 bad | <b>"], ["a.test.ts", "A4 none"], ["a.test.ts", "A1 other"]] as const;
    const text = page(tests.map(([file, name]) => ({ file, name, ids: [name.slice(0, 2)] })), outcomesIn(readResults(base)));
    const row = (id: string) => text.split("\n").find((each) => each.startsWith(`| ${id} |`)) ?? "";
    assert.ok(row("A1").endsWith(" | a.test.ts: A1 one<br>a.test.ts: A1 other | passed; 1 of 2 not run |"), row("A1"));
    assert.ok(row("A2").endsWith(" | b.test.ts: A2 … of 2 (?) | passed |"), row("A2"));
    assert.ok(row("A3").endsWith(" | a.test.ts: A3 bad \\| &lt;b> | **failed** |"), row("A3"));
    assert.ok(row("A4").endsWith(" | not run |"));
    assert.match(row("B18"), / \| – \| .*HTTP.*\|$/);
  });
});
