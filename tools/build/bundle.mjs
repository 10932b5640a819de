/** Bundles the agent into dist/agent/pxe-agent.cjs: one file that needs only Node and koffi.node, which deployment puts beside it. */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = join(root, "dist", "agent");
/** Bytes of the bundle, which goes over SSH to every target. */
const limit = 1_500_000;

/** zod carries its messages in fifty languages, a quarter of a megabyte; ours are English. */
const englishOnly = {
  name: "zod in English only",
  setup(esbuild) {
    esbuild.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({ contents: 'export { default as en } from "./en.js";', loader: "js" }));
  },
};

mkdirSync(folder, { recursive: true });
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const result = await build({
  absWorkingDir: root,
  entryPoints: ["provider/agent/main.ts"],
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node22.13",
  minify: true,
  legalComments: "none",
  banner: { js: "#!/usr/bin/env node" },
  define: { PXE_VERSION: JSON.stringify(version) },
  plugins: [englishOnly],
  write: false,
  logLevel: "warning",
});
// A source's own `#!` line is kept by esbuild above the banner.
const text = result.outputFiles[0].text.replace(/^(#!.*\n)(#!.*\n)+/, "$1");
const size = Buffer.byteLength(text);
const sha256 = createHash("sha256").update(text).digest("hex");

publish("pxe-agent.cjs", text, 0o755);
publish("manifest.json", `${JSON.stringify({ version, sha256, size })}\n`, 0o644);
chmodSync(join(root, "dist", "cli", "pxe.js"), 0o755);

console.log(`bundle: ${Math.round(size / 1000)} kB, of ${limit / 1000} kB at most`);
if (size > limit) {
  console.error("The agent's bundle is too large for what is pushed over SSH: see what was added to it.");
  process.exitCode = 1;
}

/** Into place by rename: an agent or a test may be reading the old one. */
function publish(name, content, mode) {
  const temporary = join(folder, `.${name}.${process.pid}`);
  writeFileSync(temporary, content);
  chmodSync(temporary, mode);
  renameSync(temporary, join(folder, name));
}
