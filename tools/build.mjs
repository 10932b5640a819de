/**
 * `npm run build`: compiles everything to dist/, and bundles the agent into one file. Does nothing when nothing changed.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleMissing, compiledMissing, fingerprint, removeStale, sourceFolders } from "./build/files.mjs";
import { main, run } from "./run.mjs";
import { root, setup } from "./setup.mjs";
import { withLock } from "./setup/cache.mjs";
import { elapsed } from "./setup/report.mjs";

const dist = join(root, "dist");
const stamp = join(dist, ".build-stamp");

export class BuildFailed extends Error {
  expected = true;
}

/**
 * @param {{ env: NodeJS.ProcessEnv, node: string }} tools from set-up.
 * @param {{ writeSchema?: boolean }} options `writeSchema: false` leaves the committed JSON schema alone, for the test that
 * checks that it is current.
 * @throws {BuildFailed} after the compiler has said why.
 */
export async function build({ env, node }, { writeSchema = true } = {}) {
  const lock = `build-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`;
  await withLock(lock, async () => {
    const from = Date.now();
    const before = fingerprint(root);
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === before && !compiledMissing(root) && !bundleMissing(root)) {
      console.log("build: up to date");
      return;
    }
    const step = async (what, args) => {
      if ((await run(node, args, { env })) !== 0) throw new BuildFailed(`build: ${what} failed`);
    };
    removeStale(root);
    const compile = ["node_modules/typescript/bin/tsc", "-p", "."];
    await step("compiling", compile);
    if (compiledMissing(root)) {
      // The compiler remembers what it once wrote, not whether it is still there.
      rmSync(join(dist, ".tsbuildinfo"), { force: true });
      await step("compiling", compile);
    }
    await step("bundling", ["tools/build/bundle.mjs"]);
    if (writeSchema) await step("the JSON schema", ["tools/schema.mjs", "--write"]);
    writeFileSync(stamp, before);
    console.log(`build: ${sourceFolders(root).join(", ")} (${elapsed(Date.now() - from)})`);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    await build(await setup({ pulumi: false }));
    return 0;
  });
}
