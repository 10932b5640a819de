import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { pxeError } from "../../errors";
import type { InstallFacts } from "../../engine/facts";
import type { Lease } from "../../engine/leases";
import type { AgentEvent } from "../../model/control";
import type { Stored } from "../../model/documents";
import { storeFailure } from "./failure";
import type { Snapshot, Store, StoreWrite } from "./port";

/** Changes only add: the release before this one must be able to run on the same file. */
const schema = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS documents (kind TEXT, owner TEXT, name TEXT, json TEXT NOT NULL, PRIMARY KEY (kind, owner, name)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS facts (id TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS leases (address TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, json TEXT NOT NULL);
  INSERT OR IGNORE INTO meta VALUES ('revision', 0);
`;

/** How long writes wait for company before they share one fsync, in milliseconds (RUNTIME: 0.8 × kea's CPU at 1.6 ms an ACK). */
const groupDelay = 2;

/** Events kept on disk. */
const keptEvents = 20_000;

interface Pending {
  readonly writes: readonly StoreWrite[];
  readonly resolve: (result: "ok" | "conflict") => void;
  readonly reject: (error: unknown) => void;
}

/** The embedded store: one SQLite file, WAL, `synchronous=FULL`, commits in groups. */
export class SqliteStore implements Store {
  private readonly db: DatabaseSync;
  private readonly path: string;
  private readonly statements: Statements;
  private pending: Pending[] = [];
  private timer: NodeJS.Timeout | undefined;

  /**
   * @param path the database file; its folder is made; both are this user's alone, also where they exist already
   * @throws PXE_STORE_FAILED, PXE_DISK_FULL
   */
  constructor(path: string) {
    this.path = path;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      makePrivate(dirname(path), 0o700);
      this.db = new DatabaseSync(path);
      // SQLite gives the files beside it the database's own mode.
      for (const file of [path, `${path}-wal`, `${path}-shm`]) makePrivate(file, 0o600);
      this.db.exec("PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
      this.db.exec(schema);
      this.statements = prepare(this.db);
    } catch (error) {
      throw this.told(error);
    }
  }

  /** @throws PXE_STORE_FAILED */
  load(): Snapshot {
    try {
      return this.read();
    } catch (error) {
      throw this.told(error);
    }
  }

  private read(): Snapshot {
    const rows = <T>(sql: string): T[] => this.db.prepare(sql).all().map((row) => JSON.parse(String(row["json"])) as T);
    return {
      revision: this.revision(),
      documents: rows<Stored>("SELECT json FROM documents ORDER BY kind, owner, name"),
      facts: rows<InstallFacts>("SELECT json FROM facts ORDER BY id"),
      leases: rows<Lease>("SELECT json FROM leases ORDER BY address"),
      events: rows<AgentEvent>(`SELECT json FROM (SELECT id, json FROM events ORDER BY id DESC LIMIT ${String(keptEvents)}) ORDER BY id`),
    };
  }

  commit(writes: readonly StoreWrite[]): Promise<"ok" | "conflict"> {
    if (!this.db.isOpen) return Promise.reject(pxeError("PXE_INTERNAL", "the store is closed"));
    return new Promise((resolve, reject) => {
      this.pending.push({ writes, resolve, reject });
      this.timer ??= setTimeout(() => { this.flush(); }, groupDelay);
    });
  }

  close(): Promise<void> {
    if (this.db.isOpen) {
      this.flush();
      this.db.close();
    }
    return Promise.resolve();
  }

  private revision(): number {
    return Number(this.db.prepare("SELECT value FROM meta WHERE key = 'revision'").get()?.["value"] ?? 0);
  }

  /**
   * One transaction for all that waits. A conflicting request is left out of it; a failure of the disk fails them all; after any
   * other each is tried alone, so that only the one that can't be stored fails. Every one is settled, whatever happens.
   */
  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const group = this.pending;
    this.pending = [];
    if (group.length === 0) return;
    const failure = this.transact(group);
    if (failure === undefined) return;
    if (group.length === 1 || storeFailure(failure.error, this.path) !== undefined) {
      for (const { reject } of group) reject(this.told(failure.error));
      return;
    }
    for (const item of group) {
      const alone = this.transact([item]);
      if (alone !== undefined) item.reject(this.told(alone.error));
    }
  }

  /** Stores the group and resolves its requests, or stores none of it and returns why. */
  private transact(group: readonly Pending[]): { readonly error: unknown } | undefined {
    const results: ("ok" | "conflict")[] = [];
    try {
      // Left open by a ROLLBACK that failed.
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      this.db.exec("BEGIN IMMEDIATE");
      for (const { writes } of group) results.push(this.conflicts(writes) ? "conflict" : this.write(writes));
      this.db.exec("COMMIT");
    } catch (error) {
      try {
        if (this.db.isTransaction) this.db.exec("ROLLBACK");
      } catch {
        // The first error tells more, and the next transaction rolls back again.
      }
      return { error };
    }
    group.forEach(({ resolve }, index) => { resolve(results[index] ?? "conflict"); });
    return undefined;
  }

  private told(error: unknown): unknown {
    return storeFailure(error, this.path) ?? error;
  }

  private conflicts(writes: readonly StoreWrite[]): boolean {
    return writes.some((write) => write.type === "revision" && write.from !== this.revision());
  }

  private write(writes: readonly StoreWrite[]): "ok" {
    const run = this.statements;
    for (const item of writes) {
      switch (item.type) {
        case "document.put": run.putDocument.run(item.document.kind, item.document.owner, item.document.name, JSON.stringify(item.document)); break;
        case "document.delete": run.deleteDocument.run(item.kind, item.owner, item.name); break;
        case "facts.put": run.putFacts.run(item.facts.id, JSON.stringify(item.facts)); break;
        case "facts.delete": run.deleteFacts.run(item.id); break;
        case "lease.put": run.putLease.run(item.lease.address, JSON.stringify(item.lease)); break;
        case "lease.delete": run.deleteLease.run(item.address); break;
        case "event.put":
          run.putEvent.run(item.event.id, JSON.stringify(item.event));
          if (item.event.id % 1000 === 0) run.pruneEvents.run(item.event.id - keptEvents);
          break;
        case "revision": run.putRevision.run(item.to); break;
      }
    }
    return "ok";
  }
}

/** Takes everybody else's rights away; where the file is another user's, its rights are that user's affair. */
function makePrivate(path: string, mode: number): void {
  try {
    if (existsSync(path)) chmodSync(path, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}

interface Statements {
  readonly putDocument: StatementSync;
  readonly deleteDocument: StatementSync;
  readonly putFacts: StatementSync;
  readonly deleteFacts: StatementSync;
  readonly putLease: StatementSync;
  readonly deleteLease: StatementSync;
  readonly putEvent: StatementSync;
  readonly pruneEvents: StatementSync;
  readonly putRevision: StatementSync;
}

function prepare(db: DatabaseSync): Statements {
  return {
    putDocument: db.prepare("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)"),
    deleteDocument: db.prepare("DELETE FROM documents WHERE kind = ? AND owner = ? AND name = ?"),
    putFacts: db.prepare("INSERT OR REPLACE INTO facts VALUES (?, ?)"),
    deleteFacts: db.prepare("DELETE FROM facts WHERE id = ?"),
    putLease: db.prepare("INSERT OR REPLACE INTO leases VALUES (?, ?)"),
    deleteLease: db.prepare("DELETE FROM leases WHERE address = ?"),
    putEvent: db.prepare("INSERT OR REPLACE INTO events VALUES (?, ?)"),
    pruneEvents: db.prepare("DELETE FROM events WHERE id <= ?"),
    putRevision: db.prepare("UPDATE meta SET value = ? WHERE key = 'revision'"),
  };
}
