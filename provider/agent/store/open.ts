import { existsSync, fsyncSync, closeSync, openSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { LeaseTable } from "../../engine/lease-table";
import { errorText } from "../../errors";
import { DocumentsCopy } from "./copy";
import { DamagedDatabase, isDamage, isStoreFailure } from "./failure";
import type { Snapshot } from "./port";
import { heldRevision, mend, salvage, salvageWrites } from "./salvage";
import { removeDatabase } from "./schema";
import { SqliteStore } from "./sqlite";

/** A database that is ready, with all that it holds. */
export interface OpenStore {
  readonly store: SqliteStore;
  readonly snapshot: Snapshot;
  readonly leases: LeaseTable;
  /** What is wrong with what was found, one sentence each; holds as long as the agent runs. */
  readonly problems: readonly string[];
  /** What is wrong now: commits or the copy fail. */
  trouble(): readonly string[];
  close(): Promise<void>;
}

/** Damaged files that are kept. */
const keptDamaged = 3;

/**
 * Opens the database of a data folder. A damaged one is set aside, and another made of what can be read of it and of the documents'
 * copy. The folder's lock is the caller's.
 * @param now Unix time in milliseconds
 * @throws PXE_STORE_FAILED where the file can't be used for another reason, PXE_DISK_FULL
 */
export function openStore(folder: string, now: number): OpenStore {
  const path = join(folder, "agent.db");
  const copyPath = join(folder, "documents.db");
  finishReplacement(path, now);
  const problems: string[] = [];
  let read: Read;
  try {
    read = readStore(path, copyPath);
  } catch (error) {
    if (!isDamage(error)) throw error;
    problems.push(replace(path, copyPath, errorText(error), now));
    read = readStore(path, copyPath);
  }
  const { store, copy, leases } = read;
  const { snapshot, problem } = mended(read, copyPath, now);
  if (problem !== undefined) problems.push(problem);
  for (const { reason } of snapshot.problems ?? []) problems.push(`a stored document can't be used and is left out: ${reason}`);
  return {
    store, snapshot, leases, problems,
    trouble: () => [...(store.failure === undefined ? [] : [`nothing can be stored: ${store.failure}`]), ...(copy.problem === undefined ? [] : [copy.problem])],
    close: async () => {
      store.settle();
      // It may still have to read what it follows.
      copy.close();
      await store.close();
    },
  };
}

interface Read {
  readonly store: SqliteStore;
  readonly copy: DocumentsCopy;
  readonly snapshot: Snapshot;
  readonly leases: LeaseTable;
}

function readStore(path: string, copyPath: string): Read {
  let copy: DocumentsCopy | undefined;
  const store = new SqliteStore(path, { stored: (writes) => { copy?.stored(writes); } });
  try {
    store.check();
    const snapshot = store.load();
    const { revision, documents, facts, events, history, problems = [] } = snapshot;
    // The copy never goes before what it follows.
    if (heldRevision(copyPath) > revision) throw new DamagedDatabase(revision === 0 ? "it is empty, and its copy is not" : "it is older than its copy");
    const leases = new LeaseTable(store.leases());
    copy = new DocumentsCopy(copyPath, store);
    return { store, copy, snapshot: { revision, documents, facts, events, history, leases: [], problems }, leases };
  } catch (error) {
    void store.close();
    throw error;
  }
}

/** What can't be understood is taken from the copy, as far as that has it, and stored where there is room. */
function mended({ store, snapshot }: Read, copyPath: string, now: number): { readonly snapshot: Snapshot; readonly problem?: string } {
  const { problems = [] } = snapshot;
  if (problems.length === 0) return { snapshot };
  const { writes, ...better } = mend(snapshot, copyPath, now);
  if (writes.length === 0) return { snapshot };
  try {
    store.fill(writes);
  } catch (error) {
    // Then it holds while the agent runs, and the next start does it again.
    if (!isStoreFailure(error)) throw error;
  }
  const taken = problems.filter((row) => !better.problems.includes(row)).map((row) => row.reason);
  const what = taken.length === 0 ? "" : `${String(taken.length)} stored rows can't be understood and are as the copy has them: ${taken.join("; ")}; `;
  return { snapshot: { ...snapshot, ...better }, problem: `${what}orders to install that hang on what is lost are void` };
}

/** Makes another database of what can be read, and puts it in the damaged one's place. @returns what happened, for a person */
function replace(path: string, copyPath: string, reason: string, now: number): string {
  const found = salvage(path, copyPath, now);
  const part = `${path}.part`;
  removeDatabase(part);
  const fresh = new SqliteStore(part);
  try {
    fresh.fill(salvageWrites(found));
  } finally {
    // Nothing is pending: it is closed before this returns, and what was written is in the one file.
    void fresh.close();
  }
  renameSync(part, `${path}.new`);
  syncFolder(path);
  const aside = finishReplacement(path, now);
  const kept = `${found.documents.length} documents, ${found.facts.length} install records and ${found.leases.length} leases were saved`;
  return `the database was damaged and is set aside as ${aside ?? path}: ${kept}; ${reason}`;
}

/**
 * The last steps of a replacement, which is complete once `agent.db.new` exists: also after a power cut between them.
 * @returns where the damaged file is
 */
function finishReplacement(path: string, now: number): string | undefined {
  if (!existsSync(`${path}.new`)) return undefined;
  const aside = `${path}.corrupt-${new Date(now).toISOString().replaceAll(/[:.]/g, "-")}`;
  // The log first: beside another database it would be taken for that one's.
  for (const suffix of ["-wal", "-shm", ""]) if (existsSync(path + suffix)) renameSync(path + suffix, aside + suffix);
  syncFolder(path);
  renameSync(`${path}.new`, path);
  syncFolder(path);
  forgetOld(path);
  return aside;
}

function forgetOld(path: string): void {
  const prefix = `${path}.corrupt-`;
  const folder = dirname(path);
  const damaged = readdirSync(folder).map((name) => join(folder, name)).filter((name) => name.startsWith(prefix) && !/-(?:wal|shm)$/.test(name)).toSorted();
  for (const old of damaged.slice(0, -keptDamaged)) removeDatabase(old);
}

/** A rename is durable once its folder is. */
function syncFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
