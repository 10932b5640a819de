import { fstatSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import type { DestinationStream } from "pino";
import { cleanedLines } from "./clean";

/** Bytes that may wait for a reader of the log. */
const waitingLimit = 1024 * 1024;

/** How long a line that is nothing to worry about waits for others, in milliseconds, and how many characters are written at once. */
const lineDelay = 100;
const batch = 16 * 1024;

/** Lines of this form are at most informative: pino's levels up to 30. */
const informative = /^\{"level":[123]0,/;

/**
 * Where log lines go. A full disk, a reader that stalls or one that is gone costs lines, never a boot: nothing here throws,
 * waits, or keeps the process from ending.
 */
export function logDestination(descriptor: number): DestinationStream {
  try {
    const found = fstatSync(descriptor);
    return batched(found.isFIFO() || found.isSocket() ? toReader(descriptor) : toFile(descriptor));
  } catch {
    return { write: () => undefined };
  }
}

/** One system call for many lines: with a line for each packet they would cost as much as the packets. */
function batched(destination: DestinationStream): DestinationStream {
  let waiting = "";
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const lines = waiting;
    waiting = "";
    if (lines !== "") destination.write(cleanedLines(lines));
  };
  process.once("exit", flush);
  return {
    write: (line) => {
      waiting += line;
      if (waiting.length >= batch || !informative.test(line)) flush();
      else timer ??= setTimeout(flush, lineDelay).unref();
    },
  };
}

function toFile(descriptor: number): DestinationStream {
  let torn = false;
  return {
    write: (lines) => {
      try {
        const bytes = Buffer.from(torn ? `\n${lines}` : lines);
        torn = writeSync(descriptor, bytes) < bytes.length;
      } catch {
        // The lines are lost.
      }
    },
  };
}

/** A pipe or the journal's socket; written without blocking, unlike `process.stdout`. */
function toReader(descriptor: number): DestinationStream {
  const stream = new Socket({ fd: descriptor, readable: false, writable: true });
  stream.on("error", () => undefined);
  stream.unref();
  return {
    write: (lines) => {
      if (stream.writable && stream.writableLength < waitingLimit) stream.write(lines);
    },
  };
}
