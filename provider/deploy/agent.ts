import { PxeError } from "../errors";
import type { AgentStatus } from "../model/control";
import { connectionOf, overriddenTarget, targetLabel } from "./connection";
import { clientOver, controlClient, isUnreachable, type ControlClient } from "./control";
import { deployAlone } from "./deploy-lock";
import { installService } from "./install";
import { localIsSystem, localSocket } from "./local-paths";
import { LocalShell } from "./local-shell";
import { ensureProcess, observeProcess } from "./local-process";
import { removeProcess } from "./local-remove";
import { editedByHand } from "./edited";
import { observe } from "./observe";
import { rememberJumpSecrets } from "./jump-secrets";
import { exclusively } from "./pool";
import { removeService } from "./remove";
import type { DeployRequest, Deployed, Init, ObserveRequest, Observed, RemoveRequest } from "./request";
import type { Shell } from "./shell";
import { openSshShell } from "./ssh-shell";
import { socketTransport } from "./transport";
import { expectHostKey } from "./trusted-keys";
import type { Target } from "../model/target";

export { changedTarget } from "./request";
export type { DeployRequest, Deployed, ObserveRequest, Observed, RemoveRequest } from "./request";

/** The target's shell; undefined where the agent is a plain process of this machine, which needs none. */
async function shellOf(target: Target, { init, allowFirst = false }: { readonly init?: Init | undefined; readonly allowFirst?: boolean }): Promise<Shell | undefined> {
  if (target !== "local") return openSshShell(target, { allowFirst });
  const isSystem = init === undefined ? localIsSystem() : init === "systemd";
  return isSystem ? new LocalShell() : undefined;
}

/**
 * What was recorded at the first deployment binds where the target says `trust-first`, in the control connections too; and they
 * find the way into its bastions.
 */
function prepare(target: Target, expectedHostKey: string | undefined): void {
  rememberJumpSecrets(target);
  if (target !== "local" && expectedHostKey !== undefined) expectHostKey(target.host, target.port ?? 22, expectedHostKey);
}

/**
 * Has the agent of this package run on a target: observes, mends what differs, checks that it answers. When nothing differs
 * it changes nothing.
 * @throws every finding of the preflight at once and before any change; see `installService`. `changedTarget` tells of any error
 * whether it came after the first change
 */
export function ensureAgent(request: DeployRequest): Promise<Deployed> {
  return exclusively(targetLabel(request.target), async () => {
    prepare(request.target, request.expectedHostKey);
    const shell = await shellOf(request.target, { allowFirst: true });
    return shell === undefined ? ensureProcess(request) : deployAlone(shell, request.progress, () => installService(shell, request));
  });
}

/**
 * Looks at what is on a target: asks the agent through the control key, and reads what a deployment has put there through the
 * target's own credentials. PXE_SSH_* in the environment go before what the target says (see `overriddenTarget`).
 * @throws PXE_HOST_UNREACHABLE, PXE_AUTH_FAILED … when the target can't be looked at: that says nothing about the agent
 */
export async function observeAgent(request: ObserveRequest): Promise<Observed> {
  const target = overriddenTarget(request.target, process.env);
  prepare(target, request.expectedHostKey);
  const status = await statusOf(target, request);
  const shell = await shellOf(target, request).catch((error: unknown) => withoutShell(error, status, target));
  if (shell === undefined) return status === undefined ? observeProcess() : { ...answering(status), edited: [] };
  const observation = await observe(shell, { udp: [], tcp: [] });
  const seen = { edited: editedByHand(observation, request), ...(shell.hostKey === null ? {} : { hostKey: shell.hostKey }) };
  if (status !== undefined) return { ...answering(status), ...seen };
  const { current, currentVersion } = observation;
  return { installed: current !== undefined, running: false, bundle: null, version: currentVersion ?? null, status: null, ...seen };
}

async function statusOf(target: Target, request: ObserveRequest): Promise<AgentStatus | undefined> {
  const client = clientFor(target, request);
  try {
    return await client.status();
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    return undefined;
  } finally {
    client.close();
  }
}

/** An agent that answers is known to run, even to an operator who can't log in as its deployment did. */
function withoutShell(error: unknown, status: AgentStatus | undefined, target: Target): undefined {
  if (status === undefined || !(error instanceof PxeError) || error.code !== "PXE_AUTH_FAILED") throw error;
  console.warn(`what a deployment put on ${targetLabel(target)} was not looked at: ${error.message}`);
}

function clientFor(target: Target, { controlKey, init }: ObserveRequest): ControlClient {
  return target === "local" ? clientOver(socketTransport(localSocket(init))) : controlClient(connectionOf(target), controlKey);
}

function answering(status: AgentStatus): Omit<Observed, "edited"> {
  return { installed: true, running: true, bundle: status.bundle, version: status.version, status };
}

/**
 * Removes the agent and all that a deployment made, but its database (which keeps declared-again machines from being wiped).
 * What is already gone is no error. PXE_SSH_* in the environment go before what the target says. An agent that serves another
 * owner's server, or another resource of this owner (see `RemoveRequest.document`), stays.
 * @throws PXE_SERVER_SHARED while another owner has documents at this owner's server
 */
export function removeAgent(request: RemoveRequest): Promise<void> {
  const target = overriddenTarget(request.target, process.env);
  return exclusively(targetLabel(target), async () => {
    prepare(target, request.expectedHostKey);
    const shell = await shellOf(target, request);
    await (shell === undefined ? removeProcess(request) : deployAlone(shell, request.progress, () => removeService(shell, { ...request, target })));
  });
}
