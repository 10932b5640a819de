import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Makes a folder as the build makes dist/agent, with the stand-in agent in it. */
export function fakeBundle(folder: string, options: { readonly version?: string; readonly behaviour?: "serve" | "die" } = {}): string {
  const { version = "1.0.0", behaviour = "serve" } = options;
  mkdirSync(folder, { recursive: true });
  const text = readFileSync(join(__dirname, "fake-agent.js"), "utf8")
    .replace("FAKE_BEHAVIOUR=serve", `FAKE_BEHAVIOUR=${behaviour}`)
    .replace("FAKE_VERSION=1.0.0", `FAKE_VERSION=${version}`);
  writeFileSync(join(folder, "pxe-agent.cjs"), text);
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ version, sha256: "", size: text.length }));
  return folder;
}
