import { PxeError } from "../errors";
import type { ApplyResult, Arming, KnownFact } from "../model/control";
import type { HostDocument } from "../model/documents";
import type { Connections } from "./connections";
import { outputsVersion, text, type Plain } from "./definition";
import { placeOf } from "./place";
import { residenceAfter, residenceIn, type Residence } from "./residence";

/** What was left or seen of each host of a group, by name. */
export type HostOutputs = ReadonlyMap<string, Plain>;

/** What a group wants changed. */
export interface HostsPush {
  readonly documents: readonly HostDocument[];
  readonly arm: readonly Arming[];
  readonly facts: readonly KnownFact[];
}

/** What the push of a group's hosts left, and the outputs that every child resource has. */
export interface HostsLeft {
  readonly result: ApplyResult;
  readonly outputs: Record<string, unknown>;
}

interface Deletion {
  readonly kind: "host";
  readonly name: string;
  readonly rev?: number;
}

/** By name, what an object has under each. */
export function partsOf(value: unknown): HostOutputs {
  if (typeof value !== "object" || value === null) return new Map();
  return new Map(Object.entries(value).filter((entry): entry is [string, Plain] => typeof entry[1] === "object" && entry[1] !== null));
}

/** What an operation left of each host. */
export function statusIn(outputs: Plain | undefined): HostOutputs {
  return partsOf(outputs?.["status"]);
}

/**
 * Hosts that another resource was about to take over when they left the group. If it never came to that, nobody else knows of
 * their documents: so they stay on record, to be deleted as long as they are as the group left them.
 */
export function leavingIn(outputs: Plain | undefined): HostOutputs {
  return partsOf(outputs?.["leaving"]);
}

/** Deletes what was left or seen last, and not what took its name since. */
export function hostDeletions(hosts: HostOutputs): Deletion[] {
  return [...hosts].map(([name, left]) => {
    const rev = left["observedRev"] ?? left["rev"];
    return { kind: "host", name, ...(typeof rev === "number" ? { rev } : {}) };
  });
}

/**
 * Makes the agent hold the documents of many hosts in one batch, and no other place or owner hold them any longer.
 * @param before what the last operation left
 * @param declaredElsewhere whether another resource of this run takes a host over: to delete its document first would void its order
 */
export async function placeHosts(
  connections: Connections, { documents, arm, facts }: HostsPush, inputs: Plain, outputs: Plain | undefined, before: HostOutputs,
  declaredElsewhere: (host: string) => boolean,
): Promise<HostsLeft> {
  const at = residenceAfter(inputs, outputs);
  const old = outputs === undefined ? undefined : residenceIn(outputs);
  const stays = old !== undefined && placeOf(old.connection) === placeOf(at.connection);
  const moved = stays && old.owner !== at.owner ? old.owner : undefined;
  const wanted = new Set(documents.map((document) => document.name));
  const known: HostOutputs = new Map([...leavingIn(outputs), ...before]);
  const left = hostDeletions(known).filter(({ name }) => stays && !wanted.has(name));
  const leaving = left.flatMap(({ name, rev }) => (rev !== undefined && declaredElsewhere(name) ? [[name, { rev }] as const] : []));
  const gone = left.filter(({ name }) => !declaredElsewhere(name));
  // A batch deletes only what is its owner's, and what another owner still holds would be in the way of what takes its place.
  if (moved !== undefined && gone.length > 0) await connections.push(at, { owner: moved }, { delete: gone });
  const isNew = (name: string): boolean => !stays || typeof before.get(name)?.["rev"] !== "number";
  const claim = documents.filter(({ name }) => isNew(name)).map(({ kind, name }) => ({ kind, name }));
  const result = await connections.push(at, { owner: at.owner, previousOwner: moved }, { put: documents, claim, delete: moved === undefined ? gone : [], arm, facts });
  if (old !== undefined && !stays) await leave(connections, old, text(inputs, "self"), known);
  const { owner, name, connection, controlKey } = at;
  const seen = connections.expectedHostKey(at);
  const server = inputs["server"] === undefined ? {} : { server: inputs["server"] };
  const optional = { ...(seen === undefined ? {} : { hostKey: seen }), ...(leaving.length === 0 ? {} : { leaving: Object.fromEntries(leaving) }) };
  return { result, outputs: { schemaVersion: outputsVersion, owner, name, ...server, connection, controlKey, ...optional } };
}

/** After a move to another agent the old one may be gone already: that is no reason to fail. */
async function leave(connections: Connections, old: Residence, self: string, before: HostOutputs): Promise<void> {
  try {
    await connections.push(old, { owner: old.owner }, { delete: hostDeletions(before) });
  } catch (error) {
    if (!(error instanceof PxeError)) throw error;
    console.warn(`the hosts of ${self} moved; their old agent still holds them: ${error.message}`);
  }
}
