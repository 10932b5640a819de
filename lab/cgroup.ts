import fs from "node:fs";
import path from "node:path";
import { isOn } from "./paths";

const base = "/sys/fs/cgroup";

/**
 * The hierarchies that systemd uses: one on a unified system, the named v1 hierarchy (and an empty v2 one) on a legacy or
 * hybrid system. nspawn with `--keep-unit` runs its container in a child of the caller's group: without a group of its own, two
 * containers would share one.
 */
function hierarchies(): string[] {
  if (isOn("cgroup2", base)) return [base];
  return ["systemd", "unified"].map((name) => path.join(base, name)).filter((folder) => fs.existsSync(path.join(folder, "cgroup.procs")));
}

/** The folders of a control group, one a hierarchy; `name` may hold slashes. */
export function cgroupFolders(name: string): string[] {
  return hierarchies().map((folder) => path.join(folder, name));
}

/** Makes a control group in every hierarchy and returns its folders. */
export function makeCgroup(name: string): string[] {
  const folders = cgroupFolders(name);
  for (const folder of folders) fs.mkdirSync(folder, { recursive: true });
  return folders;
}

function subfolders(folder: string): string[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => path.join(folder, entry.name));
  } catch {
    return [];
  }
}

/** The processes in a control group and all below it. */
export function cgroupMembers(name: string): number[] {
  const collect = (folder: string): number[] => {
    let own: number[] = [];
    try {
      own = fs.readFileSync(path.join(folder, "cgroup.procs"), "utf8").split("\n").filter((line) => line !== "" && line !== "0").map(Number);
    } catch {
      // The group went away between the listing and the reading: it has no members.
    }
    return [...own, ...subfolders(folder).flatMap(collect)];
  };
  return [...new Set(cgroupFolders(name).flatMap(collect))];
}

/** Removes a control group and all below it; the members must have ended. True when nothing is left. */
export function removeCgroup(name: string): boolean {
  const remove = (folder: string): boolean => {
    const emptied = subfolders(folder).map(remove).every(Boolean);
    try {
      fs.rmdirSync(folder);
      return emptied;
    } catch {
      return !fs.existsSync(folder);
    }
  };
  return cgroupFolders(name).map(remove).every(Boolean);
}
