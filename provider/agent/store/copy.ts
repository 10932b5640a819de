import { renameSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { errorText } from "../../errors";
import { isDamage } from "./failure";
import type { StoreWrite } from "./port";
import { documentRow, factsRow } from "./rows";
import { damageOf, execute, openDatabase, prepare, removeDatabase, type Statements } from "./schema";

/** How long changes wait for company, and how long after a failure it is tried again, in milliseconds. */
const delay = 1_000;
const retryAfter = 30_000;

/** It may be behind after a power cut, so its commits needn't wait for the disk. */
const settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;";

/** What is copied: the tables with their keys, and how their rows are understood. */
const tables = [
  { name: "documents", keys: ["kind", "owner", "name"], isRead: (json: string) => documentRow(json).ok },
  { name: "facts", keys: ["id"], isRead: (json: string) => factsRow(json).ok },
] as const;

/** The database that is followed. Asked by its own connection: it may hold the file for itself. */
export interface Followed {
  /** The rows of a query. */
  read(sql: string): Iterable<Readonly<Record<string, unknown>>>;
}

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
  constructor(private readonly path: string, private readonly live: Followed) {
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

  /** Takes over all that the database holds. What goes wrong may be the database's own damage, so the copy is judged by itself. */
  private begin(): void {
    try {
      this.open();
    } catch (error) {
      if (!isDamage(error) || isSound(this.path)) throw error;
      this.makeAnew();
      this.open();
    }
  }

  private open(): void {
    const db = openDatabase(this.path, settings);
    try {
      takeOver(db, this.live);
      this.statements = prepare(db);
      this.db = db;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Another copy in the place of a damaged one, of which something can still be read until then. */
  private makeAnew(): void {
    const part = `${this.path}.part`;
    removeDatabase(part);
    try {
      const db = openDatabase(part, settings);
      try {
        takeOver(db, this.live);
      } finally {
        db.close();
      }
      removeDatabase(this.path);
      renameSync(part, this.path);
    } catch (error) {
      removeDatabase(part);
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

/** Makes the tables equal to those of the database. A row that can't be understood takes no other's place: that one may be good. */
function takeOver(db: DatabaseSync, live: Followed): void {
  db.exec("BEGIN IMMEDIATE");
  for (const { name, keys, isRead } of tables) {
    const columns = keys.join(", ");
    const where = keys.map((key) => `${key} = ?`).join(" AND ");
    const held = db.prepare(`SELECT json FROM ${name} WHERE ${where}`);
    const put = db.prepare(`INSERT OR REPLACE INTO ${name} (${columns}, json) VALUES (${[...keys, ""].map(() => "?").join(", ")})`);
    const there = new Set<string>();
    for (const row of live.read(`SELECT ${columns}, json FROM ${name}`)) {
      const key = keys.map((column) => String(row[column]));
      const json = String(row["json"]);
      there.add(key.join(" "));
      const own = held.get(...key)?.["json"];
      if (own !== json && (own === undefined || isRead(json))) put.run(...key, json);
    }
    const remove = db.prepare(`DELETE FROM ${name} WHERE ${where}`);
    for (const row of db.prepare(`SELECT ${columns} FROM ${name}`).all()) {
      const key = keys.map((column) => String(row[column]));
      if (!there.has(key.join(" "))) remove.run(...key);
    }
  }
  const putMeta = db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)");
  for (const { key, value } of live.read("SELECT key, value FROM meta")) putMeta.run(String(key), Number(value));
  db.exec("COMMIT");
}

/** Whether a copy's structure is whole, and its tables are ours. */
function isSound(path: string): boolean {
  try {
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      prepare(db);
      return damageOf(db) === undefined;
    } finally {
      db.close();
    }
  } catch {
    return false;
  }
}
