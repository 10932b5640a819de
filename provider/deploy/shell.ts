import type { Readable } from "node:stream";
import { findingText, pxeError, type PxeError } from "../errors";
import type { Line } from "./line";
import { lastLines } from "./text";

export interface RunOptions {
  /** Fed to the command's standard input, which is empty otherwise. */
  readonly input?: Readable;
  /** Runs without sudo even where the target asks for it. */
  readonly plain?: boolean;
  /** Milliseconds without any progress (input taken, output given, end) until PXE_CONNECTION_LOST; default 120 000. */
  readonly silence?: number;
}

export interface RunResult {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A way to run POSIX sh scripts on a target with the rights that a deployment needs. */
export interface Shell {
  /** How the target is called in messages. */
  readonly label: string;
  /** Fingerprint of the SSH host key, null on this machine. */
  readonly hostKey: string | null;
  run(script: string, options?: RunOptions): Promise<RunResult>;
  /** A running command as a byte stream: its standard output and input. */
  line(script: string): Promise<Line>;
}

/** Milliseconds. */
export const defaultSilence = 120_000;

/** `sh -c 'script'`, below sudo where asked. Every login shell but csh takes a quoted line break. */
export function commandLine(script: string, sudo: boolean): string {
  return `${sudo ? "sudo -n -- " : ""}sh -c ${quote(script)}`;
}

/** Quotes a word for sh. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Quotes a word for sh where that is needed: a person may be about to read it. */
export function word(text: string): string {
  return /^[\w@%,.=-]+$/.test(text) ? text : quote(text);
}

/**
 * Runs a script that must succeed.
 * @param doing what is being done, for the error: "creating the user pulumi-pxe"
 * @throws PXE_DISK_FULL, PXE_COMMAND_FAILED with the end of what the command said
 */
export async function mustRun(shell: Shell, doing: string, script: string, options?: RunOptions): Promise<string> {
  const result = await shell.run(script, options);
  if (result.code === 0) return result.stdout;
  throw commandError(shell, doing, result);
}

export function commandError(shell: Shell, doing: string, result: RunResult): PxeError {
  const said = lastLines(`${result.stdout}\n${result.stderr}`, 10);
  // GNU tar tells a write that was cut short by its size.
  if (/no space left on device|disk quota exceeded|tar: .*wrote only \d+ of \d+ bytes/i.test(said)) {
    return pxeError("PXE_DISK_FULL", `${doing} on ${shell.label}: ${said}`);
  }
  const ended = result.code === null ? "was ended by a signal" : `ended with ${String(result.code)}`;
  return pxeError("PXE_COMMAND_FAILED", `${doing} on ${shell.label} ${ended}: ${said === "" ? "it said nothing" : said}`);
}

/** A file to put on the target. */
export interface Upload {
  readonly path: string;
  readonly mode: string;
  readonly size: number;
  readonly sha256: string;
  /** What it is, for messages: "Node 24.21.0". */
  readonly called: string;
  open(): Readable;
}

/**
 * Puts a file on the target: written beside its place, checked there by size and SHA-256, then moved over it. What an
 * interrupted upload leaves is `<path>.part`, which the next one writes over.
 * @throws PXE_CONNECTION_LOST, PXE_DISK_FULL, PXE_COMMAND_FAILED
 */
export async function upload(shell: Shell, file: Upload): Promise<void> {
  const path = quote(file.path);
  const part = quote(`${file.path}.part`);
  const script = [
    "set -e; umask 022",
    `mkdir -p "$(dirname ${path})"; rm -f ${part}`,
    `cat >${part} || { rm -f ${part}; exit 74; }`,
    `size=$(wc -c <${part})`,
    `[ "$size" -eq ${String(file.size)} ] || { echo "only $size of ${String(file.size)} bytes arrived" >&2; rm -f ${part}; exit 75; }`,
    `echo ${quote(`${file.sha256}  ${file.path}.part`)} | sha256sum -c - >/dev/null || { rm -f ${part}; exit 76; }`,
    `chmod ${file.mode} ${part}; mv -f ${part} ${path}`,
  ].join("\n");
  await mustRun(shell, `uploading ${file.called}`, script, { input: file.open(), silence: 30_000 });
}

/** PXE_CONNECTION_LOST of a command that never told its end. */
export function connectionLost(label: string, why: string, cause?: unknown): PxeError {
  return pxeError("PXE_CONNECTION_LOST", `the connection to ${label} was lost while a command ran: ${why}`, { cause });
}

/** One line of a coded error, for a progress message. */
export function briefly(error: PxeError): string {
  return findingText(error.findings[0]);
}
