import { fstatSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import type { DestinationStream } from "pino";

/** Bytes that may wait for a reader of the log. */
const waitingLimit = 1024 * 1024;

/**
 * Where log lines go. A full disk, a reader that stalls or one that is gone costs lines, never a boot: nothing here throws,
 * waits, or keeps the process from ending.
 */
export function logDestination(descriptor: number): DestinationStream {
  try {
    const found = fstatSync(descriptor);
    return found.isFIFO() || found.isSocket() ? toReader(descriptor) : toFile(descriptor);
  } catch {
    return { write: () => undefined };
  }
}

function toFile(descriptor: number): DestinationStream {
  let torn = false;
  return {
    write: (line) => {
      try {
        const bytes = Buffer.from(torn ? `\n${line}` : line);
        torn = writeSync(descriptor, bytes) < bytes.length;
      } catch {
        // The line is lost.
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
    write: (line) => {
      if (stream.writable && stream.writableLength < waitingLimit) stream.write(line);
    },
  };
}
