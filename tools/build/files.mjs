import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";

/** The bundle's folder and what the build itself keeps; all else in dist/ comes from the compiler. */
const ownOutputs = new Set(["agent", ".tsbuildinfo", ".build-stamp"]);
const bundleFiles = ["pxe-agent.cjs", "manifest.json"].map((name) => join("dist", "agent", name));
/** Besides the sources, all that the outputs depend on. */
const alsoInputs = ["tsconfig.json", "package.json", "package-lock.json", "tools/build.mjs", "tools/build", "tools/schema.mjs"];

/** The folders that tsconfig.json compiles. */
export function sourceFolders(root) {
  return JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8")).include;
}

/** All files under a folder, sorted; none if it doesn't exist. */
export function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  if (statSync(folder).isFile()) return [folder];
  const files = [];
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name === "node_modules") continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...filesUnder(path));
    else files.push(path);
  }
  return files;
}

function sources(root) {
  return sourceFolders(root).flatMap((folder) => filesUnder(join(root, folder)).filter((file) => /(?<!\.d)\.ts$/.test(file)));
}

/** Changes whenever a source or a tool of the build may have: from names, sizes and times, so that it takes milliseconds. */
export function fingerprint(root) {
  const hash = createHash("sha256");
  for (const file of [...sources(root), ...alsoInputs.flatMap((path) => filesUnder(join(root, path)))]) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${relative(root, file)}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

/** Whether a source has no compiled file. */
export function compiledMissing(root) {
  return sources(root).some((file) => !existsSync(join(root, "dist", relative(root, file).replace(/\.ts$/, ".js"))));
}

export function bundleMissing(root) {
  return bundleFiles.some((file) => !existsSync(join(root, file)));
}

/** Deletes compiled files whose source is gone: a test or a module that was deleted must not live on in dist/. */
export function removeStale(root) {
  const dist = join(root, "dist");
  for (const file of filesUnder(dist)) {
    const path = relative(dist, file);
    if (ownOutputs.has(path.split(sep)[0])) continue;
    const source = join(root, path.replace(/(\.d\.ts|\.js\.map|\.js)$/, ".ts"));
    if (!existsSync(source) || source === join(root, path)) rmSync(file);
  }
  removeEmptyFolders(dist);
}

function removeEmptyFolders(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true });
}
