import { readdirSync, readFileSync } from "node:fs";

/** What a process has used so far, and holds now. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
}

/** The kernel's clock ticks a second (sysconf _SC_CLK_TCK on Linux). */
const ticks = 100;

/** Of a process and of all that it started; children that have ended count towards their parent once it has waited for them. */
export function usageOfTree(pid: number): Usage {
  const own = { cpuSeconds: cpuSecondsOf(readFileSync(`/proc/${String(pid)}/stat`, "utf8")), rssBytes: rssBytesOf(readFileSync(`/proc/${String(pid)}/status`, "utf8")) };
  return childrenOf(pid).map(usageOfTree).reduce((sum, item) => ({ cpuSeconds: sum.cpuSeconds + item.cpuSeconds, rssBytes: sum.rssBytes + item.rssBytes }), own);
}

/** proc_pid_stat(5): utime, stime, cutime and cstime are fields 14 to 17; the name before them may hold spaces and brackets. */
export function cpuSecondsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) / ticks;
}

/** proc_pid_status(5). */
export function rssBytesOf(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

/** proc_pid_task(5): each thread has children of its own. */
function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${String(pid)}/task`).flatMap((thread) =>
    readFileSync(`/proc/${String(pid)}/task/${thread}/children`, "utf8").split(" ").filter((text) => text !== "").map(Number));
}
