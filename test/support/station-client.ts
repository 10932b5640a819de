import { join } from "node:path";
import type { TestContext } from "node:test";
import type { StationAnswer, StationTask } from "./dhcp-station";
import type { Namespace, Running } from "./netns";

/** A station in a namespace, which sends on its `eth0` what it is told to. */
export class StationClient {
  private answers = 1;

  private constructor(private readonly running: Running) {}

  static async start(t: TestContext, on: Namespace): Promise<StationClient> {
    const running = on.start(t, process.execPath, [join(__dirname, "dhcp-station.js")], "pipe");
    await running.line((line) => line === "ready");
    return new StationClient(running);
  }

  async work(task: StationTask, timeoutMs = 60_000): Promise<StationAnswer> {
    const wanted = this.answers++;
    this.running.write(JSON.stringify(task));
    await this.running.line(() => this.running.lines.length > wanted, timeoutMs);
    const line = this.running.lines[wanted] ?? "";
    if (!line.startsWith("{")) throw new Error(`the station failed:\n${this.running.lines.slice(wanted).join("\n")}`);
    return JSON.parse(line) as StationAnswer;
  }
}
