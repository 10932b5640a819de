import type { Observed } from "../deploy/request";
import { serverSpec } from "../model/documents";
import { Seen, text, type Plain } from "./definition";
import { changesNamed, givenIn, observedInputs, overlaid } from "./observation";
import { withDrift, type Observation } from "./residence";

/** What a refresh returns of a server, whose agent and document are looked at. */
export function seenServer(
  outputs: Plain, agent: Observed, document: Observation, names: { readonly options: readonly string[]; readonly properties: readonly string[] },
): Plain | Seen {
  const left = agentLeft(outputs);
  const options = givenIn(outputs, names.options);
  const given = givenIn(outputs, names.properties);
  const stored = document.stored?.spec as unknown as Plain | undefined;
  const missing = agent.running && stored === undefined;
  const properties = missing ? {} : given && (stored === undefined ? given : overlaid(given, serverSpec.parse(given), stored));
  const { drift } = changesNamed(document, given, properties);
  const beside = [...faults(agent), ...(missing && drift !== undefined ? [drift] : [])];
  const upgraded = agent.running && agent.bundle !== left["bundle"];
  const clauses = [...faults(agent), ...(upgraded ? [otherAgent(agent, left)] : []), ...(drift === undefined ? [] : [drift])];
  const found = agent.running ? { bundle: agent.bundle, version: agent.version } : {};
  const seen = withDrift({ ...outputs, agent: left, ...agentOutputs(agent) }, clauses.length === 0 ? undefined : clauses.join("; "), document.stored);
  if (clauses.length === 0 && typeof outputs["drift"] !== "string") return seen;
  if (options === undefined || properties === undefined) return new Seen(seen, undefined);
  const inputs = { ...options, ...properties, agent: { ...left, ...found } };
  return new Seen(seen, observedInputs("server", outputs, inputs, beside.length === 0 ? undefined : beside.join("; ")));
}

/** What no property of the program shows. */
function faults({ installed, running, edited }: Observed): string[] {
  if (!installed) return ["no agent is installed on the target"];
  return [...(running ? [] : ["the agent doesn't run"]), ...(edited.length === 0 ? [] : [`changed by hand on the target: ${edited.join(", ")}`])];
}

function otherAgent({ version, bundle }: Observed, left: Plain): string {
  const named = (agent: Plain): string => `version ${text(agent, "version") || "unknown"}, bundle ${text(agent, "bundle").slice(0, 12)}`;
  return `another agent runs on the target: ${named({ version, bundle })}, not ${named(left)}`;
}

/** The agent that the last operation left; older versions told it only as what runs. */
function agentLeft(outputs: Plain): Plain {
  const { agent } = outputs;
  if (typeof agent === "object" && agent !== null) return agent as Plain;
  return { bundle: text(outputs, "bundle"), version: text(outputs, "agentVersion") };
}

function agentOutputs({ running, bundle, version, hostKey }: Observed): Plain {
  return { ...(running ? { bundle, agentVersion: version } : {}), ...(hostKey === undefined ? {} : { hostKey }) };
}
