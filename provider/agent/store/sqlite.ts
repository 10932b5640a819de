import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Lease } from "../../engine/leases";
import { errorText, pxeError } from "../../errors";
import type { AgentEvent } from "../../model/control";
import { DamagedDatabase, storeFailure } from "./failure";
import type { Snapshot, Store, StoreWrite, UnreadRow } from "./port";
import { documentRow, factsRow, leaseRow, parsed, type Row } from "./rows";
import { damageOf, execute, historyOf, makePrivate, openDatabase, prepare, revisionOf, type Statements } from "./schema";

/**
 * How long writes wait for company before they share one fsync, in milliseconds. Where there was company enough the next ones wait longer:
 * in a storm of boots the transactions and fsyncs are what costs most, and no client notices the difference.
 */
const groupDelay = 2;
const crowdDelay = 6;

/** Requests of a group that make a crowd: at 2 ms that is some 1,500 a second, at 6 ms some 600. */
const crowd = 4;

/** The latest events, which are read at the start. */
const readEvents = 5_000;

const settings = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";

interface Pending {
  readonly writes: readonly StoreWrite[];
  readonly resolve: (result: "ok" | "conflict") => void;
  readonly reject: (error: unknown) => void;
}

/** What follows the store's changes once they are stored. */
export interface Follower {
  stored(writes: readonly StoreWrite[]): void;
}

/** The embedded store: one SQLite file, WAL, `synchronous=FULL`, commits in groups. */
export class SqliteStore implements Store {
  private readonly db: DatabaseSync;
  private readonly statements: Statements;
  private pending: Pending[] = [];
  private timer: NodeJS.Timeout | undefined;
  private lastFailure: string | undefined;
  /** For the next group. */
  private delay = groupDelay;

  /**
   * @param path the database file; its folder is made; both are this user's alone, also where they exist already
   * @param follower told of what was stored
   * @throws PXE_STORE_FAILED, PXE_DISK_FULL
   */
  constructor(private readonly path: string, private readonly follower?: Follower) {
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      makePrivate(dirname(path), 0o700);
      this.db = openDatabase(path, settings);
    } catch (error) {
      throw this.told(error);
    }
    try {
      this.statements = prepare(this.db);
    } catch (error) {
      this.db.close();
      throw this.told(error);
    }
  }

  /** Why the last commit could not be stored; undefined when it was. */
  get failure(): string | undefined {
    return this.lastFailure;
  }

  /** Leases and events are read where they are asked for. @throws PXE_STORE_FAILED */
  load(): Snapshot {
    const problems: UnreadRow[] = [];
    const rows = <T>(table: UnreadRow["table"], keys: readonly string[], read: (json: string) => Row<T>): T[] => {
      const columns = keys.join(", ");
      return [...this.read(`SELECT ${columns}, json FROM ${table} ORDER BY ${columns}`)].flatMap((held) => {
        const row = read(String(held["json"]));
        if (!row.ok) problems.push({ table, key: keys.map((key) => String(held[key])).join(" "), reason: row.reason });
        return row.ok ? [row.value] : [];
      });
    };
    const events = (): AgentEvent[] => [...this.read(`SELECT json FROM (SELECT id, json FROM events ORDER BY id DESC LIMIT ${String(readEvents)}) ORDER BY id`)]
      .flatMap((held) => (parsed(String(held["json"])) as AgentEvent | undefined) ?? []);
    const leases = (): Lease[] => [...this.leases()];
    return {
      revision: this.revision(),
      documents: rows("documents", ["kind", "owner", "name"], documentRow),
      facts: rows("facts", ["id"], factsRow),
      get leases() { return leases(); },
      get events() { return events(); },
      history: historyOf(this.db),
      problems,
    };
  }

  /** Every lease by address, one after the other: all of them at once would be a heap of objects. @throws PXE_STORE_FAILED */
  *leases(): Generator<Lease> {
    for (const row of this.read("SELECT json FROM leases ORDER BY address")) {
      const lease = leaseRow(String(row["json"]));
      if (lease !== undefined) yield lease;
    }
  }

  leasesOf(addresses: readonly string[]): Lease[] {
    const statement = this.db.prepare("SELECT json FROM leases WHERE address = ?");
    return addresses.flatMap((address) => leaseRow(String(statement.get(address)?.["json"])) ?? []);
  }

  /** The rows of a query, one after the other. @throws PXE_STORE_FAILED */
  *read(sql: string): Generator<Readonly<Record<string, unknown>>> {
    try {
      yield* this.db.prepare(sql).iterate();
    } catch (error) {
      throw this.told(error);
    }
  }

  /** Looks at the whole file's structure. @throws PXE_STORE_FAILED */
  check(): void {
    try {
      const damage = damageOf(this.db);
      if (damage !== undefined) throw new DamagedDatabase(damage);
    } catch (error) {
      throw this.told(error);
    }
  }

  /** Stores all at once, before anything else is. @throws PXE_STORE_FAILED, PXE_DISK_FULL */
  fill(writes: Iterable<StoreWrite>): void {
    try {
      this.db.exec("BEGIN IMMEDIATE");
      for (const write of writes) this.write([write]);
      this.db.exec("COMMIT");
    } catch (error) {
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      throw this.told(error);
    }
  }

  commit(writes: readonly StoreWrite[]): Promise<"ok" | "conflict"> {
    if (!this.db.isOpen) return Promise.reject(pxeError("PXE_INTERNAL", "the store is closed"));
    return new Promise((resolve, reject) => {
      this.pending.push({ writes, resolve, reject });
      this.timer ??= setTimeout(() => { this.flush(); }, this.delay);
    });
  }

  /** Stores what waits, at once. */
  settle(): void {
    if (this.db.isOpen) this.flush();
  }

  close(): Promise<void> {
    this.settle();
    if (this.db.isOpen) this.db.close();
    return Promise.resolve();
  }

  private revision(): number {
    return revisionOf(this.db);
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
    this.delay = group.length < crowd ? groupDelay : crowdDelay;
    const failure = this.transact(group);
    this.lastFailure = failure === undefined ? undefined : errorText(this.told(failure.error));
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
    group.forEach(({ resolve, writes }, index) => {
      const result = results[index] ?? "conflict";
      if (result === "ok") this.follower?.stored(writes);
      resolve(result);
    });
    return undefined;
  }

  private told(error: unknown): unknown {
    return storeFailure(error, this.path) ?? error;
  }

  private conflicts(writes: readonly StoreWrite[]): boolean {
    return writes.some((write) => write.type === "revision" && write.from !== this.revision());
  }

  private write(writes: readonly StoreWrite[]): "ok" {
    for (const item of writes) execute(this.statements, item);
    return "ok";
  }
}
