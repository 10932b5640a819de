import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** The folder that holds all that is fetched or built; whatever is in it may be deleted at any time. */
export function cacheFolder(env = process.env) {
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pulumi-pxe");
}

/**
 * Puts a folder into the cache as a whole or not at all: `fill(folder)` works in a temporary folder beside it, which is then
 * renamed. Where another process was faster, its result stands.
 */
export async function fillFolder(folder, fill) {
  mkdirSync(dirname(folder), { recursive: true });
  const temporary = mkdtempSync(`${folder}.tmp-`);
  try {
    await fill(temporary);
    chmodSync(temporary, 0o755);
    renameSync(temporary, folder);
  } catch (error) {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

const beatEvery = 2_000;
const staleAfter = 20_000;

/**
 * Runs `work` while no other process of this user runs any under the same name. The lock is a folder whose time is renewed while
 * it is held, so one left by a process that was killed is taken over: at once where its process is seen to be gone, else after
 * 20 s. `onWait` is called once if somebody else holds it.
 */
export async function withLock(name, work, { onWait, folder = join(cacheFolder(), "locks") } = {}) {
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, name);
  const token = randomUUID();
  for (let waited = false; !tryLock(lock, token); ) {
    if (breakStale(lock)) continue;
    if (!waited) onWait?.();
    waited = true;
    await wait(200);
  }
  const beat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(lock, now, now);
    } catch {
      // Somebody cleared the cache: the work goes on, only without its lock.
    }
  }, beatEvery);
  const release = () => {
    if (owner(lock)?.token !== token) return;
    const aside = `${lock}.${token}`;
    renameSync(lock, aside);
    rmSync(aside, { recursive: true, force: true });
  };
  process.once("exit", release);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    process.removeListener("exit", release);
    release();
  }
}

/** A folder can only be renamed onto an empty one, so a filled one appears under the lock's name exactly once. */
function tryLock(lock, token) {
  const mine = `${lock}.${token}`;
  mkdirSync(mine);
  writeFileSync(join(mine, "owner"), JSON.stringify({ token, pid: process.pid, space: pidSpace() }));
  try {
    renameSync(mine, lock);
    return true;
  } catch {
    rmSync(mine, { recursive: true, force: true });
    return false;
  }
}

function breakStale(lock) {
  const holder = owner(lock);
  if (holder === undefined || !isStale(lock, holder)) return false;
  const aside = `${lock}.stale-${randomUUID()}`;
  try {
    renameSync(lock, aside);
  } catch {
    return true;
  }
  // Between the look and the rename another process may have broken the same lock and taken it: then it gets it back.
  if (owner(aside)?.token !== holder.token) {
    try {
      renameSync(aside, lock);
      return false;
    } catch {
      // A third process took it: both now work, which costs time but not correctness, as results are renamed into place.
    }
  }
  rmSync(aside, { recursive: true, force: true });
  return true;
}

function isStale(lock, holder) {
  try {
    if (Date.now() - statSync(lock).mtimeMs > staleAfter) return true;
  } catch {
    return false;
  }
  if (holder.space !== pidSpace()) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

function owner(lock) {
  try {
    return JSON.parse(readFileSync(join(lock, "owner"), "utf8"));
  } catch {
    return undefined;
  }
}

/** Process numbers mean something only inside one PID namespace of one boot. */
function pidSpace() {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot}/${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return process.platform;
  }
}
