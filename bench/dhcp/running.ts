import type { ChildProcess } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { usageOfTree, type Usage } from "../process-usage";
import { makeSite, network, type Site } from "./network";
import { parsePerfdhcp, type LoadResult } from "./perfdhcp-output";
import { kill, type Scraps } from "./scraps";
import type { DhcpServer, Load } from "./servers";

/** Within which a server must answer for the first time, in milliseconds: reading its leases and reservations is part of it. */
const startLimit = 120_000;

/** How long perfdhcp waits for late answers, and how much longer than planned it may run, in milliseconds. */
const lateAnswers = 700;
const spare = 20_000;

/** What perfdhcp ends with when all was answered, and when some of it wasn't. */
const usual: readonly (number | null)[] = [0, 3];

/** Which clients ask, how often, how many times in all. */
export interface Asking {
  /** Exchanges a second. */
  readonly rate: number;
  readonly exchanges: number;
  /** MAC of the first client; the others follow. After `clients` of them it is the first one's turn again. */
  readonly firstMac: string;
  readonly clients: number;
}

/** One server in its namespace, and perfdhcp as its relay. */
export class Running {
  private readonly site: Site;
  private readonly folder: string;
  private child: ChildProcess | undefined;

  constructor(private readonly scraps: Scraps, readonly server: DhcpServer) {
    this.site = makeSite(scraps, server.name);
    this.folder = join(scraps.folder, server.name);
  }

  /** Of one that was started. */
  get database(): string {
    return join(this.folder, "data", "agent.db");
  }

  /** Starts it with exactly this load; resolves once it answers. */
  async start(load: Load): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
    mkdirSync(this.folder, { mode: 0o700 });
    await this.server.prepare(this.folder, load);
    await this.begin(false);
  }

  /** Starts it again after a `kill -9`; seconds until it offers an address. */
  async restart(): Promise<number> {
    await this.stop();
    return this.begin(true);
  }

  async stop(): Promise<void> {
    if (this.child !== undefined) await kill(this.child);
    this.child = undefined;
  }

  usage(): Usage {
    return usageOfTree(this.process().pid ?? 0);
  }

  /** Sends it a signal. */
  signal(name: NodeJS.Signals): void {
    this.process().kill(name);
  }

  async ask({ rate, exchanges, firstMac, clients }: Asking): Promise<LoadResult> {
    const args = [
      "-4", "-g", "single", "-r", String(rate), "-n", String(exchanges), "-R", String(clients), "-b", `mac=${firstMac}`, "-l", network.relay, "-W", String(lateAnswers * 1000),
      "-x", "t", network.server,
    ];
    const limit = (exchanges / rate) * 1000 + lateAnswers + spare;
    const { code, text } = await output(this.scraps.start(this.site.relay, ["perfdhcp", ...args], "pipe"), limit);
    this.process();
    if (!usual.includes(code)) throw new Error(`perfdhcp ${args.join(" ")} ended with ${String(code)}:\n${text.slice(-2000)}`);
    return parsePerfdhcp(text);
  }

  private async begin(again: boolean): Promise<number> {
    const asking = this.scraps.start(this.site.relay, [process.execPath, require.resolve("./first-offer")], "pipe");
    const lines = new Lines(asking, startLimit);
    await lines.next();
    const log = openSync(join(this.folder, "output"), "a");
    const started = performance.timeOrigin + performance.now();
    try {
      this.child = this.scraps.start(this.site.server, this.server.command(this.folder, again), log);
    } finally {
      closeSync(log);
    }
    const died = new Promise<never>((_resolve, reject) => {
      this.child?.once("exit", (code) => { reject(new Error(`${this.server.name} ended with ${String(code)}:\n${this.said()}`)); });
    });
    died.catch(() => undefined);
    // perfdhcp takes the port over.
    const offered = await Promise.race([lines.next(), died]).finally(() => kill(asking));
    return (Number(offered) - started) / 1000;
  }

  /** @throws Error when it runs no more */
  private process(): ChildProcess {
    if (this.child === undefined || this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`${this.server.name} does not run:\n${this.said()}`);
    return this.child;
  }

  private said(): string {
    const path = join(this.folder, "output");
    return existsSync(path) ? readFileSync(path, "utf8").slice(-2000) : "";
  }
}

/** Lines that a child writes, one after the other. */
class Lines {
  private text = "";
  private wake: (() => void) | undefined;
  private ended = false;

  constructor(child: ChildProcess, private readonly limit: number) {
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => { this.text += chunk; this.wake?.(); });
    child.once("close", () => { this.ended = true; this.wake?.(); });
  }

  /** @throws Error when none comes in time */
  async next(): Promise<string> {
    const end = performance.now() + this.limit;
    for (;;) {
      const at = this.text.indexOf("\n");
      if (at >= 0) {
        const line = this.text.slice(0, at);
        this.text = this.text.slice(at + 1);
        return line;
      }
      const left = end - performance.now();
      if (this.ended || left <= 0) throw new Error(this.ended ? `it ended: ${this.text}` : `nothing was offered within ${String(this.limit / 1000)} s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => { clearTimeout(timer); resolve(); };
      });
    }
  }
}

async function output(child: ChildProcess, limit: number): Promise<{ readonly code: number | null; readonly text: string }> {
  const parts: string[] = [];
  const take = (chunk: string): void => { parts.push(chunk); };
  child.stdout?.setEncoding("utf8").on("data", take);
  child.stderr?.setEncoding("utf8").on("data", take);
  const timer = setTimeout(() => child.kill("SIGKILL"), limit);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  clearTimeout(timer);
  return { code, text: parts.join("") };
}
