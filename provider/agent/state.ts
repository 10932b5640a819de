import { randomBytes, randomUUID } from "node:crypto";
import { pxeError } from "../errors";
import { planApply, type ApplyPlan } from "../engine/apply";
import type { HostRecord, InstallFacts } from "../engine/facts";
import { reportProgress, type FactsChange, type Progress, type Randomness } from "../engine/lifecycle";
import { DocumentView, documentKey, ownedKey, type StateView } from "../engine/view";
import type { ApplyRequest, NewEvent } from "../model/control";
import type { HostDocument, Stored } from "../model/documents";
import type { Snapshot, Store, StoreWrite } from "./store/port";

const randomness: Randomness = { id: () => randomUUID(), token: () => randomBytes(24).toString("base64url") };

/** How often a change is decided again after somebody else changed the store. */
const attempts = 5;

/** Documents and facts in memory, changed only through the store: a change is visible once it is on stable storage. */
export class AgentState implements StateView {
  private revisionNumber: number;
  private readonly documents: Map<string, Stored>;
  private readonly facts: Map<string, InstallFacts>;
  private view: DocumentView;
  /** Changes are decided one after the other, each on what the one before left. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(snapshot: Snapshot, private readonly store: Store, private readonly clock: () => number, private readonly emit: (event: NewEvent) => void) {
    this.documents = new Map();
    this.facts = new Map();
    this.revisionNumber = 0;
    this.view = this.adopt(snapshot);
  }

  get revision(): number { return this.revisionNumber; }
  get server(): StateView["server"] { return this.view.server; }
  get subnets(): StateView["subnets"] { return this.view.subnets; }
  hostByMac(mac: string): HostRecord | undefined { return this.view.hostByMac(mac); }
  hostByAddress(address: string): HostRecord | undefined { return this.view.hostByAddress(address); }
  hostByToken(token: string): HostRecord | undefined { return this.view.hostByToken(token); }
  hosts(): Iterable<HostRecord> { return this.view.hosts(); }

  /** Every document, by kind, owner and name. */
  allDocuments(): Stored[] {
    return [...this.documents.values()].toSorted((a, b) => (documentKey(a) < documentKey(b) ? -1 : 1));
  }

  /** Every install record, also of hosts that are no longer declared. */
  allFacts(): InstallFacts[] {
    return [...this.facts.values()].toSorted((a, b) => (ownedKey(a) < ownedKey(b) ? -1 : 1));
  }

  /** Applies a batch. @throws PxeError with every finding when any of it is wrong; then nothing has changed */
  apply(request: ApplyRequest): Promise<ApplyPlan> {
    return this.change(() => {
      const plan = planApply({ revision: this.revisionNumber, documents: this.allDocuments(), facts: this.allFacts() }, request, this.clock(), randomness);
      return request.dryRun ? { result: plan, writes: [], events: [] } : { result: plan, writes: planWrites(this.revisionNumber, plan), events: plan.events };
    });
  }

  /** A token's POST. @returns undefined when no install has this token */
  progress(token: string, progress: Progress): Promise<FactsChange | undefined> {
    return this.change(() => {
      const host = this.hostByToken(token);
      if (host === undefined) return { result: undefined, writes: [], events: [] };
      const change = reportProgress(host.facts, progress, this.clock());
      const same = change.facts === host.facts;
      return { result: change, writes: same ? [] : [{ type: "facts.put", facts: change.facts }], events: change.events };
    });
  }

  private change<T>(decide: () => { result: T; writes: StoreWrite[]; events: readonly NewEvent[] }): Promise<T> {
    const run = this.queue.then(() => this.changeNow(decide));
    this.queue = run.catch(() => undefined);
    return run;
  }

  private async changeNow<T>(decide: () => { result: T; writes: StoreWrite[]; events: readonly NewEvent[] }): Promise<T> {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const { result, writes, events } = decide();
      const outcome = writes.length === 0 ? "ok" : await this.store.commit(writes);
      if (outcome === "ok") {
        this.absorb(writes);
        for (const event of events) this.emit(event);
        return result;
      }
      this.view = this.adopt(this.store.load());
    }
    throw pxeError("PXE_REVISION_CONFLICT", "the store kept changing underneath");
  }

  private adopt(snapshot: Snapshot): DocumentView {
    this.revisionNumber = snapshot.revision;
    this.documents.clear();
    this.facts.clear();
    for (const doc of snapshot.documents) this.documents.set(documentKey(doc), doc);
    for (const facts of snapshot.facts) this.facts.set(facts.id, facts);
    return this.indexed();
  }

  private absorb(writes: readonly StoreWrite[]): void {
    let reindex = false;
    for (const write of writes) {
      if (write.type === "document.put") this.documents.set(documentKey(write.document), write.document);
      else if (write.type === "document.delete") this.documents.delete(documentKey(write));
      else if (write.type === "facts.put") this.facts.set(write.facts.id, write.facts);
      else if (write.type === "facts.delete") this.facts.delete(write.id);
      else if (write.type === "revision") this.revisionNumber = write.to;
      reindex = true;
    }
    if (reindex) this.view = this.indexed();
  }

  private indexed(): DocumentView {
    const byOwner = new Map([...this.facts.values()].map((facts) => [ownedKey(facts), facts]));
    const byToken = new Map([...this.facts.values()].flatMap((facts) => (facts.token === null ? [] : [[facts.token, facts] as const])));
    return new DocumentView([...this.documents.values()], (host) => byOwner.get(ownedKey(host)) ?? unknownFacts(host), (token) => byToken.get(token));
  }
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
