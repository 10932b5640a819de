import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { InstallFacts } from "../../engine/facts";
import type { Lease } from "../../engine/leases";
import { mayInstall } from "../../engine/lifecycle";
import { documentKey, ownedKey } from "../../engine/view";
import type { AgentEvent } from "../../model/control";
import type { Stored } from "../../model/documents";
import type { Snapshot, StoreWrite, UnreadRow } from "./port";
import { documentRow, factsRow, leaseRow, parsed, type Row } from "./rows";
import { revisionOf } from "./schema";

/** What a damaged database gives, with what its copy adds. */
export interface Salvaged {
  readonly revision: number;
  readonly documents: readonly Stored[];
  readonly facts: readonly InstallFacts[];
  readonly leases: readonly Lease[];
  readonly events: readonly AgentEvent[];
}

/** What could be read of one file. */
interface Readable {
  readonly revision: number;
  readonly documents: Part<Stored>;
  readonly facts: Part<InstallFacts>;
  readonly leases: Part<Lease>;
  readonly events: Part<AgentEvent>;
}

interface Part<T> {
  readonly rows: readonly T[];
  /** Whether these are all. */
  readonly whole: boolean;
}

/**
 * Reads what can be read of a damaged database and of the documents' copy. Whatever is doubtful ends away from installing: an order stands
 * only where every document and every record is surely the last one, since it would go to the machine that an older document names; and a
 * host without a record gets one that says so.
 */
export function salvage(path: string, copyPath: string, now: number): Salvaged {
  const own = readFile(path);
  const copy = readFile(copyPath);
  // An agent that never held anything has nothing to say of what is gone, nor has one that is behind its own copy.
  const isSure = (part: Part<unknown>): boolean => part.whole && own.revision > 0 && own.revision >= copy.revision;
  // Of two sound files the copy may be ahead, where somebody has put an old database back: it knows what was deleted since.
  const isBehind = own.revision > 0 && own.revision < copy.revision && [own, copy].every((file) => file.documents.whole && file.facts.whole);
  const documents = isSure(own.documents) ? own.documents.rows : isBehind ? copy.documents.rows : newest([...copy.documents.rows, ...own.documents.rows], documentKey, (doc) => doc.rev);
  const held = isSure(own.facts) ? own.facts.rows : isBehind ? copy.facts.rows : newest([...copy.facts.rows, ...own.facts.rows], (item) => item.id, (item) => item.since);
  const facts = isSure(own.documents) && isSure(own.facts) ? held : held.map((item) => disarmed(item, now));
  const leases = own.leases.whole ? own.leases.rows : newest([...rawLeases(path), ...rawLeases(`${path}-wal`), ...own.leases.rows], (lease) => lease.address, (lease) => lease.expiresAt);
  // Above all that was ever given out: a revision must not come a second time.
  const revision = 1 + Math.max(own.revision, copy.revision, ...documents.map((doc) => doc.rev));
  return { revision, documents, facts: [...facts, ...unknownHosts(documents, facts, now)], leases, events: own.events.rows };
}

/** What takes the place of rows that can't be understood. */
export interface Mended {
  readonly documents: readonly Stored[];
  readonly facts: readonly InstallFacts[];
  /** What of it the database lacks. */
  readonly writes: readonly StoreWrite[];
  /** Rows that the copy doesn't have either. */
  readonly problems: readonly UnreadRow[];
}

/** Takes from the documents' copy what a sound database holds in rows that can't be understood; what is doubtful is no order here either. */
export function mend({ documents, facts, problems = [] }: Snapshot, copyPath: string, now: number): Mended {
  const copy = readFile(copyPath);
  const lost = (table: UnreadRow["table"]): Set<string> => new Set(problems.filter((row) => row.table === table).map((row) => row.key));
  const [lostDocuments, lostFacts] = [lost("documents"), lost("facts")];
  const oldDocuments = copy.documents.rows.filter((doc) => lostDocuments.has(documentKey(doc)));
  const oldFacts = copy.facts.rows.filter((item) => lostFacts.has(item.id));
  const allDocuments = [...documents, ...oldDocuments];
  const known = [...facts, ...oldFacts].map((item) => (oldDocuments.length > 0 || lostFacts.has(item.id) ? disarmed(item, now) : item));
  const allFacts = [...known, ...(lostFacts.size > 0 ? unknownHosts(allDocuments, known, now) : [])];
  const before = new Set(facts);
  const found = new Set([...oldDocuments.map(documentKey), ...oldFacts.map((item) => item.id)]);
  return {
    documents: allDocuments, facts: allFacts, problems: problems.filter((row) => !found.has(row.key)),
    writes: [
      ...oldDocuments.map((document): StoreWrite => ({ type: "document.put", document })),
      ...allFacts.filter((item) => !before.has(item)).map((item): StoreWrite => ({ type: "facts.put", facts: item })),
    ],
  };
}

/** The revision that a file tells of; 0 where it tells nothing. */
export function heldRevision(path: string): number {
  if (!existsSync(path)) return 0;
  try {
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      return attempt(db, revisionOf) ?? 0;
    } finally {
      db.close();
    }
  } catch {
    return 0;
  }
}

/** What makes a new database of it. */
export function* salvageWrites(found: Salvaged): Generator<StoreWrite> {
  yield { type: "revision", from: 0, to: found.revision };
  for (const document of found.documents) yield { type: "document.put", document };
  for (const facts of found.facts) yield { type: "facts.put", facts };
  for (const lease of found.leases) yield { type: "lease.put", lease };
  for (const event of found.events) yield { type: "event.put", event };
}

function disarmed(facts: InstallFacts, now: number): InstallFacts {
  if (!mayInstall(facts.state)) return facts;
  return { ...facts, state: "adopted", since: now, reason: "its order to install was void with a damaged database: boots from its disk", token: null, armedUntil: null };
}

/** A record for each host that has none: nobody may take it for a new machine. */
function unknownHosts(documents: readonly Stored[], facts: readonly InstallFacts[], now: number): InstallFacts[] {
  const known = new Set(facts.map(ownedKey));
  return documents.flatMap((doc) => (doc.kind === "host" && !known.has(ownedKey(doc)) ? [unknown(doc, now)] : []));
}

function unknown(host: Stored & { kind: "host" }, now: number): InstallFacts {
  return {
    id: randomUUID(), owner: host.owner, name: host.name, macs: host.spec.macs, uuids: host.spec.uuid === undefined ? [] : [host.spec.uuid], state: "adopted", since: now,
    reason: "what was known of it was lost with a damaged database: boots from its disk", token: null, armedUntil: null, installedAt: null, consumed: [], sshHostKeys: [],
  };
}

/** Of the rows of one key the one that counts most; on a tie the later. */
function newest<T>(rows: readonly T[], keyOf: (row: T) => string, rank: (row: T) => number): T[] {
  const best = new Map<string, T>();
  for (const row of rows) {
    const other = best.get(keyOf(row));
    if (other === undefined || rank(row) >= rank(other)) best.set(keyOf(row), row);
  }
  return [...best.values()];
}

function readFile(path: string): Readable {
  const none = { rows: [], whole: false };
  const nothing: Readable = { revision: 0, documents: none, facts: none, leases: none, events: none };
  if (!existsSync(path)) return nothing;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true });
    return {
      revision: attempt(db, revisionOf) ?? 0,
      documents: readTable(db, "documents", "kind, owner, name", documentRow),
      facts: readTable(db, "facts", "id", factsRow),
      leases: readTable(db, "leases", "address", (json) => asRow(leaseRow(json))),
      events: readTable(db, "events", "id", (json) => asRow(parsed(json) as AgentEvent | undefined)),
    };
  } catch {
    return nothing;
  } finally {
    db?.close();
  }
}

function attempt<T>(db: DatabaseSync, read: (db: DatabaseSync) => T): T | undefined {
  try {
    return read(db);
  } catch {
    return undefined;
  }
}

function asRow<T>(value: T | undefined): Row<T> {
  return value === undefined ? { ok: false, reason: "" } : { ok: true, value };
}

/** From its beginning to the first page that can't be read, and from its end: what lies between two such pages is lost. */
function readTable<T>(db: DatabaseSync, table: string, key: string, read: (json: string) => Row<T>): Part<T> {
  const forward = readUntilDamage(db, `SELECT json FROM ${table} ORDER BY ${key}`, read);
  if (forward.whole) return forward;
  const backward = readUntilDamage(db, `SELECT json FROM ${table} ORDER BY ${key.split(", ").map((column) => `${column} DESC`).join(", ")}`, read);
  return { rows: [...forward.rows, ...backward.rows.toReversed()], whole: false };
}

function readUntilDamage<T>(db: DatabaseSync, sql: string, read: (json: string) => Row<T>): Part<T> {
  const rows: T[] = [];
  let whole = true;
  try {
    for (const found of db.prepare(sql).iterate()) {
      const row = read(String(found["json"]));
      if (row.ok) rows.push(row.value);
      else whole = false;
    }
    return { rows, whole };
  } catch {
    return { rows, whole: false };
  }
}

const opening = Buffer.from('{"address":"');

/** A lease's row is shorter than what SQLite splits over pages. */
const longestLease = 2048;

/**
 * Leases by their text in the file's bytes, whatever became of the pages around them. Rows that were replaced may be among them: of
 * one address the one that ends last counts, so that an address is rather kept too long than given to two.
 */
function rawLeases(path: string): Lease[] {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  const leases: Lease[] = [];
  for (let at = bytes.indexOf(opening); at !== -1; at = bytes.indexOf(opening, at + 1)) {
    const end = bytes.indexOf("}", at);
    if (end === -1 || end - at > longestLease) continue;
    const lease = leaseRow(bytes.toString("utf8", at, end + 1));
    if (lease !== undefined) leases.push(lease);
  }
  return leases;
}
