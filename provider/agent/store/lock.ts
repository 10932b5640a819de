import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pxeError } from "../../errors";
import { storeFailure } from "./failure";

/** SQLITE_BUSY. */
const busy = 5;

/** An agent's exclusive hold on its data folder. */
export interface FolderLock {
  release(): void;
}

/**
 * Takes the data folder for this process. The hold is a lock of the kernel on a file of its own, so that it ends with the process
 * however that ends, and takes no room on the disk.
 * @throws PXE_AGENT_RUNNING naming the process, PXE_STORE_FAILED, PXE_DISK_FULL
 */
export function lockFolder(folder: string): FolderLock {
  const path = join(folder, "lock.db");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const db = new DatabaseSync(path);
    try {
      db.exec("PRAGMA busy_timeout = 500; BEGIN EXCLUSIVE");
    } catch (error) {
      db.close();
      throw error;
    }
    return { release: () => { db.close(); } };
  } catch (error) {
    if (isBusy(error)) throw pxeError("PXE_AGENT_RUNNING", `${folder} is in use by ${holder(path)}`, { cause: error });
    throw storeFailure(error, path) ?? error;
  }
}

function isBusy(error: unknown): boolean {
  return typeof error === "object" && error !== null && "errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === busy;
}

/** `process 4711` by proc_locks(5); it has no pid for a process outside of this pid namespace. */
function holder(path: string): string {
  try {
    const { ino } = statSync(path);
    const pid = readFileSync("/proc/locks", "utf8").split("\n")
      .map((line) => /^\d+: POSIX\s+\S+\s+WRITE\s+(\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line))
      .find((match) => match?.[2] === String(ino))?.[1];
    return pid === undefined || pid === "0" ? "another process" : `process ${pid}`;
  } catch {
    return "another process";
  }
}
