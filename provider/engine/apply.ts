import { isDeepStrictEqual } from "node:util";
import { finding, throwFindings, type Finding } from "../errors";
import type { ApplyRequest, DocumentRevision, NewEvent } from "../model/control";
import { documentLabel, type Document, type HostDocument, type Stored } from "../model/documents";
import { checkReferences, checkRules } from "../model/rules";
import { documentKey, identitiesOf, ownedKey, type DocumentIndex } from "./document-index";
import type { InstallFacts } from "./facts";
import { FactsDraft, type FactsIndex } from "./facts-index";
import { declareHost, forgetHost, type Match, type Randomness } from "./lifecycle";
import { sharesIdentity } from "./view";

/** What a batch is decided by: nothing of it changes meanwhile. */
export interface ApplyState {
  readonly revision: number;
  readonly documents: DocumentIndex;
  readonly facts: FactsIndex;
}

/** What a batch does when all of it is right. */
export interface ApplyPlan {
  readonly revision: number;
  readonly put: readonly Stored[];
  readonly deleted: readonly Document[];
  readonly facts: readonly InstallFacts[];
  readonly forgottenFacts: readonly string[];
  readonly events: readonly NewEvent[];
  /** Revisions of what the batch named, changed or not. */
  readonly revisions: readonly DocumentRevision[];
}

/**
 * Decides a batch as a whole: checked against everything held, and either all of it takes effect or a PxeError with every finding
 * is thrown. A document that is put unchanged keeps its revision; deleting what is missing, or what has another `rev`, does nothing.
 */
export function planApply(state: ApplyState, request: ApplyRequest, now: number, random: Randomness): ApplyPlan {
  const held = new HeldDraft(state.documents);
  const deleted = request.delete.flatMap((item) => {
    const doc = held.get(documentKey({ ...item, owner: request.owner }));
    return doc === undefined || (item.rev !== undefined && item.rev !== doc.rev) ? [] : [doc];
  });
  const moved = movedDocuments(request, held);
  for (const doc of [...deleted, ...moved]) held.remove(doc);
  const others = held.around(request.put);
  throwFindings([...batchFindings(state, request, others), ...checkRules(request.put, others), ...checkReferences(request.put, [...others, ...request.put])]);

  const claimed = new Set(request.claim.map((item) => documentLabel(item)));
  const changed = request.put.filter((doc) => claimed.has(documentLabel(doc)) || !isDeepStrictEqual(withoutRevision(held.get(documentKey(doc))), doc));
  const revision = changed.length + deleted.length === 0 ? state.revision : state.revision + 1;
  const put = changed.map((doc): Stored => ({ ...doc, rev: revision }));
  for (const doc of put) held.put(doc);
  const facts = planFacts(state.facts, movedFacts(state.facts, request, moved), request, deleted, held, now, random);
  return {
    revision, put, deleted: [...deleted, ...moved], ...facts,
    events: [...(revision === state.revision ? [] : [appliedEvent(request, put, deleted)]), ...facts.events],
    revisions: request.put.map((doc) => ({ kind: doc.kind, name: doc.name, rev: held.get(documentKey(doc))?.rev ?? revision })),
  };
}

/** Documents while a batch is decided: what it changes lies over what there is. */
class HeldDraft {
  private readonly changed = new Map<string, Stored | undefined>();

  constructor(private readonly base: DocumentIndex) {}

  get(key: string): Stored | undefined {
    return this.changed.has(key) ? this.changed.get(key) : this.base.get(key);
  }

  put(doc: Stored): void {
    this.changed.set(documentKey(doc), doc);
  }

  remove(doc: Stored): void {
    this.changed.set(documentKey(doc), undefined);
  }

  /** What is held beside the removed that a rule may ask for, by kind, owner and name. */
  around(documents: readonly Document[]): Stored[] {
    const identities = documents.flatMap((doc) => (doc.kind === "host" ? identitiesOf(doc) : []));
    const left = this.base.around(identities).map((doc) => [documentKey(doc), doc] as const).filter(([key]) => !this.changed.has(key));
    return left.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, doc]) => doc);
  }
}

/** What the batch takes over from its previous owner. */
function movedDocuments(request: ApplyRequest, held: HeldDraft): Stored[] {
  const { previousOwner } = request;
  if (previousOwner === undefined || previousOwner === request.owner) return [];
  return request.put.flatMap((doc) => held.get(documentKey({ ...doc, owner: previousOwner })) ?? []);
}

/** The facts of moved hosts under their new owner. */
function movedFacts(held: FactsIndex, request: ApplyRequest, moved: readonly Document[]): FactsDraft {
  const draft = new FactsDraft(held);
  for (const doc of moved) if (doc.kind === "host") for (const facts of held.named(doc)) draft.put({ ...facts, owner: request.owner });
  return draft;
}

function batchFindings(state: ApplyState, request: ApplyRequest, others: readonly Stored[]): Finding[] {
  const findings: Finding[] = [];
  if (request.expectedRevision !== undefined && request.expectedRevision !== state.revision) {
    findings.push(finding("PXE_REVISION_CONFLICT", `the agent is at revision ${String(state.revision)}, not ${String(request.expectedRevision)}`));
  }
  const seen = new Set<string>();
  for (const doc of request.put) {
    const where = [{ document: documentLabel(doc) }];
    if (doc.owner !== request.owner) findings.push(finding("PXE_OWNED_BY_OTHER", `the document is of ${doc.owner}, the batch of ${request.owner}`, { where }));
    if (seen.has(documentKey(doc))) findings.push(finding("PXE_DUPLICATE", "the batch holds the document twice", { where }));
    seen.add(documentKey(doc));
    const foreign = doc.kind === "server" ? others.find((other) => other.kind === "server" && other.owner !== doc.owner) : undefined;
    if (foreign !== undefined && foreign.owner !== request.previousOwner) {
      const there = { document: documentLabel(foreign), owner: foreign.owner };
      findings.push(finding("PXE_OWNED_BY_OTHER", `the agent belongs to ${documentLabel(foreign)} of ${foreign.owner}`, { where: [...where, there] }));
    }
  }
  for (const item of request.arm) {
    if (!request.put.some((doc) => doc.kind === "host" && doc.name === item.host)) {
      findings.push(finding("PXE_UNKNOWN_REFERENCE", `an arming names host/${item.host}, which is not in the batch`, { where: [{ document: `host/${item.host}` }] }));
    }
  }
  return findings;
}

function withoutRevision(doc: Stored | undefined): Document | undefined {
  if (doc === undefined) return undefined;
  const { rev: _rev, ...rest } = doc;
  return rest;
}

function appliedEvent(request: ApplyRequest, put: readonly Document[], deleted: readonly Document[]): NewEvent {
  const parts = [
    ...(put.length === 0 ? [] : [`set ${summary(put)}`]),
    ...(deleted.length === 0 ? [] : [`removed ${summary(deleted)}`]),
  ];
  return { kind: "documents.applied", host: null, mac: null, address: null, text: `${request.owner}: ${parts.join("; ")}` };
}

function summary(docs: readonly Document[]): string {
  const names = docs.map(documentLabel);
  return names.length <= 6 ? names.join(", ") : `${names.slice(0, 5).join(", ")} and ${String(names.length - 5)} more`;
}

interface FactsPlan {
  readonly facts: InstallFacts[];
  readonly forgottenFacts: string[];
  readonly events: NewEvent[];
}

/** Facts of the deleted first, so that a rename inside one batch finds its record, then of each pushed host in order. */
function planFacts(before: FactsIndex, records: FactsDraft, request: ApplyRequest, deleted: readonly Document[], held: HeldDraft, now: number, random: Randomness): FactsPlan {
  const touched = new Set<string>();
  const forgotten = new Set<string>();
  const events: NewEvent[] = [];
  const pushed = request.put.filter((doc) => doc.kind === "host");
  const armings = new Map(request.arm.map((item) => [item.host, item]));
  const known = new Map(request.facts.map((item) => [item.host, item]));
  for (const document of pushed) {
    const declaration = { document, matches: matchesOf(document, records.of(document), held), arming: armings.get(document.name), known: known.get(document.name) };
    const change = declareHost(declaration, now, random);
    for (const id of change.removed) {
      records.remove(id);
      touched.delete(id);
      forgotten.add(id);
    }
    if (!isDeepStrictEqual(before.get(change.facts.id), change.facts)) touched.add(change.facts.id);
    records.put(change.facts);
    events.push(...change.events);
  }
  const gone = deleted.filter((doc) => doc.kind === "host" && held.get(documentKey(doc)) === undefined);
  for (const facts of gone.flatMap((doc) => records.named(doc))) {
    const change = forgetHost(facts, now);
    if (change === undefined) continue;
    records.put(change.facts);
    touched.add(change.facts.id);
    events.push(...change.events);
  }
  return { facts: [...touched].flatMap((id) => records.get(id) ?? []), forgottenFacts: [...forgotten], events };
}

/**
 * The records that know the host. Its own is claimed; another's is taken over only when the host has none of its own (a rename)
 * and the other's document is gone or loses an identity to this one.
 */
function matchesOf(document: HostDocument, records: readonly InstallFacts[], held: HeldDraft): Match[] {
  const own = records.some((facts) => ownedKey(facts) === ownedKey(document));
  return records.map((facts) => {
    if (ownedKey(facts) === ownedKey(document)) return { facts, claimed: true };
    const live = held.get(`host ${ownedKey(facts)}`);
    const yields = live === undefined || (live.kind === "host" && sharesIdentity(live, document));
    return { facts, claimed: !own && yields };
  });
}
