import * as z from "zod";
import { overriddenConnection, type Connection } from "../deploy/connection";
import { PxeError, type ErrorCode } from "../errors";
import type { ApplyResult, Arming, KnownFact } from "../model/control";
import { documentLabel, schemaVersion, type Document, type DocumentKind, type DocumentOf, type Stored } from "../model/documents";
import type { Push } from "./batch";
import type { Connections, Link } from "./connections";
import { nameOf, outputsVersion, text, type Plain } from "./definition";
import { placeOf } from "./place";

const jumpAddress = z.strictObject({
  host: z.string(), port: z.int().optional(), user: z.string().optional(), privateKeyPath: z.string().optional(),
  agent: z.union([z.boolean(), z.string()]).optional(), hostKey: z.string().optional(), withheld: z.literal(true).optional(),
});

export const connectionSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("local") }),
  z.strictObject({
    kind: z.literal("ssh"), host: z.string(), port: z.int(), portGiven: z.literal(true).optional(), hostKey: z.string().optional(),
    proxyJump: z.array(jumpAddress).optional(),
  }),
]);

/** Where a resource's agent is: kept among the outputs, since nothing else reaches a later delete. */
export interface Residence extends Link {
  readonly owner: string;
  readonly name: string;
}

function residence(values: Plain, name: string, recordedHostKey: string): Residence {
  const connection = connectionSchema.parse(values["connection"]) as Connection;
  const recorded = recordedHostKey === "" ? {} : { recordedHostKey };
  return { owner: text(values, "owner"), name, connection, controlKey: text(values, "controlKey"), ...recorded };
}

/** Where the last operation left it. */
export function residenceIn(outputs: Plain): Residence {
  return residence(outputs, text(outputs, "name"), text(outputs, "hostKey"));
}

/** Where a read or a delete finds it: PXE_SSH_* in the environment go before what was recorded. */
export function residenceNow(outputs: Plain): Residence {
  const at = residenceIn(outputs);
  return { ...at, connection: overriddenConnection(at.connection, process.env) };
}

/** Where it is asked to be. */
export function residenceFor(inputs: Plain): Residence {
  return residence(inputs, nameOf(inputs), "");
}

export function documentOf<K extends DocumentKind>(kind: K, at: { owner: string; name: string }, spec: DocumentOf<K>["spec"]): DocumentOf<K> {
  return { kind, name: at.name, owner: at.owner, schemaVersion, spec };
}

function samePlace(one: Residence, other: Residence): boolean {
  return placeOf(one.connection) === placeOf(other.connection);
}

/** The residence asked for, with the host key that was recorded for the same place before. */
export function residenceAfter(inputs: Plain, outputs: Plain | undefined): Residence {
  const at = residenceFor(inputs);
  const before = outputs === undefined ? undefined : residenceIn(outputs);
  return before !== undefined && samePlace(before, at) ? { ...at, recordedHostKey: before.recordedHostKey } : at;
}

/** What a push left, and the outputs that every child resource has. */
export interface Left {
  readonly result: ApplyResult;
  readonly outputs: Record<string, unknown>;
}

/** Makes the agent hold a document, and no other place, owner or name hold it any longer. */
export async function placeDocument(
  connections: Connections, document: Document, inputs: Plain, outputs: Plain | undefined,
  more: { readonly arm?: readonly Arming[]; readonly facts?: readonly KnownFact[] } = {},
): Promise<Left> {
  const at = residenceAfter(inputs, outputs);
  const before = outputs === undefined ? undefined : residenceIn(outputs);
  const stays = before !== undefined && samePlace(before, at);
  const renamed = stays && before.name !== at.name && outputs !== undefined ? [deletion(document.kind, outputs)] : [];
  const moved = stays && before.owner !== at.owner ? before.owner : undefined;
  // A batch deletes only what is its owner's, and what another owner still holds would be in the way of the new name.
  if (moved !== undefined && renamed.length > 0) await connections.push(at, { owner: moved }, { delete: renamed });
  const { kind, name } = document;
  const isNew = !stays || typeof outputs?.["rev"] !== "number";
  const push = { put: [document], claim: isNew ? [{ kind, name }] : [], delete: moved === undefined ? renamed : [], ...more };
  const result = await connections.push(at, { owner: at.owner, previousOwner: moved }, push);
  if (!stays && outputs !== undefined) await leave(connections, document, outputs);
  const rev = result.documents.find((item) => item.kind === kind && item.name === name)?.rev ?? result.revision;
  const { owner, connection, controlKey } = at;
  const server = inputs["server"] === undefined ? {} : { server: inputs["server"] };
  const seen = connections.expectedHostKey(at);
  const hostKey = seen === undefined ? {} : { hostKey: seen };
  return { result, outputs: { schemaVersion: outputsVersion, owner, name, ...server, connection, controlKey, ...hostKey, rev } };
}

/** After a move to another agent the old one may be gone already: that is no reason to fail. */
async function leave(connections: Connections, document: Document, outputs: Plain): Promise<void> {
  const before = residenceIn(outputs);
  try {
    await connections.push(before, { owner: before.owner }, { delete: [deletion(document.kind, outputs)] });
  } catch (error) {
    if (!(error instanceof PxeError)) throw error;
    console.warn(`${documentLabel(document)} moved; its old agent still holds it: ${error.message}`);
  }
}

/** Deletes what was left or seen last, and not what took its name since. */
function deletion(kind: DocumentKind, outputs: Plain): { kind: DocumentKind; name: string; rev?: number } {
  const rev = outputs["observedRev"] ?? outputs["rev"];
  return { kind, name: text(outputs, "name"), ...(typeof rev === "number" ? { rev } : {}) };
}

/** Deletes a document where it was left; succeeds where it is missing. */
export function removeDocument(connections: Connections, kind: DocumentKind, outputs: Plain): Promise<void> {
  return removeDocuments(connections, `${kind}/${text(outputs, "name")}`, outputs, [deletion(kind, outputs)]);
}

/** Deletes what a resource left, in one batch. */
export async function removeDocuments(connections: Connections, label: string, outputs: Plain, deletions: NonNullable<Push["delete"]>): Promise<void> {
  const at = residenceNow(outputs);
  const push = (link: Link): Promise<unknown> => connections.push(link, { owner: at.owner }, { delete: deletions });
  await deleting(label, () => push(at).catch((error: unknown) => {
    const successor = error instanceof PxeError && error.code === "PXE_CONTROL_KEY_REFUSED" ? connections.successor(at) : undefined;
    if (successor === undefined) throw error;
    return push(successor);
  }));
}

const outOfReach: readonly ErrorCode[] = [
  "PXE_HOST_UNREACHABLE", "PXE_AGENT_UNREACHABLE", "PXE_CONNECTION_LOST", "PXE_TIMEOUT", "PXE_AUTH_FAILED", "PXE_CONTROL_KEY_REFUSED",
  "PXE_HOST_KEY_CHANGED", "PXE_HOST_KEY_UNKNOWN",
];

/** Runs a delete; PXE_DELETE_UNREACHABLE=1 makes a warning of a target or agent that can't be reached. */
export async function deleting(label: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const skipped = process.env["PXE_DELETE_UNREACHABLE"] === "1" && error instanceof PxeError && outOfReach.includes(error.code);
    if (!skipped) throw error;
    console.warn(`${label} is forgotten, but not removed from its target (PXE_DELETE_UNREACHABLE): ${error.message}`);
  }
}

/** Codes that say "the target answers, its agent doesn't": the server's own update mends that, then the children's. */
export const agentGone: readonly ErrorCode[] = ["PXE_AGENT_UNREACHABLE", "PXE_CONTROL_KEY_REFUSED"];

/** What was seen of a document. */
export interface Observation {
  /** A clause for a person, where it is not as it was left. */
  readonly drift: string | undefined;
  readonly stored: Stored | undefined;
  /** All documents of its agent; undefined where none answers. */
  readonly documents: readonly Stored[] | undefined;
}

/**
 * Looks at a document. Throws where the target can't be reached.
 * @param agent what is known of it already: where it doesn't run it isn't asked
 */
export async function observeDocument(connections: Connections, kind: DocumentKind, outputs: Plain, agent = { running: true }): Promise<Observation> {
  const at = residenceNow(outputs);
  if (!agent.running) return { drift: undefined, stored: undefined, documents: undefined };
  try {
    const { documents } = await connections.snapshot(at);
    const stored = documents.find((doc) => doc.kind === kind && doc.name === at.name && doc.owner === at.owner);
    if (stored === undefined) return { drift: "it is missing on the agent", stored, documents };
    return { drift: stored.rev === outputs["rev"] ? undefined : "it was changed on the agent", stored, documents };
  } catch (error) {
    if (!(error instanceof PxeError) || !agentGone.includes(error.code)) throw error;
    return { drift: "the agent doesn't answer", stored: undefined, documents: undefined };
  }
}

/** The outputs with what was observed: `drift` set or taken away, and the revision that a delete may then take. */
export function withDrift(outputs: Plain, drift: string | undefined, stored?: Stored): Record<string, unknown> {
  const { drift: _drift, observedRev: _rev, ...rest } = outputs;
  const observed = stored === undefined || stored.rev === rest["rev"] ? {} : { observedRev: stored.rev };
  return { ...rest, ...observed, ...(drift === undefined ? {} : { drift }) };
}
