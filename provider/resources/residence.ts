import * as z from "zod";
import type { Connection } from "../deploy/connection";
import { PxeError, type ErrorCode } from "../errors";
import type { ApplyResult, Arming, KnownFact } from "../model/control";
import { documentLabel, schemaVersion, type Document, type DocumentKind, type DocumentOf, type Stored } from "../model/documents";
import type { Connections, Link } from "./connections";
import { nameOf, outputsVersion, text, type Plain } from "./definition";

export const connectionSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("local") }),
  z.strictObject({ kind: z.literal("ssh"), host: z.string(), port: z.int(), hostKey: z.string().optional() }),
]);

/** Where a resource's agent is: kept among the outputs, since nothing else reaches a later delete. */
export interface Residence extends Link {
  readonly owner: string;
  readonly name: string;
}

function residence(values: Plain, name: string): Residence {
  const connection = connectionSchema.parse(values["connection"]) as Connection;
  return { owner: text(values, "owner"), name, connection, controlKey: text(values, "controlKey") };
}

/** Where the last operation left it. */
export function residenceIn(outputs: Plain): Residence {
  return residence(outputs, text(outputs, "name"));
}

/** Where it is asked to be. */
export function residenceFor(inputs: Plain): Residence {
  return residence(inputs, nameOf(inputs));
}

export function documentOf<K extends DocumentKind>(kind: K, at: { owner: string; name: string }, spec: DocumentOf<K>["spec"]): DocumentOf<K> {
  return { kind, name: at.name, owner: at.owner, schemaVersion, spec };
}

function samePlace(one: Residence, other: Residence): boolean {
  return JSON.stringify(one.connection) === JSON.stringify(other.connection);
}

/** What a push left, and the outputs that every child resource has. */
export interface Left {
  readonly result: ApplyResult;
  readonly outputs: Record<string, unknown>;
}

/** Makes the agent hold a document, and no other place or name hold it any longer. */
export async function placeDocument(
  connections: Connections, document: Document, inputs: Plain, outputs: Plain | undefined,
  more: { readonly arm?: readonly Arming[]; readonly facts?: readonly KnownFact[] } = {},
): Promise<Left> {
  const at = residenceFor(inputs);
  const before = outputs === undefined ? undefined : residenceIn(outputs);
  const stays = before !== undefined && samePlace(before, at);
  const old = stays && before.name !== at.name && outputs !== undefined ? [deletion(document.kind, outputs)] : [];
  const result = await connections.push(at, at.owner, { put: [document], delete: old, ...more });
  if (!stays && outputs !== undefined) await leave(connections, document, outputs);
  const rev = result.documents.find((item) => item.kind === document.kind && item.name === document.name)?.rev ?? result.revision;
  const { owner, name, connection, controlKey } = at;
  const server = inputs["server"] === undefined ? {} : { server: inputs["server"] };
  return { result, outputs: { schemaVersion: outputsVersion, owner, name, ...server, connection, controlKey, rev } };
}

/** After a move to another agent the old one may be gone already: that is no reason to fail. */
async function leave(connections: Connections, document: Document, outputs: Plain): Promise<void> {
  try {
    await removeDocument(connections, document.kind, outputs);
  } catch (error) {
    if (!(error instanceof PxeError)) throw error;
    console.warn(`${documentLabel(document)} moved; its old agent still holds it: ${error.message}`);
  }
}

/** Deletes what was left, and not what took its name since. */
function deletion(kind: DocumentKind, outputs: Plain): { kind: DocumentKind; name: string; rev?: number } {
  const rev = outputs["rev"];
  const conditional = typeof rev === "number" && outputs["drift"] === undefined;
  return { kind, name: text(outputs, "name"), ...(conditional ? { rev } : {}) };
}

/** Deletes a document where it was left; succeeds where it is missing. */
export async function removeDocument(connections: Connections, kind: DocumentKind, outputs: Plain): Promise<void> {
  const at = residenceIn(outputs);
  await connections.push(at, at.owner, { delete: [deletion(kind, outputs)] });
}

/** Codes that say "the target answers, its agent doesn't": the server's own update mends that, then the children's. */
const agentGone: readonly ErrorCode[] = ["PXE_AGENT_UNREACHABLE", "PXE_CONTROL_KEY_REFUSED"];

/** What a document's outputs should say of it now: `drift` where it is not as it was left. Throws where the target can't be reached. */
export async function observeDocument(connections: Connections, kind: DocumentKind, outputs: Plain): Promise<{ drift: string | undefined; stored: Stored | undefined }> {
  const at = residenceIn(outputs);
  try {
    const { documents } = await connections.snapshot(at);
    const stored = documents.find((doc) => doc.kind === kind && doc.name === at.name && doc.owner === at.owner);
    if (stored === undefined) return { drift: "it is missing on the agent", stored };
    return { drift: stored.rev === outputs["rev"] ? undefined : "it was changed on the agent", stored };
  } catch (error) {
    if (!(error instanceof PxeError) || !agentGone.includes(error.code)) throw error;
    return { drift: "the agent doesn't answer", stored: undefined };
  }
}

/** The outputs with `drift` set or taken away. */
export function withDrift(outputs: Plain, drift: string | undefined): Record<string, unknown> {
  const { drift: _old, ...rest } = outputs;
  return drift === undefined ? rest : { ...rest, drift };
}
