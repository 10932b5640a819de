import { execFile } from "node:child_process";

/** How a program ended. `code` is null where a signal ended it, as after the time limit. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program that a test needs; one that isn't installed fails the test by name. */
export function command(program: string, args: readonly string[], options: { cwd?: string; timeoutMs?: number; input?: string } = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program, args,
      { encoding: "buffer", maxBuffer: 256 * 1024 * 1024, timeout: options.timeoutMs ?? 60_000, killSignal: "SIGKILL", ...(options.cwd === undefined ? {} : { cwd: options.cwd }) },
      (error, stdout, stderr) => {
        if (error !== null && (error as NodeJS.ErrnoException).code === "ENOENT") {
          reject(new Error(`${program} is needed for this test and is not installed`));
          return;
        }
        resolve({ code: child.exitCode, stdout, stderr: stderr.toString("utf8") });
      },
    );
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(options.input ?? "");
  });
}
