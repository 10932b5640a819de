import { spawn } from "node:child_process";
import fs from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { errorText, pxeError } from "../provider/errors";

/** A process that a later process with the same number is not mistaken for. `startTime` is field 22 of proc_pid_stat(5), in ticks. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** The start time of a process; undefined when there is none, or only a zombie that its parent has not yet reaped. */
export function startTimeOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // Field 2 is the command's name in brackets and may itself hold blanks and brackets: count from its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

/** The identity of a running process; undefined when it has ended. */
export function identify(pid: number): ProcessIdentity | undefined {
  const startTime = startTimeOf(pid);
  return startTime === undefined ? undefined : { pid, startTime };
}

/** Whether this very process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  return startTimeOf(identity.pid) === identity.startTime;
}

/** Signals this very process, and no other that got its number; false when it has ended. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(identity.pid, name);
  } catch {
    return false;
  }
}

/** This boot of the machine: process numbers and namespaces of another boot mean nothing. */
export function bootId(): string {
  return fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** The last lines of a text, for an error message. */
export function tail(text: string, lines = 20): string {
  return text.trimEnd().split("\n").slice(-lines).join("\n");
}

/** The last lines of a file; empty when there is no such file. */
export function tailOfFile(file: string, lines = 20): string {
  try {
    return tail(fs.readFileSync(file, "utf8"), lines);
  } catch {
    return "";
  }
}

export interface WaitOptions {
  /** What is waited for, as it completes "waited 5 s for …". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  readonly abort?: AbortSignal | undefined;
  /** Text added to the error on a timeout: the end of a log. */
  readonly evidence?: () => string;
}

/** Waits until `condition` gives a value other than undefined or false. Throws PXE_TIMEOUT, or the abort's reason. */
export async function waitFor<T>(condition: () => T | undefined | false | Promise<T | undefined | false>, options: WaitOptions): Promise<T> {
  const end = Date.now() + options.timeoutMs;
  for (;;) {
    options.abort?.throwIfAborted();
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() >= end) {
      const evidence = options.evidence?.() ?? "";
      const text = `waited ${options.timeoutMs / 1000} s for ${options.what}`;
      throw pxeError("PXE_TIMEOUT", evidence === "" ? text : `${text}; the last lines were:\n${evidence}\n`);
    }
    await delay(options.intervalMs ?? 50);
  }
}

export interface RunOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly abort?: AbortSignal | undefined;
  /** Return a non-zero exit code instead of throwing. */
  readonly allowFailure?: boolean;
  /** Control group folders that the command is put into before it starts (see cgroup.ts). */
  readonly cgroups?: readonly string[];
}

export interface RunResult {
  /** Exit code; 128 and more stand for a signal, as in a shell. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The words that start a command inside control groups: a constant shell text, the command itself is never parsed by it. */
export function insideCgroups(cgroups: readonly string[], file: string, args: readonly string[]): [string, string[]] {
  if (cgroups.length === 0) return [file, [...args]];
  const joinAndBecome = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 126; shift; done; shift; exec "$@"';
  return ["/bin/sh", ["-c", joinAndBecome, "sh", ...cgroups, "--", file, ...args]];
}

/** Runs a command to its end. Throws PXE_TOOL_MISSING when there is no such command, PXE_LAB_FAILED when it fails. */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [command, words] = insideCgroups(options.cgroups ?? [], file, args);
  const result = await new Promise<RunResult>((resolve, reject) => {
    const child = spawn(command, words, {
      stdio: ["pipe", "pipe", "pipe"],
      timeout: options.timeoutMs ?? 60_000,
      killSignal: "SIGKILL",
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.abort === undefined ? {} : { signal: options.abort }),
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") reject(pxeError("PXE_TOOL_MISSING", `there is no command "${file}"`, { cause: error }));
      else reject(pxeError("PXE_LAB_FAILED", `${file} did not run: ${errorText(error)}`, { cause: error }));
    });
    child.on("close", (code, name) => resolve({ code: code ?? (name === "SIGKILL" ? 137 : 128), ...output }));
    // A command that ends without reading its input is judged by its exit code, not by the broken pipe.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
  if (result.code !== 0 && options.allowFailure !== true) {
    const said = tail(result.stderr.trim() === "" ? result.stdout : result.stderr);
    throw pxeError("PXE_LAB_FAILED", `\`${[file, ...args].join(" ")}\` ended with ${result.code}: ${said}`);
  }
  return result;
}

export interface DaemonOptions {
  /** Gets the process's output, appended. */
  readonly log: string;
  readonly cgroups: readonly string[];
  readonly onExit?: (code: number | null, signal: NodeJS.Signals | null) => unknown;
}

/**
 * Starts a long-lived process that outlives this one: a session of its own, so that Ctrl-C in a terminal reaches the lab's
 * owner only and the lab is taken down in order.
 */
export async function startDaemon(file: string, args: readonly string[], options: DaemonOptions): Promise<ProcessIdentity> {
  const log = fs.openSync(options.log, "a", 0o600);
  try {
    const [command, words] = insideCgroups(options.cgroups, file, args);
    const child = spawn(command, words, { detached: true, stdio: ["ignore", log, log] });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error) => reject(pxeError("PXE_LAB_FAILED", `${file} did not start: ${error.message}`, { cause: error })));
    });
    if (options.onExit !== undefined) child.on("exit", options.onExit);
    child.unref();
    const identity = child.pid === undefined ? undefined : identify(child.pid);
    if (identity === undefined) throw pxeError("PXE_LAB_FAILED", `${file} ended at once: ${tailOfFile(options.log)}`);
    return identity;
  } finally {
    fs.closeSync(log);
  }
}
