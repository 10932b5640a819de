import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { quote } from "../provider/deploy/shell";
import { errorText, pxeError } from "../provider/errors";
import { aptOptions, debianSources } from "./apt";
import { rootCacheFolder } from "./paths";
import { identify, isRunning, run, waitFor, type ProcessIdentity } from "./process";
import type { Ledger } from "./registry";

/** What a target's root is made of. Its hash names the cached root, so a change makes a new one. */
const recipe = {
  version: 1,
  suite: "bookworm",
  packages: ["systemd", "systemd-sysv", "dbus", "openssh-server", "sudo", "iproute2", "procps", "ca-certificates"],
  // Each is run by the shell with the new root as $1.
  hooks: [
    // Keys, names and addresses belong to a run, not to the cache.
    'rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/etc/machine-id && : > "$1"/etc/machine-id',
    'chroot "$1" useradd --create-home --shell /bin/bash deploy',
    'chroot "$1" useradd --create-home --shell /bin/bash nosudo',
    'printf "deploy ALL=(ALL) NOPASSWD: ALL\\n" > "$1"/etc/sudoers.d/deploy && chmod 0440 "$1"/etc/sudoers.d/deploy',
    'printf "UseDNS no\\nPermitRootLogin prohibit-password\\nPasswordAuthentication yes\\nMaxStartups 100\\n" > "$1"/etc/ssh/sshd_config.d/lab.conf',
    // Nothing that works in the background, so that a lab's figures are the agent's own.
    'systemctl --root="$1" --quiet mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer dpkg-db-backup.timer fstrim.timer console-getty.service getty.target',
  ],
} as const;

interface BuildLock {
  readonly file: string;
  release(): void;
}

/** Only one process builds a root; a lock of a process that is gone is broken. */
async function lock(file: string, done: () => boolean, abort: AbortSignal): Promise<BuildLock | undefined> {
  const self = identify(process.pid);
  const take = (): BuildLock | "done" | false => {
    if (done()) return "done";
    try {
      fs.writeFileSync(file, JSON.stringify(self), { flag: "wx" });
      return { file, release: () => fs.rmSync(file, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    try {
      const holder = JSON.parse(fs.readFileSync(file, "utf8")) as ProcessIdentity;
      if (!isRunning(holder)) {
        // Renamed first: of two that find it stale, one gets it.
        fs.renameSync(file, `${file}.${process.pid}`);
        fs.rmSync(`${file}.${process.pid}`, { force: true });
      }
    } catch {
      // Being written or already broken by another: look again.
    }
    return false;
  };
  const result = await waitFor(take, { what: "another process that builds the same root", timeoutMs: 900_000, intervalMs: 200, abort });
  return result === "done" ? undefined : result;
}

/** How a root is told apart from others, and what it begins with where that isn't nothing. */
interface Plan {
  readonly key: string;
  readonly base?: string;
  readonly packages: readonly string[];
  readonly hooks: readonly string[];
}

/**
 * The folder of a ready root; made by mmdebstrap the first time (some 25 s). One with more packages begins as a copy of the plain one.
 * Read-only for whoever uses it.
 */
export async function targetRoot(ledger: Ledger, cgroup: readonly string[], progress: (line: string) => void, more: readonly string[] = []): Promise<string> {
  const key = JSON.stringify(recipe);
  const plain = await ready(ledger, cgroup, progress, { key, packages: recipe.packages, hooks: recipe.hooks });
  if (more.length === 0) return plain;
  const packages = [...more].sort();
  // What mmdebstrap sets up for itself is taken away again, and no service of the new packages is on unless a test switches it on.
  const off = `cd "$1"/etc/systemd/system/multi-user.target.wants; for unit in *; do [ -L ${quote(plain)}/etc/systemd/system/multi-user.target.wants/$unit ] || systemctl --root="$1" --quiet disable $unit; done`;
  return ready(ledger, cgroup, progress, { key: `${key} ${packages.join(" ")}`, base: plain, packages, hooks: [recipe.hooks[0], off] });
}

async function ready(ledger: Ledger, cgroup: readonly string[], progress: (line: string) => void, plan: Plan): Promise<string> {
  const hash = crypto.createHash("sha256").update(plan.key).digest("hex").slice(0, 12);
  const cache = rootCacheFolder();
  const root = path.join(cache, `root-${hash}`);
  const isThere = (): boolean => fs.existsSync(root);
  if (isThere()) return root;
  fs.mkdirSync(cache, { recursive: true });
  const held = await lock(`${root}.lock`, isThere, ledger.abort);
  if (held === undefined) return root;
  const building = `${root}.${ledger.record.id}`;
  try {
    const what = plan.base === undefined ? "the target's root" : `a target's root with ${plan.packages.join(", ")}`;
    progress(`lab: making ${what} with mmdebstrap (once, about half a minute)`);
    const started = Date.now();
    const item = { kind: "folder", path: building } as const;
    await ledger.make([item], async () => {
      await mmdebstrap(building, plan, cgroup, ledger.abort);
      // Another builder may have been as quick: its root is as good.
      if (!isThere()) fs.renameSync(building, root);
      fs.rmSync(building, { recursive: true, force: true });
    });
    ledger.drop((other) => other.kind === "folder" && other.path === building);
    progress(`lab: root made in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    return root;
  } finally {
    held.release();
  }
}

async function mmdebstrap(folder: string, { base, packages, hooks }: Plan, cgroups: readonly string[], abort: AbortSignal): Promise<void> {
  const args = [
    "--quiet",
    "--mode=root",
    // "custom" installs nothing but what is named: the rest is there by then.
    ...(base === undefined ? ["--variant=minbase"] : ["--variant=custom", `--setup-hook=cp --archive ${quote(base)}/. "$1"/`]),
    `--include=${packages.join(",")}`,
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    ...(await aptOptions()).map((option) => `--aptopt=${option}`),
    // No manuals and translations: half of the root's files.
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    ...hooks.map((hook) => `--customize-hook=${hook}`),
    recipe.suite,
    folder,
    ...debianSources(recipe.suite),
  ];
  try {
    await run("mmdebstrap", args, { timeoutMs: 900_000, cgroups, abort });
  } catch (error) {
    throw pxeError("PXE_LAB_FAILED", `the target's root could not be made: ${errorText(error)}`, {
      cause: error,
      fix: "Check that apt can fetch packages here, or set PXE_LAB_DEBIAN_MIRROR to a mirror that it can reach.",
    });
  }
}
