import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../lab/project";

/** What a run's namespaces and folder are called by; its process number follows. */
const prefix = "pxe-bench-";

/** On a disk by the Filesystem Hierarchy Standard, unlike `/tmp`. */
const folders = ["/var/tmp", join(packageRoot, ".state")];

/** statfs(2): TMPFS_MAGIC and RAMFS_MAGIC. */
const inMemory: readonly number[] = [0x01021994, 0x858458f6];

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** All that a run makes outside of its own process, to be removed however it ends. */
export class Scraps {
  /** On a real disk: what is stored in memory is stored for nothing. */
  readonly folder: string;
  private readonly namespaces = new Set<string>();
  private readonly children = new Set<ChildProcess>();
  private readonly clear = (): void => { this.remove(); };
  private readonly stop = (): void => { process.exit(130); };

  constructor() {
    removeLeftOver();
    this.folder = mkdtempSync(join(diskFolder(), `${prefix}${String(process.pid)}-`));
    process.on("exit", this.clear);
    for (const name of signals) process.on(name, this.stop);
  }

  namespace(role: string): string {
    const name = `${prefix}${String(process.pid)}-${role}`;
    this.namespaces.add(name);
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
    return name;
  }

  /** Starts a program in a namespace: the process is the program's own, `ip` becomes it. */
  start(namespace: string, command: readonly string[], output: number | "pipe"): ChildProcess {
    const child = spawn("ip", ["netns", "exec", namespace, ...command], { stdio: ["ignore", output, output], env: { ...process.env, KEA_LOCKFILE_DIR: "none", KEA_PIDFILE_DIR: this.folder } });
    this.children.add(child);
    child.once("exit", () => { this.children.delete(child); });
    return child;
  }

  close(): void {
    process.off("exit", this.clear);
    for (const name of signals) process.off(name, this.stop);
    this.remove();
  }

  /** Nothing asynchronous: it is done while the process ends, too. */
  private remove(): void {
    for (const child of this.children) child.kill("SIGKILL");
    for (const name of this.namespaces) removeNamespace(name);
    this.namespaces.clear();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Ends a child as a power cut would, and waits for it. */
export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** `ip`, to its end. */
export function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync("ip", args, { encoding: "utf8", timeout: 10_000 });
  if (status !== 0) throw new Error(`ip ${args.join(" ")}: ${error?.message ?? stderr}`);
}

function diskFolder(): string {
  const found = folders.find((folder) => existsSync(folder) && !inMemory.includes(statfsSync(folder).type));
  if (found === undefined) throw new Error(`neither of ${folders.join(" and ")} is on a disk, and a lease that is stored in memory is not stored`);
  return found;
}

/** What a run left that was killed before it could tidy up. */
function removeLeftOver(): void {
  const { stdout } = spawnSync("ip", ["netns", "list"], { encoding: "utf8", timeout: 10_000 });
  for (const name of stdout.split("\n").map((line) => line.split(" ")[0] ?? "")) if (isLeftOver(name)) removeNamespace(name);
  for (const folder of folders.filter((item) => existsSync(item))) {
    for (const name of readdirSync(folder)) if (isLeftOver(name)) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isLeftOver(name: string): boolean {
  const pid = name.startsWith(prefix) ? name.slice(prefix.length).split("-")[0] ?? "" : "";
  return /^\d+$/.test(pid) && !existsSync(`/proc/${pid}`);
}

/** With all that still runs inside. */
function removeNamespace(name: string): void {
  const { stdout } = spawnSync("ip", ["netns", "pids", name], { encoding: "utf8", timeout: 10_000 });
  for (const pid of stdout.split("\n").filter((line) => line !== "").map(Number)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  spawnSync("ip", ["netns", "del", name], { timeout: 10_000 });
}
