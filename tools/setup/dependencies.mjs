import { createHash } from "node:crypto";
import { lstatSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "./cache.mjs";
import { must, which } from "./commands.mjs";
import { Missing } from "./report.mjs";

/**
 * Whether node_modules holds what package-lock.json asks for. npm writes node_modules/.package-lock.json at the end of every
 * install, so an interrupted one, or one of another lock file, is seen by comparing the two.
 */
export function dependenciesInstalled(root) {
  const wanted = read(join(root, "package-lock.json"))?.packages;
  const held = read(join(root, "node_modules", ".package-lock.json"))?.packages;
  if (wanted === undefined || held === undefined) return false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "" || entry.link === true) continue;
    const installed = held[path];
    if (installed === undefined) {
      if (entry.optional !== true && entry.devOptional !== true) return false;
    } else if (installed.version !== entry.version || installed.integrity !== entry.integrity) return false;
  }
  return Object.keys(held).every((path) => path in wanted);
}

/** Installs what package-lock.json names. Two set-ups of one tree don't run it at once. */
export async function installDependencies(root, env) {
  const npm = which("npm", env.PATH);
  if (npm === undefined) throw new Missing("npm is not on PATH", "Install npm (it comes with Node).");
  const lock = `npm-${createHash("sha256").update(root).digest("hex").slice(0, 16)}`;
  await withLock(lock, async () => {
    if (dependenciesInstalled(root)) return;
    if (lstatSync(join(root, "node_modules"), { throwIfNoEntry: false })?.isSymbolicLink()) {
      // npm would empty the folder that it leads to, which is another tree's.
      throw new Missing("node_modules is a link, and holds other versions than package-lock.json names", "Remove the link; set-up then makes a folder.");
    }
    try {
      await must(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: root, env });
    } catch (error) {
      throw new Missing(`The dependencies could not be installed: ${error.message}`, "See npm's own words above.");
    }
  });
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
