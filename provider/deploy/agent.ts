import type { AgentStatus } from "../model/control";
import { connectionOf, targetLabel } from "./connection";
import { controlClient, isUnreachable } from "./control";
import { installService } from "./install";
import { localIsSystem } from "./local-paths";
import { LocalShell } from "./local-shell";
import { ensureProcess, observeProcess, removeProcess } from "./local-process";
import { observe } from "./observe";
import { exclusively } from "./pool";
import { removeService } from "./remove";
import type { DeployRequest, Deployed, ObserveRequest, Observed, RemoveRequest } from "./request";
import type { Shell } from "./shell";
import { openSshShell } from "./ssh-shell";
import type { Target } from "../model/target";

export type { DeployRequest, Deployed, ObserveRequest, Observed, RemoveRequest } from "./request";

/** The target's shell; undefined where the agent is a plain process of this machine, which needs none. */
async function shellOf(target: Target, expectedHostKey: string | undefined): Promise<Shell | undefined> {
  if (target !== "local") return openSshShell(target, expectedHostKey);
  return localIsSystem() ? new LocalShell() : undefined;
}

/**
 * Has the agent of this package run on a target: observes, mends what differs, checks that it answers. When nothing differs
 * it changes nothing.
 * @throws every finding of the preflight at once and before any change; see `installService`
 */
export function ensureAgent(request: DeployRequest): Promise<Deployed> {
  return exclusively(targetLabel(request.target), async () => {
    const shell = await shellOf(request.target, request.expectedHostKey);
    return shell === undefined ? ensureProcess(request) : installService(shell, request);
  });
}

/**
 * Looks at what is on a target, through the control key if it works, else through the target's own credentials.
 * @throws PXE_HOST_UNREACHABLE, PXE_AUTH_FAILED … when the target can't be looked at: that says nothing about the agent
 */
export async function observeAgent(request: ObserveRequest): Promise<Observed> {
  const client = controlClient(connectionOf(request.target), request.controlKey);
  try {
    return answering(await client.status());
  } catch (error) {
    if (!isUnreachable(error)) throw error;
  } finally {
    client.close();
  }
  const shell = await shellOf(request.target, request.expectedHostKey);
  if (shell === undefined) return observeProcess();
  const { current, currentVersion } = await observe(shell, { udp: [], tcp: [] });
  return { installed: current !== undefined, running: false, bundle: null, version: currentVersion ?? null, status: null };
}

function answering(status: AgentStatus): Observed {
  return { installed: true, running: true, bundle: status.bundle, version: status.version, status };
}

/**
 * Removes the agent and all that a deployment made, but its database (which keeps declared-again machines from being wiped).
 * What is already gone is no error.
 * @throws PXE_SERVER_SHARED while another owner has documents there
 */
export function removeAgent(request: RemoveRequest): Promise<void> {
  return exclusively(targetLabel(request.target), async () => {
    const shell = await shellOf(request.target, request.expectedHostKey);
    await (shell === undefined ? removeProcess(request) : removeService(shell, request));
  });
}
