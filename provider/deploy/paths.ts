import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join, parse } from "node:path";
import { matchesPattern } from "./patterns";

/** The path with `~/` as the home folder. */
export function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

/** The files that an absolute path with `*` and `?` names, sorted; hidden ones only by name (glob(7)). */
export function expandGlob(path: string): string[] {
  const { root, dir, base } = parse(path);
  if (base === "" || !/[*?]/.test(path)) return existsSync(path) ? [path] : [];
  return (dir === root ? [root] : expandGlob(dir)).flatMap((folder) => namesIn(folder, base).map((name) => join(folder, name)));
}

function namesIn(folder: string, pattern: string): string[] {
  if (!/[*?]/.test(pattern)) return existsSync(join(folder, pattern)) ? [pattern] : [];
  try {
    return readdirSync(folder).filter((name) => (!name.startsWith(".") || pattern.startsWith(".")) && matchesPattern(pattern, name)).sort();
  } catch {
    return [];
  }
}
