import { PxeError, pxeError } from "../errors";
import type { HostStatus } from "../model/control";
import type { Stored } from "../model/documents";
import type { Connections, Snapshot } from "./connections";
import { nameOf, text, type Plain, type ResourceDefinition } from "./definition";
import { areKnown, checkGroup, hostsOf } from "./group-declaration";
import { hostDeletions, placeHosts, type HostOutputs } from "./group-place";
import { hostSpecOf, textsToPush } from "./host-declaration";
import { armingFor, knownFacts, statusOutputs, supersededDrift } from "./host-order";
import { isDigest } from "./host-plan";
import { checkedSpec, identify } from "./identity";
import { agentGone, deleting, documentOf, residenceNow, withDrift } from "./residence";
import type { DocumentTable } from "./table";

/**
 * KickstartHostGroup: many machines in one resource. Each has the document that a KickstartHost of its name would have, so that
 * machines move between groups and resources of their own; and each is armed, checked and observed as if it had one.
 */
export function groupResource(connections: Connections, table: DocumentTable): ResourceDefinition {
  return {
    label: (inputs) => `group/${nameOf(inputs)}`,
    check: (inputs, olds) => checkGroup(identify("group", inputs), inputs, olds, table),
    replaces: () => [],
    async ensure(inputs, outputs) {
      if (!areKnown(inputs)) throw pxeError("PXE_INTERNAL", "inputs arrived that are not known yet");
      const before = statusIn(outputs);
      const rendered = partsOf(inputs["rendered"]);
      const hosts = hostsOf(inputs).map((host) => {
        const texts = textsToPush(host, rendered.get(host.name), isDigest(inputs), table);
        return { host, document: documentOf("host", host, checkedSpec(hostSpecOf(host, texts))) };
      });
      const arm = hosts.flatMap(({ host }) => armingFor(host.name, host.values, before.get(host.name)));
      const facts = hosts.flatMap(({ host: { name } }) => knownFacts(name, before.get(name) ?? {}));
      const push = { documents: hosts.map((item) => item.document), arm, facts };
      const elsewhere = (name: string): boolean => table.isDeclaredElsewhere(text(inputs, "server"), text(inputs, "self"), `host/${name}`);
      const { result, outputs: left } = await placeHosts(connections, push, inputs, outputs, before, elsewhere);
      const revs = new Map(result.documents.filter((item) => item.kind === "host").map((item) => [item.name, item.rev]));
      const statuses = statusesOf(result.hosts, text(left, "owner"));
      const status = hosts.map(({ host: { name, values }, document: { spec } }) => {
        const { reinstall } = values;
        const own = { rev: revs.get(name) ?? result.revision, ...(reinstall === undefined ? {} : { reinstall }) };
        return [name, { ...own, ...shortStatus(statuses.get(name), before.get(name) ?? {}, spec.ip ?? null) }] as const;
      });
      return { ...left, status: Object.fromEntries(status) };
    },
    async observe(outputs) {
      const at = residenceNow(outputs);
      const seen = await seenBy(connections, outputs);
      if (seen === undefined) return withDrift(outputs, "the agent doesn't answer");
      const documents = new Map(seen.documents.filter((doc) => doc.kind === "host" && doc.owner === at.owner).map((doc) => [doc.name, doc]));
      const statuses = statusesOf(seen.hosts.filter((host) => host.declared), at.owner);
      const hosts = [...statusIn(outputs)].map(([name, left]) => observedHost(name, left, documents.get(name), statuses.get(name)));
      const drift = hosts.flatMap((host) => (host.drift === undefined ? [] : [`${host.name}: ${host.drift}`]));
      return withDrift({ ...outputs, status: Object.fromEntries(hosts.map((host) => [host.name, host.outputs])) }, drift.length === 0 ? undefined : summary(drift));
    },
    async remove(outputs) {
      const at = residenceNow(outputs);
      await deleting(`group/${at.name}`, () => connections.push(at, { owner: at.owner }, { delete: hostDeletions(statusIn(outputs)) }));
    },
  };
}

/** By name, what an object has under each. */
function partsOf(value: unknown): HostOutputs {
  if (typeof value !== "object" || value === null) return new Map();
  return new Map(Object.entries(value).filter((entry): entry is [string, Plain] => typeof entry[1] === "object" && entry[1] !== null));
}

function statusIn(outputs: Plain | undefined): HostOutputs {
  return partsOf(outputs?.["status"]);
}

function statusesOf(hosts: readonly HostStatus[], owner: string): ReadonlyMap<string, HostStatus> {
  return new Map(hosts.filter((host) => host.owner === owner).map((host) => [host.name, host]));
}

/** A state file holds it for every host: what says nothing is left out. */
function shortStatus(status: HostStatus | undefined, before: Plain, ip: string | null): Plain {
  const { consumed, ...rest } = statusOutputs(status, before, ip);
  return Array.isArray(consumed) && consumed.length > 0 ? { ...rest, consumed } : rest;
}

/** All that the agent holds; undefined where the target answers and its agent doesn't. */
async function seenBy(connections: Connections, outputs: Plain): Promise<Snapshot | undefined> {
  try {
    return await connections.snapshot(residenceNow(outputs));
  } catch (error) {
    if (!(error instanceof PxeError) || !agentGone.includes(error.code)) throw error;
    return undefined;
  }
}

interface ObservedHost {
  readonly name: string;
  readonly outputs: Plain;
  readonly drift: string | undefined;
}

function observedHost(name: string, left: Plain, stored: Stored | undefined, status: HostStatus | undefined): ObservedHost {
  const { observedRev: _rev, ...rest } = left;
  if (stored === undefined) return { name, outputs: rest, drift: "it is missing on the agent" };
  const changed = stored.rev !== rest["rev"];
  const outputs = { ...rest, ...(status === undefined ? {} : shortStatus(status, left, null)), ...(changed ? { observedRev: stored.rev } : {}) };
  return { name, outputs, drift: changed ? "it was changed on the agent" : supersededDrift(status) };
}

const toldHosts = 10;

function summary(drift: readonly string[]): string {
  const more = drift.length - toldHosts;
  return more > 0 ? `${drift.slice(0, toldHosts).join("; ")}; and ${String(more)} more` : drift.join("; ");
}
