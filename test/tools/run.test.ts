import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { loadTool, root } from "./load";

interface Phase {
  name: string;
  folder?: string;
  lint?: boolean;
  tests: string[];
}
interface Phases {
  stages: Phase[][];
  choose: (stages: Phase[][], wanted: string[], form: "source" | "compiled", base?: string) => Phase[][];
}

/** A process that runs `child` (JavaScript) with tools/run.mjs and ends with its exit code. */
function runner(child: string): { exit: Promise<number | null>; signal: (name: NodeJS.Signals) => void; saw: (text: string) => Promise<void> } {
  const module = pathToFileURL(join(root, "tools", "run.mjs")).href;
  const script = `import { run, main } from ${JSON.stringify(module)}; await main(() => run(process.execPath, ["-e", ${JSON.stringify(child)}]));`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  let notify = (): void => undefined;
  parent.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
    notify();
  });
  const saw = (text: string): Promise<void> =>
    new Promise((resolve) => {
      notify = () => {
        if (output.includes(text)) resolve();
      };
      notify();
    });
  return { exit: new Promise((resolve) => parent.on("close", resolve)), signal: (name) => parent.kill(name), saw };
}

test("the exit code is the child's", async () => {
  assert.equal(await runner("process.exit(7)").exit, 7);
});

test("a child ended by a signal gives 128 and its number", async () => {
  assert.equal(await runner("process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 10_000)").exit, 143);
});

test("Ctrl-C under npm signals us twice, and the child once", async () => {
  const child = `let count = 0;
    process.on("SIGINT", () => { count++; if (count === 1) setTimeout(() => process.exit(40 + count), 600); console.log("got it"); });
    setTimeout(() => process.exit(1), 20_000);
    console.log("ready");`;
  const { exit, signal, saw } = runner(child);
  await saw("ready");
  signal("SIGINT");
  await saw("got it");
  signal("SIGINT");
  assert.equal(await exit, 41);
});

test("every test file belongs to one phase, and can be chosen by phase, folder or file", async () => {
  const { stages, choose } = await loadTool<Phases>("test/phases.mjs");
  const all = choose(stages, [], "source").flat().flatMap(({ tests }) => tests);
  assert.equal(new Set(all).size, all.length);
  assert.ok(all.includes("test/tools/run.test.ts"));
  const chosen = (...wanted: string[]): string[] => choose(stages, wanted, "source").flat().flatMap(({ tests }) => tests);
  assert.deepEqual(chosen("test/tools/run"), ["test/tools/run.test.ts"]);
  assert.deepEqual(chosen("test/tools/run.test.ts"), ["test/tools/run.test.ts"]);
  assert.ok(chosen("test/tools/").every((test) => test.startsWith("test/tools/")));
  assert.ok(chosen("unit").length > chosen("test/tools").length);
  assert.deepEqual(choose(stages, ["lint"], "source").flat().map(({ name }) => name), ["lint"]);
  assert.deepEqual(choose(stages, ["test/no-such"], "source"), []);
});
