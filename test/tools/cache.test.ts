import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { loadTool, root } from "./load";

interface Cache {
  fillFolder: (folder: string, fill: (temporary: string) => Promise<void>) => Promise<void>;
  withLock: <T>(name: string, work: () => Promise<T>, options: { folder: string; onWait?: () => void }) => Promise<T>;
}

const scratch = mkdtempSync(join(tmpdir(), "pxe-cache-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

test("a folder appears whole or not at all", async () => {
  const { fillFolder } = await loadTool<Cache>("setup/cache.mjs");
  const parent = join(scratch, "fill");
  const folder = join(parent, "node-1");
  const broken = fillFolder(folder, async (temporary) => {
    writeFileSync(join(temporary, "half"), "");
    throw new Error("cut");
  });
  await assert.rejects(broken, /cut/);
  assert.deepEqual(readdirSync(parent), []);

  const write = (text: string) => fillFolder(folder, async (temporary) => writeFileSync(join(temporary, "file"), text));
  await write("first");
  await write("second");
  assert.equal(readFileSync(join(folder, "file"), "utf8"), "first");
  assert.deepEqual(readdirSync(parent), ["node-1"]);
});

/** Runs `script`, which finds the module as `cache` and the lock's folder as `folder`, in a process of its own. */
function inProcess(folder: string, script: string): { exit: Promise<number | null>; kill: () => void; output: () => string } {
  const module = pathToFileURL(join(root, "tools", "setup", "cache.mjs")).href;
  const prelude = `import * as cache from ${JSON.stringify(module)}; import fs from "node:fs"; import { setTimeout as wait } from "node:timers/promises"; const folder = ${JSON.stringify(folder)};`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", prelude + script], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { exit, kill: () => child.kill("SIGKILL"), output: () => output };
}

test("one process at a time holds a lock", async () => {
  const folder = join(scratch, "many");
  mkdirSync(folder);
  const counter = join(folder, "counter");
  writeFileSync(counter, "0");
  const script = `for (let i = 0; i < 5; i++) await cache.withLock("one", async () => {
    const value = Number(fs.readFileSync(${JSON.stringify(counter)}, "utf8"));
    await wait(5);
    fs.writeFileSync(${JSON.stringify(counter)}, String(value + 1));
  }, { folder });`;
  const runs = Array.from({ length: 4 }, () => inProcess(folder, script));
  assert.deepEqual(await Promise.all(runs.map(({ exit }) => exit)), [0, 0, 0, 0]);
  assert.equal(readFileSync(counter, "utf8"), "20");
  assert.deepEqual(readdirSync(folder), ["counter"]);
});

test("the lock of a process that was killed is taken over at once", async () => {
  const { withLock } = await loadTool<Cache>("setup/cache.mjs");
  const folder = join(scratch, "killed");
  mkdirSync(folder);
  const holder = inProcess(folder, `await cache.withLock("one", async () => { fs.writeFileSync(folder + "/held", ""); await wait(60_000); }, { folder });`);
  while (!existsSync(join(folder, "held"))) await new Promise((resolve) => setTimeout(resolve, 20));
  let work = Promise.resolve(0);
  await new Promise<void>((resolve) => {
    work = withLock("one", async () => Date.now(), { folder, onWait: resolve });
  });
  const killed = Date.now();
  holder.kill();
  await holder.exit;
  assert.ok((await work) - killed < 5_000);
  assert.deepEqual(readdirSync(folder), ["held"]);
});
