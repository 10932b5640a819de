import type { Readable, Writable } from "node:stream";
import { connectionLost, defaultSilence, type RunOptions, type RunResult } from "./shell";

/** The streams of a running command, whatever runs it. */
export interface Running {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves at its end with its exit code, null after a signal; undefined when the end was never told. */
  readonly ended: Promise<number | null | undefined>;
  kill(): void;
  /** Why the end was never told, if that is known. */
  lost(): Error | undefined;
}

/** More output than any of our scripts prints; what is beyond it is dropped. */
const outputLimit = 4 * 1024 * 1024;

/**
 * Feeds a command its input and gathers its output, with a watch on silence.
 * @throws PXE_CONNECTION_LOST
 */
export async function drive(running: Running, label: string, options: RunOptions): Promise<RunResult> {
  const silence = options.silence ?? defaultSilence;
  let timer: NodeJS.Timeout | undefined;
  const watch = { silent: false };
  const sign = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      watch.silent = true;
      running.kill();
    }, silence);
  };
  sign();
  const stdout = gather(running.stdout, sign);
  const stderr = gather(running.stderr, sign);
  const inputProblem = feed(running.stdin, options.input, sign);
  const code = await running.ended;
  clearTimeout(timer);
  options.input?.destroy();
  if (watch.silent) throw connectionLost(label, `nothing came for ${String(silence / 1000)} s`);
  if (code === undefined) {
    const cause = running.lost();
    throw connectionLost(label, cause?.message ?? "it ended without an exit code", cause);
  }
  const problem = inputProblem();
  if (problem !== undefined) throw problem;
  return { code, stdout: stdout(), stderr: stderr() };
}

function gather(stream: Readable, sign: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    sign();
    size += chunk.length;
    if (size <= outputLimit) chunks.push(chunk);
  });
  stream.on("error", () => undefined);
  return () => Buffer.concat(chunks).toString("utf8");
}

/** Pipes the input; a command that ends early (EPIPE) tells why itself, an input that can't be read is our own problem. */
function feed(stdin: Writable, input: Readable | undefined, sign: () => void): () => Error | undefined {
  let problem: Error | undefined;
  stdin.on("error", () => undefined);
  if (input === undefined) {
    stdin.end();
    return () => undefined;
  }
  input.on("error", (error) => {
    problem = error;
    stdin.destroy();
  });
  input.on("data", sign);
  input.pipe(stdin);
  return () => problem;
}
