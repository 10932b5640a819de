import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";

const compiled = require.resolve("../../provider/agent/main");

/** The agent as it is deployed: one file, which starts faster too. */
export const bundledAgent = require.resolve("../../agent/pxe-agent.cjs");

export interface SpawnOptions {
  readonly args?: readonly string[];
  readonly stdout?: number | "pipe";
  /** A command line that the agent's is appended to. */
  readonly wrapped?: readonly string[];
  /** Default: what was compiled. */
  readonly program?: string;
}

/** An agent as its own process. */
export function spawnAgent(data: string, socket: string, more: SpawnOptions = {}): ChildProcess {
  const program = more.program ?? compiled;
  const [command = "", ...rest] = [...(more.wrapped ?? []), process.execPath, program, "run", "--data", data, "--socket", socket, ...(more.args ?? [])];
  return spawn(command, rest, { stdio: ["ignore", more.stdout ?? "ignore", "pipe"] });
}

/** Ends it and waits. */
export async function endAgent(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit", { signal: AbortSignal.timeout(10_000) });
}

/** Exit status and standard error of one that is to end by itself. */
export async function outcome(child: ChildProcess): Promise<{ code: number | null; text: string }> {
  let text = "";
  child.stderr?.on("data", (chunk: Buffer) => { text += chunk.toString(); });
  const [code] = await once(child, "close") as [number | null];
  return { code, text };
}

export interface ControlAnswer {
  readonly status: number;
  readonly text: string;
}

/** One request to a control socket: bytes as they are, anything else as JSON. */
export function askControl(socketPath: string, method: string, path: string, body?: unknown): Promise<ControlAnswer> {
  const raw = body instanceof Uint8Array;
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": raw ? "application/octet-stream" : "application/json" };
    const sent = request({ socketPath, method, path, timeout: 20_000, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => { text += chunk; });
      response.on("error", reject);
      response.on("end", () => { resolve({ status: response.statusCode ?? 0, text }); });
    });
    sent.on("timeout", () => { sent.destroy(new Error(`no answer to ${method} ${path}`)); });
    sent.on("error", reject);
    sent.end(body === undefined || raw ? body : JSON.stringify(body));
  });
}

/** Stores a file's content under its SHA-256. */
export function putAsset(socketPath: string, sha256: string, content: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, method: "PUT", path: `/v1/assets/${sha256}`, headers: { "content-type": "application/octet-stream" } }, (response) => {
      response.resume();
      response.on("error", reject);
      response.on("end", () => { resolve(response.statusCode ?? 0); });
    });
    sent.on("error", reject);
    sent.end(content);
  });
}

/** Resolves when the agent answers. */
export async function untilServing(socketPath: string, limitMs = 15_000): Promise<void> {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await askControl(socketPath, "GET", "/v1/status").catch(() => undefined);
    if (answer?.status === 200) return;
    if (Date.now() > end) throw new Error(`no agent answers at ${socketPath} within ${String(limitMs)} ms`);
    await new Promise((resolve) => { setTimeout(resolve, 30); });
  }
}
