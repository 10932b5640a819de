import { PxeError, pxeError, throwFindings } from "../errors";
import type { AgentStatus } from "../model/control";
import { targetKoffi } from "./binaries";
import { statusAsRoot, statusByControlKey, waitServiceHealthy } from "./health";
import { publicKeyOf } from "./keys";
import { unitName } from "./layout";
import { compareVersions, observe, runningUnits, type Observation } from "./observe";
import { agentBundle, type AgentBundle } from "./payload";
import { architectureOf, portsOf, preflight } from "./preflight";
import type { DeployRequest, Deployed } from "./request";
import { briefly, mustRun, type Shell } from "./shell";
import { missingSteps, pruneScript, switchScript, type Step, type Wanted } from "./steps";
import { chooseNode, nodeVersionAt, uploadBundle, uploadNode, type ChosenNode } from "./target-files";

/**
 * Brings a systemd target to the state that is wanted: observe, mend what differs, check. A second run only observes.
 * @throws every finding of the preflight at once, before anything is changed; PXE_AGENT_NEWER, PXE_AGENT_DIED,
 * PXE_CONTROL_KEY_REFUSED, PXE_CONNECTION_LOST, PXE_DISK_FULL, PXE_COMMAND_FAILED
 */
export async function installService(shell: Shell, request: DeployRequest): Promise<Deployed> {
  const { progress } = request;
  const given = request.node?.path ?? process.env["PXE_TARGET_NODE"];
  const observation = await observe(shell, portsOf(request.server));
  throwFindings(preflight(observation, request.server, { form: "system", label: shell.label, givenNode: given !== undefined }));
  const architecture = architectureOf(observation.machine);
  if (architecture === undefined) throw pxeError("PXE_INTERNAL", "the preflight let an unknown architecture pass");
  const bundle = agentBundle(request.bundleFolder);
  refuseDowngrade(observation.currentVersion, bundle, request, shell.label);

  const node = await chooseNode(observation, architecture, given, progress);
  const koffi = await targetKoffi(architecture, progress);
  if (node.upload !== undefined) await uploadNode(shell, node.upload, progress);
  const uploaded = await uploadBundle(shell, observation, bundle, koffi, progress);
  const wanted: Wanted = { bundle, nodePath: node.path, owner: request.owner, publicKeys: publicKeys(request) };
  const steps = missingSteps(observation, wanted);
  await mend(shell, steps, progress);
  await serve(shell, observation, wanted, uploaded || node.upload !== undefined || steps.some((step) => step.restarts), request);
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

function publicKeys(request: DeployRequest): string[] {
  const keys = [request.controlKey, ...(request.previousControlKey === undefined ? [] : [request.previousControlKey])];
  return [...new Set(keys.map(publicKeyOf))];
}

async function mend(shell: Shell, steps: readonly Step[], progress: (line: string) => void): Promise<void> {
  if (steps.length === 0) return;
  await mustRun(shell, "installing", ["set -e; umask 022", ...steps.map((step) => step.script)].join("\n"));
  progress(`set up: ${steps.map((step) => step.what).join(", ")}`);
}

async function versionOf(shell: Shell, observation: Observation, node: ChosenNode): Promise<string> {
  if (observation.nodeLink?.path === node.path && node.upload === undefined) return observation.nodeLink.version;
  return nodeVersionAt(shell, node.path);
}

/** Has the wanted bundle serve, and proves it: by root's own connection when it was started, always by the control key. */
async function serve(shell: Shell, observation: Observation, wanted: Wanted, changed: boolean, request: DeployRequest): Promise<void> {
  const { id, sha256 } = wanted.bundle;
  const running = runningUnits(observation);
  const settled = !changed && observation.current === id && running.join() === id && observation.enabled.join() === id;
  if (settled) {
    const status = await statusByControlKey(request.target, request.controlKey, shell).catch((error: unknown) => answersNot(error, request));
    if (status?.bundle === sha256) return;
    request.progress(`the agent on ${shell.label} does not answer as it should: starting it anew`);
  }
  await handOver(shell, observation, wanted, running, request);
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
 * Replaces what runs by the wanted bundle. If that doesn't become healthy, what ran before is started again: a target is never
 * left worse than it was.
 */
async function handOver(shell: Shell, observation: Observation, wanted: Wanted, running: readonly string[], request: DeployRequest): Promise<void> {
  const { id, sha256 } = wanted.bundle;
  const before: AgentStatus | undefined = running.length > 0 ? await statusAsRoot(shell) : undefined;
  const mustServe = before?.ready === true && before.interfaces.length > 0;
  await mustRun(shell, "starting the agent", switchScript(id, running));
  try {
    await waitServiceHealthy(shell, id, { bundle: sha256, mustServe });
  } catch (error) {
    await fallBack(shell, observation, id, request);
    throw error;
  }
  request.progress(`the agent ${wanted.bundle.version} (bundle ${id}) serves on ${shell.label}`);
  const keep = [id, ...(observation.current === undefined || observation.current === id ? [] : [observation.current])];
  await mustRun(shell, "removing old versions", pruneScript(keep, wanted.nodePath));
}

async function fallBack(shell: Shell, observation: Observation, failed: string, request: DeployRequest): Promise<void> {
  const previous = observation.current;
  if (previous === undefined || previous === failed) {
    await shell.run(`systemctl stop ${unitName(failed)}`);
    return;
  }
  const result = await shell.run(switchScript(previous, [failed]));
  request.progress(result.code === 0 ? `the previous agent (bundle ${previous}) serves again` : `the previous agent (bundle ${previous}) could not be started again`);
}
