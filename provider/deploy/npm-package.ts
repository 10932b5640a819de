import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { errorText, pxeError } from "../errors";
import { digests } from "./payload";
import { lastLines } from "./text";

/** An npm package by version and integrity (Subresource Integrity, SHA-512). */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** Where packages for targets are kept. */
export function packageCache(env: NodeJS.ProcessEnv): string {
  const cache = env["XDG_CACHE_HOME"];
  return join(cache === undefined || cache === "" ? join(homedir(), ".cache") : cache, "pulumi-pxe", "packages");
}

/**
 * The tarball of a package, from the cache or through the operator's npm (with whatever registry and proxy it is set up for).
 * @returns its path
 * @throws PXE_TOOL_MISSING, PXE_ASSET_MISSING, PXE_ASSET_HASH
 */
export async function npmPackage(pin: PinnedPackage, progress: (line: string) => void): Promise<string> {
  const folder = packageCache(process.env);
  const path = join(folder, `${pin.name.replace("@", "").replace("/", "-")}-${pin.version}.tgz`);
  if (existsSync(path) && (await digests(path)).integrity === pin.integrity) return path;
  mkdirSync(folder, { recursive: true });
  const temporary = mkdtempSync(join(folder, ".fetch-"));
  try {
    progress(`fetching ${pin.name}@${pin.version} with npm (once)`);
    await npmPack(`${pin.name}@${pin.version}`, temporary);
    const [name] = readdirSync(temporary);
    if (name === undefined) throw pxeError("PXE_ASSET_MISSING", `npm pack ${pin.name}@${pin.version} left no file`);
    const fetched = join(temporary, name);
    const { integrity } = await digests(fetched);
    if (integrity !== pin.integrity) {
      throw pxeError("PXE_ASSET_HASH", `${pin.name}@${pin.version} as npm fetched it has ${integrity}, pinned is ${pin.integrity}`);
    }
    renameSync(fetched, path);
    return path;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function npmPack(spec: string, destination: string): Promise<void> {
  const fix = "Check npm's registry settings, or give the file yourself: PXE_TARGET_NODE=/path/of/linux/node.";
  return new Promise((resolve, reject) => {
    // npm is a .cmd file on Windows, which only a shell runs; the words hold nothing that it could misread but the folder.
    const windows = process.platform === "win32";
    const child = spawn("npm", ["pack", spec, "--ignore-scripts", "--pack-destination", windows ? `"${destination}"` : destination], {
      shell: windows,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
    child.on("error", (cause) => {
      reject(pxeError("PXE_TOOL_MISSING", `npm can't be run: ${errorText(cause)}`, { cause, fix: `Put npm on the PATH. ${fix}` }));
    });
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(pxeError("PXE_ASSET_MISSING", `npm pack ${spec} failed: ${lastLines(said, 5)}`, { fix }));
    });
  });
}
