import { PxeError, errorText, pxeError } from "../errors";
import { documentLabel, schemaVersion, type ServerDocument, type Stored } from "../model/documents";
import { isUnreachable, type ControlClient } from "./control";
import type { DeployRequest, RemoveRequest } from "./request";

/**
 * Asks a running agent whether it would take the server document of a deployment, before anything is changed for it.
 * @throws PXE_OWNED_BY_OTHER
 */
export async function refuseForeign(client: ControlClient, request: DeployRequest): Promise<void> {
  const { document, owner, previousOwner, server } = request;
  if (document === undefined) return;
  const put: ServerDocument[] = [{ kind: "server", name: document.name, owner, schemaVersion, spec: server }];
  try {
    await client.apply({ owner, put, dryRun: true, ...(previousOwner === undefined ? {} : { previousOwner }) });
  } catch (error) {
    // Everything else is told by the push itself, to an agent that knows this package's documents.
    if (error instanceof PxeError && error.findings.some((item) => item.code === "PXE_OWNED_BY_OTHER")) throw error;
  }
}

/**
 * What a removal may take away. `all`: the agent. `unheard`: the agent, which did not drop the owner's documents, so that the
 * next one has to. `key`: the owner's control key; the agent serves others. `nothing`: another resource of this owner has it.
 */
export type Withdrawal = "all" | "unheard" | "key" | "nothing";

/**
 * Deletes this owner's documents. Where the agent doesn't answer, the owners of control keys stand for the owners of documents.
 * @throws PXE_SERVER_SHARED where the agent is this owner's and others have documents there
 */
export async function withdrawOwner(client: ControlClient, request: RemoveRequest, keyOwners: readonly string[], label: string): Promise<Withdrawal> {
  const documents = await heldDocuments(client);
  if (documents === undefined) {
    const others = [...new Set(keyOwners.filter((owner) => owner !== request.owner))];
    if (others.length > 0) throw shared(label, others.join(", "), "; the agent does not answer, so that their control keys had to tell");
    return "unheard";
  }
  const own = documents.filter((document) => document.owner === request.owner);
  const others = documents.filter((document) => document.owner !== request.owner);
  const successor = own.find((document) => succeeds(document, request));
  if (successor !== undefined) {
    await dropPredecessor(client, request, own);
    request.progress(`the agent on ${label} stays: ${documentLabel(successor)} of ${request.owner} has taken it over`);
    return "nothing";
  }
  if (others.length > 0) {
    const isOurs = own.some((document) => document.kind === "server") || (own.length > 0 && !others.some((document) => document.kind === "server"));
    if (isOurs) throw shared(label, describe(others), "");
    await drop(client, request, own);
    request.progress(`the agent on ${label} stays: it serves ${describe(others)}`);
    return "key";
  }
  try {
    await drop(client, request, own);
    return "all";
  } catch (error) {
    request.progress(`the agent on ${label} did not drop the documents of ${request.owner}, the next one will: ${errorText(error)}`);
    return "unheard";
  }
}

async function heldDocuments(client: ControlClient): Promise<readonly Stored[] | undefined> {
  try {
    return await client.documents();
  } catch (error) {
    if (isUnreachable(error)) return undefined;
    throw error;
  }
}

/** Renamed or moved resources are made before the old ones are deleted: what stands there then is not ours any more. */
function succeeds(document: Stored, { document: left }: RemoveRequest): boolean {
  return left !== undefined && document.kind === "server" && (document.name !== left.name || document.rev > left.rev);
}

async function dropPredecessor(client: ControlClient, request: RemoveRequest, own: readonly Stored[]): Promise<void> {
  const { document: left } = request;
  const predecessor = own.find((document) => document.kind === "server" && document.name === left?.name && document.rev <= left.rev);
  if (predecessor !== undefined) await drop(client, request, [predecessor]);
}

async function drop(client: ControlClient, request: RemoveRequest, documents: readonly Stored[]): Promise<void> {
  if (documents.length === 0) return;
  await client.apply({ owner: request.owner, delete: documents.map(({ kind, name, rev }) => ({ kind, name, rev })) });
}

function shared(label: string, owners: string, hint: string): PxeError {
  return pxeError("PXE_SERVER_SHARED", `the agent on ${label} also serves ${owners}${hint}`);
}

function describe(documents: readonly Stored[]): string {
  const byOwner = new Map<string, string[]>();
  for (const document of documents) byOwner.set(document.owner, [...(byOwner.get(document.owner) ?? []), documentLabel(document)]);
  const some = (names: readonly string[]): string => `${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${String(names.length - 5)} more` : ""}`;
  return [...byOwner].map(([owner, names]) => `${owner} (${some(names)})`).join("; ");
}
