import { spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { socketLike, type Line } from "./line";
import { drive } from "./run-stream";
import type { RunOptions, RunResult, Shell } from "./shell";

/** A shell on this machine, with the rights of this process. */
export class LocalShell implements Shell {
  readonly label = "this machine";
  readonly hostKey = null;

  run(script: string, options: RunOptions = {}): Promise<RunResult> {
    const child = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "pipe"] });
    let problem: Error | undefined;
    const ended = new Promise<number | null | undefined>((resolve) => {
      child.on("error", (error) => {
        problem = error;
        resolve(undefined);
      });
      child.on("close", resolve);
    });
    const { stdin, stdout, stderr } = child;
    const kill = (): void => {
      child.kill("SIGKILL");
      // What the script itself has started may hold them open.
      stdout.destroy();
      stderr.destroy();
    };
    return drive({ stdin, stdout, stderr, ended, kill, lost: () => problem }, this.label, options);
  }

  line(script: string): Promise<Line> {
    const child = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "ignore"] });
    const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin });
    duplex.on("close", () => child.kill());
    return Promise.resolve({ stream: socketLike(duplex, () => undefined), complaint: () => "" });
  }
}
