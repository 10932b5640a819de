import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePorts } from "../lab/ports";
import { nodeFlags } from "../provider/deploy/layout";
import { packageRoot } from "../lab/project";
import type { Benchmark, BenchReport } from "./report";

/** Seconds: to settle after the start, and to measure over. */
const settle = 10;
const measured = 60;

/** The kernel's clock ticks a second (sysconf _SC_CLK_TCK on Linux). */
const ticks = 100;

interface Reading {
  readonly rssMb: number;
  readonly cpuSeconds: number;
}

/** proc(5): utime and stime are fields 14 and 15 of stat; the name before them may hold spaces. */
function read(pid: number): Reading {
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1];
  const fields = readFileSync(`/proc/${String(pid)}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
  return { rssMb: Number(rss) / 1024, cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticks };
}

async function measure(command: readonly string[]): Promise<{ rssMb: number; cpuPercent: number }> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: "ignore" });
  try {
    await once(child, "spawn");
    const pid = child.pid ?? 0;
    await delay(settle * 1000);
    const before = read(pid);
    await delay(measured * 1000);
    const after = read(pid);
    return { rssMb: after.rssMb, cpuPercent: ((after.cpuSeconds - before.cpuSeconds) / measured) * 100 };
  } finally {
    child.kill();
  }
}

async function run(): Promise<BenchReport> {
  const folder = mkdtempSync(join(tmpdir(), "pxe-idle-"));
  const ports = await freePorts();
  const config = join(folder, "documents.json");
  const owner = "bench/idle";
  writeFileSync(config, JSON.stringify({
    documents: [
      { kind: "server", name: "s", owner, spec: { interfaces: ["lo"], ...ports } },
      { kind: "subnet", name: "n", owner, spec: { cidr: "127.77.0.0/24", pools: [{ from: "127.77.0.100", to: "127.77.0.199" }] } },
    ],
  }));
  const bundle = join(packageRoot, "dist", "agent", "pxe-agent.cjs");
  const bare = join(folder, "bare.js");
  writeFileSync(bare, "setInterval(() => undefined, 3000);\n");
  try {
    const [agent, node] = await Promise.all([
      measure([process.execPath, ...nodeFlags, bundle, "run", "--data", join(folder, "data"), "--socket", join(folder, "s"), "--config", config]),
      measure([process.execPath, bare]),
    ]);
    const row = (what: string, { rssMb, cpuPercent }: { rssMb: number; cpuPercent: number }): BenchReport["rows"][number] =>
      ({ what, "RSS MB": rssMb.toFixed(1), "CPU %": cpuPercent.toFixed(2) });
    return {
      rows: [row("agent", agent), row("bare node", node)],
      goals: [
        { text: `RSS under 100 MB: ${agent.rssMb.toFixed(1)}`, met: agent.rssMb < 100 },
        { text: `CPU under 0.5 %: ${agent.cpuPercent.toFixed(2)}`, met: agent.cpuPercent < 0.5 },
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the agent costs when nothing boots. */
export const idle: Benchmark = { name: "idle", about: "the idle agent beside a bare node process, memory and CPU over a minute", run };
