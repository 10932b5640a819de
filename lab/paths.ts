import fs from "node:fs";
import os from "node:os";
import path from "node:path";

function baseFolder(variable: string, ...fallback: string[]): string {
  const given = process.env[variable];
  return given !== undefined && path.isAbsolute(given) ? given : path.join(os.homedir(), ...fallback);
}

/** Where labs are recorded: one folder a lab, named by its id. */
export function labsFolder(): string {
  return path.join(baseFolder("XDG_STATE_HOME", ".local", "state"), "pulumi-pxe", "labs");
}

/** Where target roots are kept between labs. */
export function rootCacheFolder(): string {
  return path.join(baseFolder("XDG_CACHE_HOME", ".cache"), "pulumi-pxe", "lab");
}

/** Filesystem type numbers of statfs(2), from linux/magic.h. */
const magic = { overlay: 0x794c7630, cgroup2: 0x63677270 } as const;

/** Whether a path lies on a filesystem of this type. */
export function isOn(type: keyof typeof magic, file: string): boolean {
  return fs.statfsSync(file).type === magic[type];
}

/** Mount points at or below a folder, the deepest first, so that they can be unmounted in this order. */
export function mountsBelow(folder: string): string[] {
  const inside = (point: string): boolean => point === folder || point.startsWith(`${folder}/`);
  return fs
    .readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    // The kernel writes blanks, tabs, line ends and backslashes of a path as octal (proc_pid_mountinfo(5)).
    .map((point) => point.replace(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCharCode(parseInt(octal, 8))))
    .filter(inside)
    .reverse();
}
