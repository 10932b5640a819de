import { spawn } from "node:child_process";
import { root } from "./setup.mjs";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
const running = new Set();
const lastSignal = new Map();

/**
 * Runs a command in the repository's root folder with our standard streams, or with `onLine` for each line it writes. Resolves
 * to its exit code, 128 + n when signal n ended it.
 *
 * A child gets a process group of its own and every signal from here: on Ctrl-C both the terminal and npm signal us, and a child
 * that saw the second would take it for "stop at once, don't clean up".
 */
export function run(command, args, { env = process.env, cwd = root, onLine } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = onLine === undefined ? "inherit" : ["ignore", "pipe", "pipe"];
    const child = spawn(command, args, { cwd, env, stdio, detached: process.platform !== "win32" });
    if (running.size === 0) for (const signal of signals) process.on(signal, forward);
    running.add(child);
    if (onLine !== undefined) for (const stream of [child.stdout, child.stderr]) splitLines(stream, onLine);
    const ended = () => {
      running.delete(child);
      if (running.size === 0) for (const signal of signals) process.removeListener(signal, forward);
    };
    child.on("error", (error) => {
      ended();
      reject(error);
    });
    // A program that outlives the child may hold its streams open.
    child.on("exit", () => setTimeout(() => [child.stdout, child.stderr].forEach((stream) => stream?.destroy()), 3_000).unref());
    child.on("close", (code, signal) => {
      ended();
      resolve(signal === null ? code : 128 + (signalNumbers[signal] ?? 0));
    });
  });
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Whether a signal asked us to stop. */
export function interrupted() {
  return lastSignal.size > 0;
}

function forward(signal) {
  const now = Date.now();
  if (now - (lastSignal.get(signal) ?? 0) < 1_000) return;
  lastSignal.set(signal, now);
  for (const child of running) {
    try {
      if (process.platform === "win32") child.kill(signal);
      else process.kill(-child.pid, signal);
    } catch {
      // It ended meanwhile.
    }
  }
}

function splitLines(stream, onLine) {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const line of lines) onLine(line);
  });
  stream.on("end", () => {
    if (rest !== "") onLine(rest);
  });
}

/** The frame of a command: a failure that was foreseen is a sentence and exit code 1, any other a stack. */
export async function main(work) {
  try {
    process.exitCode = await work();
  } catch (error) {
    console.error(error.expected === true ? error.message : error);
    process.exitCode = 1;
  }
}
