import { randomBytes, randomUUID } from "node:crypto";
import { pxeError } from "../errors";
import { planApply, type ApplyPlan } from "../engine/apply";
import { DocumentIndex, documentKey, ownedKey } from "../engine/document-index";
import type { HostRecord, InstallFacts } from "../engine/facts";
import { FactsIndex } from "../engine/facts-index";
import { reportProgress, type FactsChange, type Progress, type Randomness } from "../engine/lifecycle";
import { DocumentView, type StateView } from "../engine/view";
import type { ApplyRequest, NewEvent } from "../model/control";
import type { HostDocument, Stored } from "../model/documents";
import type { Snapshot, Store, StoreWrite } from "./store/port";

const randomness: Randomness = { id: () => randomUUID(), token: () => randomBytes(24).toString("base64url") };

/** How often a change is decided again after somebody else changed the store. */
const attempts = 5;

/** How often facts that could not be stored are written again, in milliseconds. */
const retryEvery = 5_000;

/** Tokens remembered of installs whose end could not be stored at once. */
const spentTokens = 1024;

/**
 * Documents and facts in memory, changed only through the store: a change is visible once it is on stable storage. A machine's
 * report is the exception: it only ever leads away from installing again, so where it can't be stored it holds at once, and is
 * written again until it is.
 */
export class AgentState implements StateView {
  private revisionNumber: number;
  private readonly documents = new DocumentIndex();
  private readonly facts = new FactsIndex();
  private readonly view = new DocumentView(
    this.documents, (host) => this.factsOf(host) ?? unknownFacts(host), (token) => this.facts.byToken(token) ?? this.spentBy(token),
  );
  /** Changes are decided one after the other, each on what the one before left. */
  private queue: Promise<unknown> = Promise.resolve();
  /** Facts that memory holds and the store does not, by id. */
  private readonly unsaved = new Map<string, InstallFacts>();
  /** Facts' ids by a token that ended while it could not be stored: its installer was told 503 and asks again. */
  private readonly spent = new Map<string, string>();
  private retry: NodeJS.Timeout | undefined;

  /** @param retryAfter milliseconds until facts that could not be stored are written again */
  constructor(
    snapshot: Snapshot, private readonly store: Store, private readonly clock: () => number, private readonly emit: (event: NewEvent) => void,
    private readonly retryAfter = retryEvery,
  ) {
    this.revisionNumber = snapshot.revision;
    this.adopt(snapshot);
  }

  get revision(): number { return this.revisionNumber; }
  get version(): number { return this.view.version; }
  get server(): StateView["server"] { return this.view.server; }
  get subnets(): StateView["subnets"] { return this.view.subnets; }
  hostByMac(mac: string): HostRecord | undefined { return this.view.hostByMac(mac); }
  hostByAddress(address: string): HostRecord | undefined { return this.view.hostByAddress(address); }
  hostByToken(token: string): HostRecord | undefined { return this.view.hostByToken(token); }
  hosts(): Iterable<HostRecord> { return this.view.hosts(); }
  hostByName(named: { readonly owner: string; readonly name: string }): HostRecord | undefined { return this.view.hostByName(named); }

  /** Whether memory holds facts that the store does not. */
  get hasUnsaved(): boolean { return this.unsaved.size > 0; }

  /** Every document, by kind, owner and name. */
  allDocuments(): Stored[] {
    return [...this.documents.all()].sort((a, b) => (documentKey(a) < documentKey(b) ? -1 : 1));
  }

  /** Every install record, also of hosts that are no longer declared. */
  allFacts(): InstallFacts[] {
    return [...this.facts.all()].sort((a, b) => (ownedKey(a) < ownedKey(b) ? -1 : 1));
  }

  /** The install record of that name. */
  factsOf(named: { readonly owner: string; readonly name: string }): InstallFacts | undefined {
    return this.facts.named(named).at(-1);
  }

  /** Applies a batch. @throws PxeError with every finding when any of it is wrong; then nothing has changed */
  apply(request: ApplyRequest): Promise<ApplyPlan> {
    return this.change(() => {
      const plan = planApply({ revision: this.revisionNumber, documents: this.documents, facts: this.facts }, request, this.clock(), randomness);
      return request.dryRun ? { result: plan, writes: [], events: [] } : { result: plan, writes: planWrites(this.revisionNumber, plan), events: plan.events };
    });
  }

  /** Makes a last attempt at what could not be stored. */
  async close(): Promise<void> {
    clearTimeout(this.retry);
    await this.save();
    clearTimeout(this.retry);
  }

  /**
   * A token's POST. Rejects when it could not be stored; it holds nevertheless, and the same POST resolves once it is stored.
   * @returns undefined when no install has this token
   */
  progress(token: string, progress: Progress): Promise<FactsChange | undefined> {
    return this.change<FactsChange | undefined>(() => {
      const host = this.hostByToken(token);
      if (host === undefined) return { result: undefined, writes: [], events: [] };
      const { facts } = host;
      const isRepeat = facts.token !== token;
      const change = isRepeat ? { facts, removed: [], events: [] } : reportProgress(facts, progress, this.clock());
      const stored = change.facts === facts && !this.unsaved.has(facts.id);
      return { result: change, writes: stored ? [] : [{ type: "facts.put", facts: change.facts }], events: change.events, holds: true };
    });
  }

  private change<T>(decide: () => Change<T>): Promise<T> {
    const run = this.queue.then(() => this.changeNow(decide));
    this.queue = run.catch(() => undefined);
    return run;
  }

  private async changeNow<T>(decide: () => Change<T>): Promise<T> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const { result, writes, events, holds } = decide();
      const outcome = writes.length === 0 ? "ok" : await this.store.commit(writes).catch((error: unknown) => {
        if (holds === true) this.hold(writes, events);
        throw error;
      });
      if (outcome === "ok") {
        for (const write of writes) this.unsaved.delete(write.type === "facts.put" ? write.facts.id : write.type === "facts.delete" ? write.id : "");
        this.absorb(writes);
        for (const event of events) this.emit(event);
        return result;
      }
      const held = this.store.load();
      this.adopt(held);
      for (const { reason } of held.problems ?? []) this.alert(`a stored document can't be used and is left out: ${reason}`);
    }
    throw pxeError("PXE_REVISION_CONFLICT", "the store kept changing underneath");
  }

  /** Lets facts hold that are not stored, and sees to it that they will be. */
  private hold(writes: readonly StoreWrite[], events: readonly NewEvent[]): void {
    const isFirst = this.unsaved.size === 0;
    for (const write of writes) {
      if (write.type !== "facts.put") continue;
      const { facts } = write;
      const before = this.facts.get(facts.id)?.token ?? null;
      if (before !== null && facts.token !== before) this.spent.set(before, facts.id);
      this.unsaved.set(facts.id, facts);
    }
    for (const token of this.spent.keys()) if (this.spent.size > spentTokens) this.spent.delete(token);
    this.absorb(writes);
    for (const event of events) this.emit(event);
    if (isFirst) {
      this.alert("a machine's report could not be stored: it holds while this agent runs, and is written again until it is stored");
    }
    this.saveLater();
  }

  private alert(text: string): void {
    this.emit({ kind: "alert", host: null, mac: null, address: null, text });
  }

  private saveLater(): void {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.save(), this.retryAfter).unref();
  }

  private save(): Promise<void> {
    return this.change<undefined>(() => ({ result: undefined, writes: [...this.unsaved.values()].map((facts) => ({ type: "facts.put", facts })), events: [] }))
      .catch(() => { this.saveLater(); });
  }

  private adopt(snapshot: Snapshot): void {
    this.revisionNumber = snapshot.revision;
    this.documents.clear();
    this.facts.clear();
    for (const doc of snapshot.documents) this.documents.put(doc);
    for (const facts of [...snapshot.facts, ...this.unsaved.values()]) this.facts.put(facts);
  }

  private absorb(writes: readonly StoreWrite[]): void {
    for (const write of writes) {
      if (write.type === "document.put") this.documents.put(write.document);
      else if (write.type === "document.delete") this.documents.remove(documentKey(write));
      else if (write.type === "facts.put") this.facts.put(write.facts);
      else if (write.type === "facts.delete") this.facts.remove(write.id);
      else if (write.type === "revision") this.revisionNumber = write.to;
    }
  }

  /** A host that was armed again has another token, and the old one is worth nothing. */
  private spentBy(token: string): InstallFacts | undefined {
    const facts = this.facts.get(this.spent.get(token) ?? "");
    return facts?.token === null ? facts : undefined;
  }
}

interface Change<T> {
  readonly result: T;
  readonly writes: StoreWrite[];
  readonly events: readonly NewEvent[];
  /** Whether it takes effect even where it can't be stored. */
  readonly holds?: boolean;
}

/** A superseded host whose record went over to its successor, or one from a store that was edited by hand: boots from its disk. */
function unknownFacts(host: Stored<HostDocument>): InstallFacts {
  return {
    id: "", owner: host.owner, name: host.name, macs: host.spec.macs, uuids: [], state: "adopted", since: 0, reason: "nothing is recorded of it",
    token: null, armedUntil: null, installedAt: null, consumed: [], sshHostKeys: [],
  };
}

function planWrites(revision: number, plan: ApplyPlan): StoreWrite[] {
  return [
    ...(plan.revision === revision ? [] : [{ type: "revision", from: revision, to: plan.revision } as const]),
    ...plan.deleted.map((doc): StoreWrite => ({ type: "document.delete", kind: doc.kind, owner: doc.owner, name: doc.name })),
    ...plan.put.map((document): StoreWrite => ({ type: "document.put", document })),
    ...plan.forgottenFacts.map((id): StoreWrite => ({ type: "facts.delete", id })),
    ...plan.facts.map((facts): StoreWrite => ({ type: "facts.put", facts })),
  ];
}
