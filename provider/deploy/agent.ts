import type { AgentStatus } from "../model/control";
import { connectionOf, overriddenTarget, targetLabel } from "./connection";
import { controlClient, isUnreachable } from "./control";
import { installService } from "./install";
import { localIsSystem } from "./local-paths";
import { LocalShell } from "./local-shell";
import { ensureProcess, observeProcess, removeProcess } from "./local-process";
import { observe } from "./observe";
import { exclusively, sshPool } from "./pool";
import { removeService } from "./remove";
import type { DeployRequest, Deployed, ObserveRequest, Observed, RemoveRequest } from "./request";
import type { Shell } from "./shell";
import { openSshShell } from "./ssh-shell";
import type { Target } from "../model/target";

export type { DeployRequest, Deployed, ObserveRequest, Observed, RemoveRequest } from "./request";

/** The target's shell; undefined where the agent is a plain process of this machine, which needs none. */
async function shellOf(target: Target): Promise<Shell | undefined> {
  if (target !== "local") return openSshShell(target);
  return localIsSystem() ? new LocalShell() : undefined;
}

/** What was recorded at the first deployment binds where the target says `trust-first`, in the control connections too. */
function bindHostKey(target: Target, expectedHostKey: string | undefined): void {
  if (target !== "local" && expectedHostKey !== undefined) sshPool.trust(target.host, target.port ?? 22, expectedHostKey);
}

/**
 * Has the agent of this package run on a target: observes, mends what differs, checks that it answers. When nothing differs
 * it changes nothing.
 * @throws every finding of the preflight at once and before any change; see `installService`
 */
export function ensureAgent(request: DeployRequest): Promise<Deployed> {
  return exclusively(targetLabel(request.target), async () => {
    bindHostKey(request.target, request.expectedHostKey);
    const shell = await shellOf(request.target);
    return shell === undefined ? ensureProcess(request) : installService(shell, request);
  });
}

/**
 * Looks at what is on a target, through the control key if it works, else through the target's own credentials. PXE_SSH_* in
 * the environment go before what the target says (see `overriddenTarget`).
 * @throws PXE_HOST_UNREACHABLE, PXE_AUTH_FAILED … when the target can't be looked at: that says nothing about the agent
 */
export async function observeAgent(request: ObserveRequest): Promise<Observed> {
  const target = overriddenTarget(request.target, process.env);
  bindHostKey(target, request.expectedHostKey);
  const client = controlClient(connectionOf(target), request.controlKey);
  try {
    return answering(await client.status());
  } catch (error) {
    if (!isUnreachable(error)) throw error;
  } finally {
    client.close();
  }
  const shell = await shellOf(target);
  if (shell === undefined) return observeProcess();
  const { current, currentVersion } = await observe(shell, { udp: [], tcp: [] });
  return { installed: current !== undefined, running: false, bundle: null, version: currentVersion ?? null, status: null };
}

function answering(status: AgentStatus): Observed {
  return { installed: true, running: true, bundle: status.bundle, version: status.version, status };
}

/**
 * Removes the agent and all that a deployment made, but its database (which keeps declared-again machines from being wiped).
 * What is already gone is no error. PXE_SSH_* in the environment go before what the target says.
 * @throws PXE_SERVER_SHARED while another owner has documents there
 */
export function removeAgent(request: RemoveRequest): Promise<void> {
  const target = overriddenTarget(request.target, process.env);
  return exclusively(targetLabel(target), async () => {
    bindHostKey(target, request.expectedHostKey);
    const shell = await shellOf(target);
    await (shell === undefined ? removeProcess(request) : removeService(shell, { ...request, target }));
  });
}
