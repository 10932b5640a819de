import { spawn, type ChildProcess } from "node:child_process";
import type { CommandResult, PulumiProject } from "../../lab/project";
import { eventually } from "./eventually";

/** A `pulumi` command that a test looks at, and interrupts, while it runs. */
export class RunningCommand {
  readonly ended: Promise<CommandResult>;
  text = "";
  private readonly child: ChildProcess;

  constructor(project: PulumiProject, ...args: readonly string[]) {
    this.child = spawn("pulumi", [...args, "--non-interactive", "--color", "never"], { cwd: project.folder, env: project.env, stdio: ["ignore", "pipe", "pipe"] });
    const take = (chunk: Buffer): void => { this.text += chunk.toString("utf8"); };
    this.child.stdout?.on("data", take);
    this.child.stderr?.on("data", take);
    this.ended = new Promise((resolve, reject) => {
      this.child.once("error", reject);
      this.child.once("close", (status) => { resolve({ status, text: this.text }); });
    });
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Waits until it says something. */
  async says(text: RegExp | string, limit = 60_000): Promise<void> {
    const said = (): boolean => (typeof text === "string" ? this.text.includes(text) : text.test(this.text));
    await eventually(() => Promise.resolve(said() || !this.isRunning), () => `${String(text)} in\n${this.text}`, limit);
    if (!said()) throw new Error(`it ended without ${String(text)}:\n${this.text}`);
  }

  /** As Ctrl-C does: the first lets what is under way end, the second doesn't. */
  interrupt(): void {
    this.child.kill("SIGINT");
  }

  /** Ends it if it still runs, and waits for its end. Killed at once it would leave its plugins behind. */
  async close(): Promise<void> {
    for (let again = 0; again < 2 && this.isRunning; again++) {
      this.interrupt();
      await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, 8000))]);
    }
    if (this.isRunning) this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** `pulumi up` for the time of some work. */
export async function whileUp<T>(project: PulumiProject, work: (up: RunningCommand) => Promise<T>): Promise<T> {
  const up = new RunningCommand(project, "up", "--yes", "--skip-preview");
  try {
    return await work(up);
  } finally {
    await up.close();
  }
}
