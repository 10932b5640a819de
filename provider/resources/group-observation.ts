import { PxeError } from "../errors";
import type { HostStatus } from "../model/control";
import type { HostDocument, Stored } from "../model/documents";
import type { Connections, Snapshot } from "./connections";
import { Seen, type Plain } from "./definition";
import { leavingIn, statusIn } from "./group-place";
import { observedHost } from "./host-observation";
import { statusOutputs, supersededDrift } from "./host-order";
import { asSecret, observedInputs } from "./observation";
import { agentGone, residenceNow, withDrift } from "./residence";

/** What a group gives to all its hosts, as its outputs repeat it: a refresh can't know otherwise what was given where. */
const shared = ["profile", "subnet", "install", "renderedDetail"] as const;

/** Outputs that repeat what a refresh needs of the inputs. */
export function repeatedInputs(inputs: Plain): Plain {
  const { secrets } = inputs;
  const given = shared.flatMap((key) => (inputs[key] === undefined ? [] : [[key, inputs[key]] as const]));
  const names = typeof secrets === "object" && secrets !== null ? Object.keys(secrets) : [];
  return { ...Object.fromEntries(given), ...(names.length === 0 ? {} : { secretNames: names }) };
}

/** What the agent says of the hosts of an owner, by name. */
export function statusesOf(hosts: readonly HostStatus[], owner: string): ReadonlyMap<string, HostStatus> {
  return new Map(hosts.filter((host) => host.owner === owner).map((host) => [host.name, host]));
}

/** A state file holds it for every host: what says nothing is left out. */
export function shortStatus(status: HostStatus | undefined, before: Plain, ip: string | null): Plain {
  const { consumed, ...rest } = statusOutputs(status, before, ip);
  return Array.isArray(consumed) && consumed.length > 0 ? { ...rest, consumed } : rest;
}

/** All that the agent holds; undefined where the target answers and its agent doesn't. */
async function heldBy(connections: Connections, outputs: Plain): Promise<Snapshot | undefined> {
  try {
    return await connections.snapshot(residenceNow(outputs));
  } catch (error) {
    if (!(error instanceof PxeError) || !agentGone.includes(error.code)) throw error;
    return undefined;
  }
}

interface SeenHost {
  readonly name: string;
  readonly left: Plain;
  readonly stored: Stored<HostDocument> | undefined;
  readonly outputs: Plain;
  readonly drift: string | undefined;
}

/** What a refresh returns of a group: as for single hosts, each with what differs. */
export async function observeGroup(connections: Connections, outputs: Plain): Promise<Plain | Seen> {
  const { owner } = residenceNow(outputs);
  const held = await heldBy(connections, outputs);
  if (held === undefined) return withDrift(outputs, "the agent doesn't answer");
  const own = held.documents.filter((doc) => doc.owner === owner);
  const documents = new Map(own.filter((doc) => doc.kind === "host").map((doc) => [doc.name, doc]));
  const statuses = statusesOf(held.hosts.filter((host) => host.declared), owner);
  const hosts = [...statusIn(outputs)].map(([name, left]) => seenHost(name, left, documents.get(name), statuses.get(name)));
  const forsaken = [...leavingIn(outputs)].filter(([name, { rev }]) => documents.get(name)?.rev === rev).map(([name]) => `${name}: it left the group, and nothing has taken it over`);
  const drift = [...hosts.flatMap((host) => (host.drift === undefined ? [] : [`${host.name}: ${host.drift}`])), ...forsaken];
  const clause = drift.length === 0 ? undefined : shortened(drift).join("; ");
  const seen = withDrift({ ...outputs, status: Object.fromEntries(hosts.map((host) => [host.name, host.outputs])) }, clause);
  if (clause === undefined && typeof outputs["drift"] !== "string") return seen;
  return new Seen(seen, observedInputs("group", outputs, groupInputs(hosts, outputs, own.filter((doc) => doc.kind !== "host")), clause));
}

function seenHost(name: string, left: Plain, stored: Stored<HostDocument> | undefined, status: HostStatus | undefined): SeenHost {
  const { observedRev: _rev, ...rest } = left;
  if (stored === undefined) return { name, left, stored, outputs: rest, drift: "it is missing on the agent" };
  const changed = stored.rev !== rest["rev"];
  const outputs = { ...rest, ...(status === undefined ? {} : shortStatus(status, left, null)), ...(changed ? { observedRev: stored.rev } : {}) };
  return { name, left, stored, outputs, drift: changed ? "it was changed on the agent" : supersededDrift(status) };
}

/** A group's inputs as if a program had declared what the agent holds. What all share stands where it was given. */
function groupInputs(hosts: readonly SeenHost[], outputs: Plain, documents: readonly Stored[]): Plain {
  const given = Object.fromEntries(shared.flatMap((key) => (outputs[key] === undefined ? [] : [[key, outputs[key]] as const])));
  const names = Array.isArray(outputs["secretNames"]) ? outputs["secretNames"].map(String) : [];
  const all = hosts.map(({ name, left, stored }) => {
    const { install, renderedDetail } = given;
    const detail = { ...(renderedDetail === undefined ? {} : { renderedDetail }), ...(install === undefined ? {} : { install }) };
    return { name, stored, ...observedHost(stored, { ...left, ...detail }, documents) };
  });
  const parts = (key: string): Plain => {
    const entries = all.flatMap(({ name, computed }) => (computed[key] === undefined ? [] : [[name, computed[key]] as const]));
    return entries.length === 0 ? {} : { [key]: Object.fromEntries(entries) };
  };
  return {
    ...given, ...(names.length === 0 ? {} : { secrets: asSecret(Object.fromEntries(names.map((name) => [name, ""]))) }),
    hosts: Object.fromEntries(all.map(({ name, values, stored }) => [name, ownValues(name, values, given, stored, names)])),
    ...parts("rendered"), ...parts("generations"),
  };
}

/** A host's own properties: those that it doesn't have from its group, nor by default. */
function ownValues(name: string, values: Plain, given: Plain, stored: Stored<HostDocument> | undefined, sharedSecrets: readonly string[]): Plain {
  const { secrets: _secrets, ...rest } = values;
  const own = Object.entries(rest).filter(([key, value]) => value !== given[key] && !(key === "hostname" && value === name));
  const secrets = Object.entries(stored?.spec.secrets ?? {}).filter(([secret]) => !sharedSecrets.includes(secret));
  return { ...Object.fromEntries(own), ...(secrets.length === 0 ? {} : { secrets: asSecret(Object.fromEntries(secrets)) }) };
}

const toldHosts = 10;

/** Not a line for each of a thousand hosts. */
export function shortened(lines: readonly string[]): readonly string[] {
  const more = lines.length - toldHosts;
  return more > 0 ? [...lines.slice(0, toldHosts), `and ${String(more)} more`] : lines;
}
