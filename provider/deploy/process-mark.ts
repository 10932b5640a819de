import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** A process that can be told from a later one of the same id. */
export interface ProcessMark {
  readonly pid: number;
  /** When it started, in whatever words the system has; empty when it was gone at once. */
  readonly startedAt: string;
}

/** Milliseconds for its own orderly end. */
const orderlyEnd = 15_000;

/** proc(5): the 22nd field of stat is the start time in clock ticks; the name before it may hold anything, ")" too. */
function startTime(pid: number): string {
  if (process.platform === "linux") {
    try {
      const fields = readFileSync(`/proc/${String(pid)}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
      return fields[0] === "Z" ? "" : (fields[19] ?? "");
    } catch {
      return "";
    }
  }
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}

/** When a process started; waits out the moment between fork and exec. */
export async function startedAt(pid: number): Promise<string> {
  const first = startTime(pid);
  if (first !== "") return first;
  await delay(20);
  return startTime(pid);
}

/** Whether that very process still runs. */
export function isAlive(mark: ProcessMark): boolean {
  return mark.startedAt !== "" && startTime(mark.pid) === mark.startedAt;
}

/** Ends a process: asks, waits, then kills. One that is gone is no error. */
export async function endProcess(mark: ProcessMark): Promise<void> {
  const deadline = Date.now() + orderlyEnd;
  let signal: NodeJS.Signals | undefined = "SIGTERM";
  while (isAlive(mark)) {
    if (signal !== undefined) process.kill(mark.pid, signal);
    signal = Date.now() > deadline ? "SIGKILL" : undefined;
    await delay(25);
  }
}
