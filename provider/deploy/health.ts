import { setTimeout as delay } from "node:timers/promises";
import { PxeError, pxeError } from "../errors";
import type { AgentStatus } from "../model/control";
import { clientOver, controlClient, isUnreachable } from "./control";
import { connectionOf } from "./connection";
import { systemUser, unitName } from "./layout";
import type { Shell } from "./shell";
import { lastLines } from "./text";
import { shellTransport } from "./transport";
import type { Target } from "../model/target";

/** Milliseconds in which a started agent must answer, and serve what it is to serve. */
export const healthLimit = 20_000;

/** What a started agent must come to. */
export interface Health {
  /** SHA-256 of the bundle that must be the one that answers. */
  readonly bundle: string;
  /**
   * Whether it must also serve all its interfaces: only where its predecessor did. An agent that can't, because its interface
   * is down or its documents are wrong, is as well as it can be, and is told apart by its status.
   */
  readonly mustServe: boolean;
}

/** Looks at the process that should become healthy: its last log lines when it is dead, undefined while it lives. */
export type DeathCheck = () => Promise<string | undefined>;

/**
 * Waits until an agent is healthy.
 * @param ask gets its status; throws while there is none
 * @throws PXE_AGENT_DIED with its last log lines, PXE_TIMEOUT
 */
export async function waitHealthy(ask: () => Promise<AgentStatus>, died: DeathCheck, health: Health, label: string): Promise<AgentStatus> {
  const deadline = Date.now() + healthLimit;
  let last = "it did not answer";
  for (let pause = 50; ; pause = Math.min(pause * 1.6, 1000)) {
    try {
      const status = await ask();
      if (status.bundle !== health.bundle) last = `another bundle answers (${status.bundle.slice(0, 12)})`;
      else if (health.mustServe && !status.ready) last = `it does not serve: ${status.problems.join("; ")}`;
      else return status;
    } catch (error) {
      if (!(error instanceof PxeError) || !isUnreachable(error)) throw error;
      last = error.findings[0].what;
    }
    const log = await died();
    if (log !== undefined) throw pxeError("PXE_AGENT_DIED", `the agent on ${label} ended at once; its last lines:\n${log === "" ? "(none)" : log}`);
    if (Date.now() > deadline) throw pxeError("PXE_TIMEOUT", `the agent on ${label} was not healthy within ${String(healthLimit / 1000)} s: ${last}`);
    await delay(pause);
  }
}

/** Waits for the agent of a systemd instance, asked over the deployment's own connection. */
export async function waitServiceHealthy(shell: Shell, id: string, health: Health): Promise<AgentStatus> {
  const client = clientOver(shellTransport(shell));
  try {
    return await waitHealthy(() => client.status(), () => serviceDeath(shell, id), health, shell.label);
  } finally {
    client.close();
  }
}

/** The status of whatever agent serves on a target, asked as root; undefined when none answers. */
export async function statusAsRoot(shell: Shell): Promise<AgentStatus | undefined> {
  const client = clientOver(shellTransport(shell));
  try {
    return await client.status();
  } catch (error) {
    if (isUnreachable(error)) return undefined;
    throw error;
  } finally {
    client.close();
  }
}

async function serviceDeath(shell: Shell, id: string): Promise<string | undefined> {
  const unit = unitName(id);
  const { stdout } = await shell.run(`systemctl show -p ActiveState -p SubState -p NRestarts ${unit}`);
  const died = /ActiveState=(failed|inactive)/.test(stdout) || /SubState=auto-restart/.test(stdout) || /NRestarts=[1-9]/.test(stdout);
  if (!died) return undefined;
  const journal = await shell.run(`journalctl --unit ${unit} --lines 40 --no-pager --output cat`);
  return lastLines(journal.stdout, 20);
}

/**
 * Asks the agent for its status with the control key, as every other resource will.
 * @throws PXE_CONTROL_KEY_REFUSED with what sshd is set to, as far as it is known
 */
export async function statusByControlKey(target: Target, controlKey: string, shell: Shell): Promise<AgentStatus> {
  const client = controlClient(connectionOf(target), controlKey);
  try {
    return await client.status();
  } catch (error) {
    if (!(error instanceof PxeError) || error.code !== "PXE_CONTROL_KEY_REFUSED") throw error;
    const words = "allowusers|denyusers|allowgroups|denygroups|pubkeyauthentication|authorizedkeysfile|authorizedkeyscommand";
    const { stdout } = await shell.run(`sshd -T -C user=${systemUser},host=localhost,addr=127.0.0.1 2>/dev/null | grep -E '^(${words}) '`);
    const settings = lastLines(stdout, 12).replaceAll("\n", ", ");
    throw pxeError("PXE_CONTROL_KEY_REFUSED", `sshd on ${shell.label} refuses the control key for the user ${systemUser}${settings === "" ? "" : ` (it is set to: ${settings})`}`, {
      fix: `Let sshd accept public keys for ${systemUser} from ~${systemUser}/.ssh/authorized_keys: see AllowUsers, AllowGroups, PubkeyAuthentication, AuthorizedKeysFile.`,
      cause: error,
    });
  } finally {
    client.close();
  }
}
