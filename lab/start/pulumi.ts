import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { pxeError } from "../../provider/errors";
import type { Connection } from "../../provider/deploy/connection";
import { repository } from "../project";
import { sessionEnv, type Session } from "./session";

/** How to speak to the agent that a stack deployed. */
export interface AgentAccess {
  readonly connection: Connection;
  readonly controlKey: string;
}

const serverType = "pulumi-nodejs:dynamic/pxe:PxeServer";

/** The example's stack, in a project folder of the session's own: the repository's Pulumi.yaml, and settings that nobody else has. */
export class Stack {
  constructor(private readonly session: Session) {}

  private readonly common = ["--stack", "start", "--non-interactive"];

  /** Makes the stack with these settings of the example. */
  async init(settings: Readonly<Record<string, string>>): Promise<void> {
    repository(this.session.folder);
    await this.quietly("stack", "init", "start", "--non-interactive");
    const words = Object.entries(settings).flatMap(([key, value]) => ["--plaintext", `lab:${key}=${value}`]);
    await this.quietly("config", "set-all", ...this.common, ...words);
  }

  /** `pulumi up`, shown as it goes. Throws PXE_COMMAND_FAILED. */
  async up(): Promise<void> {
    await this.shown("up", "--yes", "--suppress-permalink", ...this.common);
  }

  /** Reads the control key from the stack, as only its operator can. */
  async agentAccess(): Promise<AgentAccess> {
    const text = await this.quietly("stack", "export", "--stack", "start", "--show-secrets");
    const state = JSON.parse(text) as { deployment: { resources?: { type: string; outputs?: Record<string, unknown> }[] } };
    const outputs = state.deployment.resources?.find((resource) => resource.type === serverType)?.outputs;
    if (outputs === undefined) throw pxeError("PXE_LAB_FAILED", "the stack has no PxeServer");
    return { connection: plain(outputs["connection"]) as Connection, controlKey: plain(outputs["controlKey"]) as string };
  }

  private async shown(...args: string[]): Promise<void> {
    const child = spawn("pulumi", args, { cwd: this.session.folder, env: sessionEnv(this.session), stdio: ["ignore", "inherit", "inherit"] });
    const [status] = (await once(child, "exit")) as [number | null];
    if (status !== 0) throw pxeError("PXE_COMMAND_FAILED", `pulumi ${args[0] ?? ""} ended with ${String(status)}`);
  }

  private async quietly(...args: string[]): Promise<string> {
    const options = { cwd: this.session.folder, env: sessionEnv(this.session), maxBuffer: 64 * 1024 * 1024 };
    const { stdout } = await promisify(execFile)("pulumi", args, options);
    return stdout;
  }
}

/** Takes a value of an exported state out of its secret's envelope. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("plaintext" in value)) return value;
  return JSON.parse(String(value.plaintext));
}
