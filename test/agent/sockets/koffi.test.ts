import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { build } from "esbuild";
import { command } from "../../support/command";

async function bundled(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), `pxe-koffi-${String(process.pid)}-`));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const sockets = path.resolve(__dirname, "../../../provider/agent/sockets/bound-socket.js");
  const script = `import { openBoundSocket } from ${JSON.stringify(sockets)};
    console.log(openBoundSocket({ interface: "lo", address: "127.0.0.1", port: 0, broadcast: true }) > 2 ? "bound" : "not bound");`;
  await writeFile(path.join(folder, "entry.mjs"), script);
  await build({ entryPoints: [path.join(folder, "entry.mjs")], outfile: path.join(folder, "pxe-agent.cjs"), bundle: true, platform: "node", format: "cjs" });
  return folder;
}

test("a bundle finds koffi.node beside itself, without node_modules", async (t) => {
  const folder = await bundled(t);
  const native = createRequire(__filename).resolve(`@koromix/koffi-${process.platform}-${process.arch}/linux_${process.arch}/koffi.node`);
  await copyFile(native, path.join(folder, "koffi.node"));
  const result = await command(process.execPath, [path.join(folder, "pxe-agent.cjs")], { cwd: folder });
  assert.equal(result.stdout.toString(), "bound\n", result.stderr);
});

test("without it the error says what is missing", async (t) => {
  const folder = await bundled(t);
  const result = await command(process.execPath, [path.join(folder, "pxe-agent.cjs")], { cwd: folder });
  assert.match(result.stderr, /PXE_UNSUPPORTED_TARGET: koffi can't be loaded/);
});
