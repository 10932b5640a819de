import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../provider/deploy/payload";

/** A copy of the built agent as another release: its text differs, and what it does only by `first`, which it runs first. */
export function bundleCopy(folder: string, version: string, first = ""): string {
  const built = join(packageRoot(__dirname), "dist", "agent");
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(built, "manifest.json"), join(folder, "manifest.json"));
  const [shebang = "", ...rest] = readFileSync(join(built, "pxe-agent.cjs"), "utf8").split("\n");
  const head = shebang.startsWith("#!") ? [shebang, first] : [first, shebang];
  const text = [...head, ...rest, `// release ${version}`, ""].join("\n");
  writeFileSync(join(folder, "pxe-agent.cjs"), text);
  writeFileSync(join(folder, "manifest.json"), JSON.stringify({ version, sha256: "", size: text.length }));
  return folder;
}
