import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { layout } from "./layout";
import type { Init } from "./request";

/** Where a plain process and its files lie on this machine. */
export interface LocalPaths {
  readonly root: string;
  readonly bundles: string;
  readonly data: string;
  readonly assets: string;
  /** Owners whose documents the next agent drops before it serves, one a line. */
  readonly forget: string;
  readonly socket: string;
  /** JSON: process id, when it started, which bundle. */
  readonly state: string;
  readonly log: string;
  /** Its presence orders an agent that is started to take over. */
  readonly takeOver: string;
  readonly kept: string;
}

/** Below `${XDG_STATE_HOME:-~/.local/state}/pulumi-pxe/agent`. */
export function localPaths(env: NodeJS.ProcessEnv = process.env): LocalPaths {
  const state = env["XDG_STATE_HOME"];
  const base = state === undefined || state === "" ? join(homedir(), ".local", "state") : state;
  const root = join(base, "pulumi-pxe", "agent");
  return {
    root,
    bundles: join(root, "bundles"),
    data: join(root, "data"),
    assets: join(root, "data", "assets"),
    forget: join(root, "data", "forget"),
    socket: join(root, "control.sock"),
    state: join(root, "agent.json"),
    log: join(root, "agent.log"),
    takeOver: join(root, "take-over"),
    kept: join(root, "KEPT.txt"),
  };
}

/**
 * Whether the target "local" gets a systemd service: root, and systemd runs; otherwise a plain process. PXE_LOCAL_PROCESS=1 has
 * a plain process in any case, for a try that leaves nothing in the system.
 */
export function localIsSystem(): boolean {
  return process.getuid?.() === 0 && existsSync("/run/systemd/system") && process.env["PXE_LOCAL_PROCESS"] !== "1";
}

/**
 * The control socket of the target "local".
 * @param init how its agent was deployed, where that was recorded; else what a deployment would choose now, except where only a
 * plain process has left a socket
 */
export function localSocket(init?: Init): string {
  const process = localPaths().socket;
  if (init !== undefined) return init === "systemd" ? layout.socket : process;
  return localIsSystem() && (existsSync(layout.socket) || !existsSync(process)) ? layout.socket : process;
}
