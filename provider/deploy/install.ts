import { errorText, PxeError, pxeError, throwFindings } from "../errors";
import type { AgentStatus } from "../model/control";
import { targetKoffi } from "./binaries";
import { clientOver } from "./control";
import { statusAsRoot, statusByControlKey, waitServiceHealthy, type Health } from "./health";
import { publicKeyOf } from "./keys";
import { bundleId, unitName } from "./layout";
import { lockScript } from "./lock";
import { compareVersions, observe, runningUnits, type Observation } from "./observe";
import { refuseForeign } from "./ownership";
import { agentBundle, type AgentBundle } from "./payload";
import { architectureOf, onlyTold, portsOf, preflight } from "./preflight";
import { Changes, type DeployRequest, type Deployed } from "./request";
import { networkSettings, refuseForeignNetwork } from "./network";
import { briefly, mustRun, type Shell } from "./shell";
import { giveUpScript, missingSteps, pruneScript, switchScript, takenOverScript, takeOverScript, type Step, type Wanted } from "./steps";
import { chooseNode, nodeVersionAt, uploadBundle, uploadNode, type ChosenNode } from "./target-files";
import { shellTransport } from "./transport";

/**
 * Brings a systemd target to the state that is wanted: observe, mend what differs, check. A second run only observes.
 * @throws every finding of the preflight at once, before anything is changed; PXE_OWNED_BY_OTHER and PXE_AGENT_NEWER before too;
 * PXE_AGENT_DIED, PXE_CONTROL_KEY_REFUSED, PXE_CONNECTION_LOST, PXE_DISK_FULL, PXE_COMMAND_FAILED: `changedTarget` tells whether
 * anything was changed by then
 */
export function installService(shell: Shell, request: DeployRequest): Promise<Deployed> {
  const changes = new Changes();
  return changes.watch(() => install(shell, request, changes));
}

async function install(shell: Shell, request: DeployRequest, changes: Changes): Promise<Deployed> {
  const { progress, firewall = "check" } = request;
  const given = request.node?.path ?? process.env["PXE_TARGET_NODE"];
  const observation = await observe(shell, portsOf(request.server));
  const findings = preflight(observation, request.server, { form: "system", label: shell.label, givenNode: given !== undefined, firewall });
  const told = onlyTold(findings, request);
  throwFindings(findings.filter((item) => !told.includes(item)));
  const architecture = architectureOf(observation.machine);
  if (architecture === undefined) throw pxeError("PXE_INTERNAL", "the preflight let an unknown architecture pass");
  const bundle = agentBundle(request.bundleFolder);
  refuseDowngrade(observation.currentVersion, bundle, request, shell.label);
  if (runningUnits(observation).length > 0) await refuseOthers(shell, request);

  refuseForeignNetwork(observation, [request.owner, request.previousOwner], shell.label);

  const node = await chooseNode(observation, architecture, given, progress);
  const koffi = await targetKoffi(architecture, progress);
  if (node.upload !== undefined) {
    changes.begin();
    await uploadNode(shell, node.upload, progress);
  }
  const uploaded = await uploadBundle(shell, observation, bundle, koffi, request, changes);
  const { owner, previousOwner } = request;
  const wanted: Wanted = { bundle, nodePath: node.path, owner, ...(previousOwner === undefined ? {} : { previousOwner }), publicKeys: publicKeys(request), network: networkSettings(observation, request.server, firewall, owner) ?? "none" };
  const steps = missingSteps(observation, wanted);
  if (steps.length > 0) changes.begin();
  await mend(shell, steps, progress);
  for (const item of told) progress(`what firewall: "manage" had opened is shut again: ${item.what}. ${item.fix}`);
  const changed = uploaded || node.upload !== undefined || steps.some((step) => step.restarts);
  await serve(shell, observation, wanted, changed, request, changes);
  return {
    bundle: bundle.sha256,
    agentVersion: bundle.version,
    nodeVersion: await versionOf(shell, observation, node),
    nodeSource: node.source,
    hostKey: shell.hostKey,
    architecture,
    init: "systemd",
  };
}

/** @throws PXE_AGENT_NEWER */
export function refuseDowngrade(there: string | undefined, bundle: AgentBundle, request: DeployRequest, label: string): void {
  if (there === undefined || request.allowDowngrade === true || compareVersions(there, bundle.version) <= 0) return;
  throw pxeError("PXE_AGENT_NEWER", `the agent on ${label} is version ${there}, this package brings ${bundle.version}`);
}

/** @throws PXE_OWNED_BY_OTHER */
async function refuseOthers(shell: Shell, request: DeployRequest): Promise<void> {
  const client = clientOver(shellTransport(shell));
  try {
    await refuseForeign(client, request);
  } finally {
    client.close();
  }
}

function publicKeys(request: DeployRequest): string[] {
  const keys = [request.controlKey, ...(request.previousControlKey === undefined ? [] : [request.previousControlKey])];
  return [...new Set(keys.map(publicKeyOf))];
}

async function mend(shell: Shell, steps: readonly Step[], progress: (line: string) => void): Promise<void> {
  if (steps.length === 0) return;
  await mustRun(shell, "installing", ["set -e; umask 022", lockScript, ...steps.map((step) => step.script)].join("\n"));
  progress(`set up: ${steps.map((step) => step.what).join(", ")}`);
}

async function versionOf(shell: Shell, observation: Observation, node: ChosenNode): Promise<string> {
  if (observation.nodeLink?.path === node.path && node.upload === undefined) return observation.nodeLink.version;
  return nodeVersionAt(shell, node.path);
}

/** Has the wanted bundle serve, and proves it: by root's own connection when it was started, always by the control key. */
async function serve(shell: Shell, observation: Observation, wanted: Wanted, changed: boolean, request: DeployRequest, changes: Changes): Promise<void> {
  const { id, sha256 } = wanted.bundle;
  const running = runningUnits(observation);
  // Besides it an agent may run that it took over from, and that ends when its transfers have.
  const settled = !changed && observation.current === id && running.includes(id) && observation.enabled.join() === id;
  if (settled) {
    const status = await statusByControlKey(request.target, request.controlKey, shell).catch((error: unknown) => answersNot(error, request));
    if (status?.bundle === sha256) return;
    request.progress(`the agent on ${shell.label} does not answer as it should: starting it anew`);
  }
  changes.begin();
  await handOver(shell, observation, wanted, changed || settled, request);
  const status = await statusByControlKey(request.target, request.controlKey, shell);
  for (const problem of status.problems) request.progress(`the agent reports: ${problem}`);
}

/** An agent that doesn't answer is mended; a key that is refused or a host that is gone is not. */
function answersNot(error: unknown, request: DeployRequest): undefined {
  if (!(error instanceof PxeError) || !["PXE_AGENT_UNREACHABLE", "PXE_TIMEOUT", "PXE_AGENT_REFUSED"].includes(error.code)) throw error;
  request.progress(briefly(error));
  return undefined;
}

/**
 * Replaces what runs by the wanted bundle: without a gap where the one that serves can hand over, else by a restart. If that
 * doesn't become healthy, what ran before serves on or is started again: a target is never left worse than it was.
 * @param anew whether one that runs already must be started again: what it runs with has changed, or it doesn't answer
 */
async function handOver(shell: Shell, observation: Observation, wanted: Wanted, anew: boolean, request: DeployRequest): Promise<void> {
  const { bundle } = wanted;
  const { id } = bundle;
  const running = runningUnits(observation);
  const before: AgentStatus | undefined = running.length > 0 ? await statusAsRoot(shell) : undefined;
  const health: Health = { bundle: bundle.sha256, mustServe: before?.ready === true && before.interfaces.length > 0 };
  const { current } = observation;
  if (before !== undefined && !running.includes(id) && current === bundleId(before.bundle) && canTakeOver(before, observation.currentVersion ?? before.version, bundle)) {
    await takeOver(shell, observation, before, id, health, request);
  } else if (!anew && running.includes(id) && before?.bundle === bundle.sha256) {
    // A deployment was cut off after it had taken over, or it was disabled by hand.
    await mustRun(shell, "making it the one that starts at boot", takenOverScript(id));
  } else {
    await mustRun(shell, "starting the agent", switchScript(id));
    try {
      await waitServiceHealthy(shell, id, health);
    } catch (error) {
      await fallBack(shell, observation, id, before, request);
      throw error;
    }
  }
  request.progress(`the agent ${bundle.version} (bundle ${id}) serves on ${shell.label}`);
  const keep = [id, ...(current === undefined || current === id ? [] : [current])];
  await mustRun(shell, "removing old versions", pruneScript(keep, wanted.nodePath));
}

/**
 * Whether a bundle can take over from the agent that serves. An older bundle may know nothing of how a newer one hands over.
 * @param version of the agent that serves
 */
export function canTakeOver(before: AgentStatus, version: string, bundle: AgentBundle): boolean {
  return before.handover !== undefined && before.bundle !== bundle.sha256 && compareVersions(version, bundle.version) <= 0;
}

/** Starts the bundle beside the agent that serves, which goes on until the new one does, and after that with its transfers. */
async function takeOver(shell: Shell, observation: Observation, before: AgentStatus, id: string, health: Health, request: DeployRequest): Promise<void> {
  try {
    await mustRun(shell, "starting the agent", takeOverScript(id));
    await waitServiceHealthy(shell, id, health);
  } catch (error) {
    await shell.run(giveUpScript(id));
    const after = await statusAsRoot(shell);
    if (after?.bundle === before.bundle) request.progress(`the previous agent (bundle ${bundleId(before.bundle)}) was not stopped, and serves on`);
    else await fallBack(shell, observation, id, before, request);
    throw error;
  }
  await mustRun(shell, "making it the one that starts at boot", takenOverScript(id));
}

/** Starts what ran before, and waits until it answers: an operation that follows must find it. */
async function fallBack(shell: Shell, observation: Observation, failed: string, before: AgentStatus | undefined, request: DeployRequest): Promise<void> {
  const previous = observation.current;
  if (previous === undefined || previous === failed) {
    await shell.run(`systemctl stop ${unitName(failed)}`);
    return;
  }
  try {
    await mustRun(shell, "starting the previous agent", switchScript(previous));
    if (before !== undefined) await waitServiceHealthy(shell, previous, { bundle: before.bundle, mustServe: false });
    request.progress(`the previous agent (bundle ${previous}) serves again`);
  } catch (error) {
    request.progress(`the previous agent (bundle ${previous}) could not be started again: ${errorText(error)}`);
  }
}
