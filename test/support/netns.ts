import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { TestContext } from "node:test";
import { command, type CommandResult } from "./command";

const made = new Set<string>();
let count = 0;

// What a failed test left behind goes when its process does.
process.on("exit", () => {
  for (const name of made) execFileSync("ip", ["netns", "del", name], { stdio: "ignore" });
});

/** A network namespace of this process alone. */
export class Namespace {
  private constructor(readonly name: string) {}

  static async create(t: TestContext): Promise<Namespace> {
    const name = `pxe-${String(process.pid)}-${String(++count)}`;
    await ip("netns", "add", name);
    made.add(name);
    const namespace = new Namespace(name);
    t.after(async () => {
      await namespace.end();
      made.delete(name);
      await ip("netns", "del", name);
    });
    await namespace.ip("link", "set", "lo", "up");
    return namespace;
  }

  /** Ends whatever still runs inside: a client's helpers outlive it, and hold its output open. */
  private async end(): Promise<void> {
    const { stdout } = await command("ip", ["netns", "pids", this.name]);
    for (const pid of stdout.toString().split("\n").filter((line) => line !== "").map(Number)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
  }

  /** `ip` inside; throws when it fails. */
  ip(...args: readonly string[]): Promise<void> {
    return ip("-n", this.name, ...args);
  }

  run(program: string, args: readonly string[], options: { timeoutMs?: number } = {}): Promise<CommandResult> {
    return command("ip", ["netns", "exec", this.name, program, ...args], options);
  }

  /** Starts a program that runs on until the test ends or `kill` is called. */
  start(t: TestContext, program: string, args: readonly string[], input: "ignore" | "pipe" = "ignore"): Running {
    const child = spawn("ip", ["netns", "exec", this.name, program, ...args], { stdio: [input, "pipe", "pipe"] });
    const running = new Running(child);
    t.after(() => running.kill());
    return running;
  }
}

/** A program that is running, and the lines that it has written. */
export class Running {
  readonly lines: string[] = [];
  private readonly ended: Promise<unknown>;
  private rest = "";

  constructor(private readonly child: ChildProcess) {
    this.ended = once(child, "exit");
    child.stdout?.setEncoding("utf8").on("data", (text: string) => { this.take(text); });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => { this.take(text); });
  }

  /** The first line that matches, as soon as there is one. */
  async line(matches: (line: string) => boolean, timeoutMs = 30_000): Promise<string> {
    const until = Date.now() + timeoutMs;
    for (;;) {
      const found = this.lines.find(matches);
      if (found !== undefined) return found;
      if (Date.now() > until || this.child.exitCode !== null) throw new Error(`the line did not come; there were:\n${this.lines.join("\n")}`);
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  }

  /** For one that was started with a pipe. */
  write(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends it as a power cut would: nothing is flushed. */
  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.ended;
  }

  private take(text: string): void {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop() ?? "";
    this.lines.push(...lines);
  }
}

async function ip(...args: readonly string[]): Promise<void> {
  const result = await command("ip", args);
  if (result.code !== 0) throw new Error(`ip ${args.join(" ")}: ${result.stderr}`);
}

/** A server and a client on one wire, as `eth1` of the one and `eth0` of the other. */
export interface Wire {
  readonly server: Namespace;
  readonly client: Namespace;
}

export async function wire(t: TestContext, mac: string, serverAddress = "10.77.0.1/24"): Promise<Wire> {
  const both = { server: await Namespace.create(t), client: await Namespace.create(t) };
  await plug(both, mac, "eth1", serverAddress);
  return both;
}

/** A new wire between two namespaces: the server's end has the name, the client's is its `eth0`. */
export async function plug({ server, client }: Wire, mac: string, name: string, serverAddress: string): Promise<void> {
  await ip("link", "add", name, "netns", server.name, "type", "veth", "peer", "name", "eth0", "address", mac, "netns", client.name);
  await server.ip("address", "add", serverAddress, "dev", name);
  await server.ip("link", "set", name, "up");
  await client.ip("link", "set", "eth0", "up");
}
