import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePorts } from "../lab/ports";
import { nodeFlags } from "../provider/deploy/layout";
import { packageRoot } from "../lab/project";
import { usageOfTree } from "./process-usage";
import type { Benchmark, BenchReport } from "./report";

/** Seconds: to settle after the start, and to measure over. */
const settle = 10;
const measured = 60;

async function measure(command: readonly string[]): Promise<{ rssMb: number; cpuPercent: number }> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: "ignore" });
  try {
    await once(child, "spawn");
    const pid = child.pid ?? 0;
    await delay(settle * 1000);
    const before = usageOfTree(pid);
    await delay(measured * 1000);
    const after = usageOfTree(pid);
    return { rssMb: after.rssBytes / 1024 / 1024, cpuPercent: ((after.cpuSeconds - before.cpuSeconds) / measured) * 100 };
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
