import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../run.mjs";
import { root } from "../setup.mjs";
import { elapsed } from "../setup/report.mjs";
import { recordResults } from "./results.mjs";

/**
 * Runs one phase to its end. `beside`: another one runs at the same time, so each line says whose it is.
 * @returns {Promise<{ phase: string, ok: boolean, outcome: string, milliseconds: number }>}
 */
export async function runPhase(phase, { env, node }, { beside }) {
  const from = Date.now();
  console.log(`\n── ${phase.name}`);
  const result = await (phase.lint ? lint(env, node) : runTests(phase, env, node, beside));
  const milliseconds = Date.now() - from;
  console.log(`── ${phase.name}: ${result.ok ? "ok" : "FAILED"}, ${result.outcome} (${elapsed(milliseconds)})`);
  return { phase: phase.name, milliseconds, ...result };
}

async function lint(env, node) {
  const code = await run(node, ["node_modules/eslint/bin/eslint.js", "--max-warnings", "0", "."], { env });
  return { ok: code === 0, outcome: code === 0 ? "no finding" : "see the findings above" };
}

async function runTests(phase, env, node, beside) {
  if (phase.tests.length === 0) return { ok: false, outcome: "there is no test in its folder" };
  const folder = mkdtempSync(join(tmpdir(), "pxe-test-"));
  const counts = join(folder, "counts.json");
  const results = join(folder, "results.jsonl");
  const args = [
    "--enable-source-maps",
    `--import=${new URL("watchdog.mjs", import.meta.url).href}`,
    "--test",
    `--test-concurrency=${phase.files}`,
    // Before the limit of the whole file, so that the report names the test.
    `--test-timeout=${Math.round(phase.timeout * 0.9)}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    `--test-reporter=${new URL("counts.mjs", import.meta.url).href}`,
    `--test-reporter-destination=${counts}`,
    `--test-reporter=${new URL("results.mjs", import.meta.url).href}`,
    `--test-reporter-destination=${results}`,
    ...phase.tests.map((test) => join("dist", test.replace(/\.ts$/, ".js"))),
  ];
  const onLine = beside ? (line) => console.log(`${`[${phase.name}]`.padEnd(10)} ${line}`) : undefined;
  const color = beside && process.stdout.isTTY ? { FORCE_COLOR: "1" } : {};
  try {
    const code = await run(node, args, { env: { ...env, ...color, PXE_TEST_FILE_TIMEOUT: String(phase.timeout) }, onLine });
    const text = read(counts);
    // Without counts the runner was ended from outside, and what it wrote may end within a line.
    if (text !== undefined) recordResults(root, read(results) ?? "");
    return judge(code, text === undefined ? undefined : JSON.parse(text));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A skipped test is a failure: what can't be tested here has to be said, not passed over. */
function judge(code, counts) {
  if (counts === undefined) return { ok: false, outcome: `the test runner ended with code ${code} before its report` };
  const { tests, passed, failed, cancelled, skipped, todo } = counts;
  const bad = Object.entries({ failed, cancelled, skipped, todo }).filter(([, count]) => count > 0);
  const outcome = [`${passed} of ${tests} tests passed`, ...bad.map(([what, count]) => `${count} ${what}`)].join(", ");
  return { ok: code === 0 && tests > 0 && bad.length === 0, outcome };
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
