import { existsSync, writeFileSync } from "node:fs";
import type { AgentStatus } from "../model/control";
import { clientOver, isUnreachable, type ControlClient } from "./control";
import { readMark, type AgentMark } from "./local-mark";
import type { LocalPaths } from "./local-paths";
import { endProcess, isAlive, startedAt } from "./process-mark";
import { socketTransport } from "./transport";

/**
 * The agent of this machine that serves, or that should. The state file is behind where a deployment was cut off just after the
 * new agent had taken over: it then names the one before, which drains, or none; the one that answers is entered.
 */
export async function servingMark(paths: LocalPaths): Promise<{ readonly mark: AgentMark | undefined; readonly status: AgentStatus | undefined }> {
  const recorded = readMark(paths);
  const status = existsSync(paths.socket) ? await askOnce(paths) : undefined;
  if (status === undefined || status.pid === recorded?.pid) return { mark: recorded, status };
  const mark = succeeding({ pid: status.pid, startedAt: await startedAt(status.pid), bundle: status.bundle, version: status.version }, recorded);
  writeMark(paths, mark);
  return { mark, status };
}

/** The mark of an agent that has taken over from another, which may still drain. */
export function succeeding(mark: AgentMark, before: AgentMark | undefined): AgentMark {
  const draining = before === undefined ? [] : [...(before.draining ?? []), { pid: before.pid, startedAt: before.startedAt }].filter(isAlive);
  return draining.length === 0 ? mark : { ...mark, draining };
}

export function writeMark(paths: LocalPaths, mark: AgentMark): void {
  writeFileSync(paths.state, `${JSON.stringify(mark)}\n`, { mode: 0o600 });
}

/** Ends an agent and those before it that still drain. */
export async function endAgent(mark: AgentMark): Promise<void> {
  for (const process of [...(mark.draining ?? []), mark]) await endProcess(process);
}

/** The status of the agent that answers, if one does. */
export async function askOnce(paths: LocalPaths): Promise<AgentStatus | undefined> {
  try {
    return await asked(paths, (client) => client.status());
  } catch (error) {
    if (isUnreachable(error)) return undefined;
    throw error;
  }
}

export async function asked<T>(paths: LocalPaths, work: (client: ControlClient) => Promise<T>): Promise<T> {
  const client = clientOver(socketTransport(paths.socket));
  try {
    return await work(client);
  } finally {
    client.close();
  }
}
