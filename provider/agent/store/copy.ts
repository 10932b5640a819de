import { rmSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { errorText } from "../../errors";
import { isDamage } from "./failure";
import type { StoreWrite } from "./port";
import { execute, openDatabase, prepare, type Statements } from "./schema";

/** How long changes wait for company, and how long after a failure it is tried again, in milliseconds. */
const delay = 1_000;
const retryAfter = 30_000;

/** It may be behind after a power cut, so its commits needn't wait for the disk. */
const settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";

/** What makes the copy's tables equal to those of the attached database. */
const sync = ["documents", "facts"].map((table) => {
  const key = table === "facts" ? "own.id = held.id" : "own.kind = held.kind AND own.owner = held.owner AND own.name = held.name";
  return `
    DELETE FROM main.${table} AS own WHERE NOT EXISTS (SELECT 1 FROM live.${table} AS held WHERE ${key} AND own.json = held.json);
    INSERT OR IGNORE INTO main.${table} SELECT * FROM live.${table};`;
}).join("") + "INSERT OR REPLACE INTO main.meta SELECT * FROM live.meta;";

/**
 * A second file with the documents and the install records: from it they come back when the database is damaged. It follows the
 * database, and never stands in anybody's way: what can't be written is told by `problem` and tried again.
 */
export class DocumentsCopy {
  private db: DatabaseSync | undefined;
  private statements: Statements | undefined;
  private waiting: StoreWrite[] = [];
  private timer: NodeJS.Timeout | undefined;
  private lastProblem: string | undefined;

  /** @param path where the copy is; @param live the database that it follows */
  constructor(private readonly path: string, private readonly live: string) {
    this.later();
  }

  get problem(): string | undefined {
    return this.lastProblem;
  }

  stored(writes: readonly StoreWrite[]): void {
    for (const write of writes) if (isCopied(write)) this.waiting.push(write);
    if (this.waiting.length > 0) this.later();
  }

  close(): void {
    this.write();
    clearTimeout(this.timer);
    this.forget();
  }

  private later(after = delay): void {
    this.timer ??= setTimeout(() => { this.write(); }, after).unref();
  }

  private write(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const writes = this.waiting;
    this.waiting = [];
    try {
      if (this.db === undefined) this.begin();
      else this.follow(writes);
      this.lastProblem = undefined;
    } catch (error) {
      this.lastProblem = `${this.path}, the copy of the documents, can't be written: ${errorText(error)}`;
      // Begun anew later: what it lacks now is in the database.
      this.forget();
      this.later(retryAfter);
    }
  }

  private follow(writes: readonly StoreWrite[]): void {
    if (this.db === undefined || this.statements === undefined || writes.length === 0) return;
    this.db.exec("BEGIN IMMEDIATE");
    for (const write of writes) execute(this.statements, write);
    this.db.exec("COMMIT");
  }

  /** Takes over all that the database holds. */
  private begin(): void {
    try {
      this.open();
    } catch (error) {
      if (!isDamage(error)) throw error;
      for (const suffix of ["", "-wal", "-shm"]) rmSync(this.path + suffix, { force: true });
      this.open();
    }
  }

  private open(): void {
    const db = openDatabase(this.path, settings);
    try {
      db.prepare("ATTACH ? AS live").run(this.live);
      db.exec(`BEGIN IMMEDIATE; ${sync} COMMIT; DETACH live;`);
      this.statements = prepare(db);
      this.db = db;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  private forget(): void {
    this.db?.close();
    this.db = undefined;
    this.statements = undefined;
  }
}

function isCopied({ type }: StoreWrite): boolean {
  return type !== "lease.put" && type !== "lease.delete" && type !== "event.put" && type !== "history";
}
