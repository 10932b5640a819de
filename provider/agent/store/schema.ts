import { chmodSync, existsSync, rmSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { errorText } from "../../errors";
import { isFull } from "./failure";
import type { StoreWrite } from "./port";

/** Changes only add: the release before this one must be able to run on the same file. */
const tables = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS documents (kind TEXT, owner TEXT, name TEXT, json TEXT NOT NULL, PRIMARY KEY (kind, owner, name)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS facts (id TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leases (address TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, json TEXT NOT NULL);
  INSERT OR IGNORE INTO meta VALUES ('revision', 0);
`;

/** Events kept on disk, after how many more the older ones are removed, and how many at once: a database may have far too many. */
const keptEvents = 20_000;
const pruneEvery = 1_000;
const prunedAtOnce = 5_000;

export interface Statements {
  readonly putDocument: StatementSync;
  readonly deleteDocument: StatementSync;
  readonly putFacts: StatementSync;
  readonly deleteFacts: StatementSync;
  readonly putLease: StatementSync;
  readonly deleteLease: StatementSync;
  readonly deleteEndedLease: StatementSync;
  readonly putEvent: StatementSync;
  readonly pruneEvents: StatementSync;
  readonly putRevision: StatementSync;
  readonly putHistory: StatementSync;
  /** Events stored since the database was opened. */
  storedEvents: number;
}

/**
 * Opens a database file, makes its tables, and takes everybody else's rights away.
 * @param settings pragmas, before the first access
 * @throws what SQLite and the system throw
 */
export function openDatabase(path: string, settings: string): DatabaseSync {
  try {
    return opened(path, settings);
  } catch (error) {
    if (!isFull(error) || !existsSync(path)) throw error;
    // With a lock of its own SQLite needs no shared-memory file, for which there may be no room: what is stored can be read.
    return opened(path, `PRAGMA locking_mode = EXCLUSIVE; ${settings}`);
  }
}

function opened(path: string, settings: string): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    // SQLite gives the files beside it the database's own mode.
    for (const file of [path, `${path}-wal`, `${path}-shm`]) makePrivate(file, 0o600);
    db.exec(`PRAGMA busy_timeout = 2000; ${settings}`);
    db.exec(tables);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function prepare(db: DatabaseSync): Statements {
  return {
    putDocument: db.prepare("INSERT OR REPLACE INTO documents (kind, owner, name, json) VALUES (?, ?, ?, ?)"),
    deleteDocument: db.prepare("DELETE FROM documents WHERE kind = ? AND owner = ? AND name = ?"),
    putFacts: db.prepare("INSERT OR REPLACE INTO facts (id, json) VALUES (?, ?)"),
    deleteFacts: db.prepare("DELETE FROM facts WHERE id = ?"),
    putLease: db.prepare("INSERT OR REPLACE INTO leases (address, json) VALUES (?, ?)"),
    deleteLease: db.prepare("DELETE FROM leases WHERE address = ?"),
    deleteEndedLease: db.prepare("DELETE FROM leases WHERE address = ? AND json_extract(json, '$.expiresAt') = ?"),
    putEvent: db.prepare("INSERT OR REPLACE INTO events (id, json) VALUES (?, ?)"),
    pruneEvents: db.prepare(`DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id <= ? ORDER BY id LIMIT ${String(prunedAtOnce)})`),
    putRevision: db.prepare("UPDATE meta SET value = ? WHERE key = 'revision'"),
    putHistory: db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('history', ?)"),
    storedEvents: 0,
  };
}

export function execute(run: Statements, item: StoreWrite): void {
  switch (item.type) {
    case "document.put": run.putDocument.run(item.document.kind, item.document.owner, item.document.name, JSON.stringify(item.document)); break;
    case "document.delete": run.deleteDocument.run(item.kind, item.owner, item.name); break;
    case "facts.put": run.putFacts.run(item.facts.id, JSON.stringify(item.facts)); break;
    case "facts.delete": run.deleteFacts.run(item.id); break;
    case "lease.put": run.putLease.run(item.lease.address, JSON.stringify(item.lease)); break;
    case "lease.delete":
      if (item.endedAt === undefined) run.deleteLease.run(item.address);
      else run.deleteEndedLease.run(item.address, item.endedAt);
      break;
    case "event.put":
      run.putEvent.run(item.event.id, JSON.stringify(item.event));
      // Not by the id: that of an offer, which isn't stored, may be every round one.
      if (run.storedEvents++ % pruneEvery === 0) run.pruneEvents.run(item.event.id - keptEvents);
      break;
    case "revision": run.putRevision.run(item.to); break;
    case "history": run.putHistory.run(Math.floor(item.time)); break;
  }
}

export function revisionOf(db: DatabaseSync): number {
  return Number(db.prepare("SELECT value FROM meta WHERE key = 'revision'").get()?.["value"] ?? 0);
}

/** See `Snapshot`. */
export function historyOf(db: DatabaseSync): number | undefined {
  const found = db.prepare("SELECT value FROM meta WHERE key = 'history'").get()?.["value"];
  return found === undefined ? undefined : Number(found);
}

/** `undefined` when the structure of the whole file is sound, else what is wrong with it. */
export function damageOf(db: DatabaseSync): string | undefined {
  const found = db.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  return found === "ok" ? undefined : errorText(found);
}

/** Removes a database file and what lies beside it. */
export function removeDatabase(path: string): void {
  // The log first: beside another database it would be taken for that one's.
  for (const suffix of ["-wal", "-shm", ""]) rmSync(path + suffix, { force: true });
}

/** Takes everybody else's rights away; where the file is another user's, its rights are that user's affair. */
export function makePrivate(path: string, mode: number): void {
  try {
    if (existsSync(path)) chmodSync(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}
