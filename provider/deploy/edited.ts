import { publicKeyOf } from "./keys";
import { bundleFolder } from "./layout";
import { networkSettings } from "./network";
import { hasFile, type Observation } from "./observe";
import { agentBundle } from "./payload";
import type { ObserveRequest } from "./request";
import { missingSteps } from "./steps";

/**
 * What was changed by hand on a target since a deployment: just what the next one would mend. Nothing can be said where another
 * package's bundle is installed, whose files may differ, or where root's files can't be read.
 */
export function editedByHand(observation: Observation, request: ObserveRequest): string[] {
  const bundle = agentBundle(request.bundleFolder);
  if (observation.current !== bundle.id || observation.sudoRefusal !== undefined || request.owner === undefined) return [];
  const keys = [request.controlKey, ...(request.previousControlKey === undefined ? [] : [request.previousControlKey])];
  const network = request.server === undefined ? {} : { network: networkSettings(observation, request.server, request.firewall ?? "check", request.owner) ?? "none" as const };
  const wanted = { bundle, nodePath: observation.nodeLink?.path ?? "", owner: request.owner, publicKeys: [...new Set(keys.map(publicKeyOf))], ...network };
  const broken = hasFile(observation, `${bundleFolder(bundle.id)}/pxe-agent.cjs`, bundle.sha256) ? [] : [`the bundle ${bundle.id}`];
  return [...missingSteps(observation, wanted).map((step) => step.what.trim()), ...broken];
}
