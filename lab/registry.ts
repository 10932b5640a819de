import fs from "node:fs";
import path from "node:path";
import { errorText, pxeError } from "../provider/errors";
import { labsFolder } from "./paths";
import { bootId, isRunning, type ProcessIdentity } from "./process";

/** One thing that a lab made outside its own folder, or that needs more than deleting. Taken down in reverse order. */
export type LabItem =
  | { readonly kind: "netns"; readonly name: string }
  | { readonly kind: "link"; readonly name: string }
  | { readonly kind: "cgroup"; readonly name: string }
  | { readonly kind: "mount"; readonly path: string }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "container"; readonly machine: string; readonly root: string }
  | ({ readonly kind: "process"; readonly role: string } & ProcessIdentity);

/** How to reach a target from this machine; kept in the lab's record for `pxe lab status`. */
export interface TargetAccess {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly privateKeyPath: string;
  readonly knownHostsPath: string;
  readonly hostKeyFingerprint: string;
  readonly namespace: string;
}

/** `lab.json`: all that another process needs to take the lab down. */
export interface LabRecord {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly bootId: string;
  /** The process that the lab belongs to. */
  readonly owner: ProcessIdentity;
  /** Stays when its owner ends. */
  readonly keep: boolean;
  readonly namespace: string;
  readonly segment: string;
  readonly items: readonly LabItem[];
  readonly targets: readonly TargetAccess[];
}

export type LabState = "running" | "kept" | "orphaned";

/** `orphaned`: the owner ended without taking the lab down, or the machine was started anew. */
export function stateOf(record: LabRecord): LabState {
  if (record.bootId !== bootId()) return "orphaned";
  if (record.keep) return "kept";
  return isRunning(record.owner) ? "running" : "orphaned";
}

/** The folder of a lab: its record, keys, logs, disks and overlays. */
export function labFolder(id: string): string {
  return path.join(labsFolder(), id);
}

function writeRecord(record: LabRecord): void {
  const file = path.join(labFolder(record.id), "lab.json");
  // In two steps, so that a crash in the middle leaves the former record whole.
  fs.writeFileSync(`${file}.new`, JSON.stringify(record, undefined, 2), { mode: 0o600, flush: true });
  fs.renameSync(`${file}.new`, file);
}

/** Reads a lab's record; undefined when there is no such lab. */
export function readRecord(id: string): LabRecord | undefined {
  const file = path.join(labFolder(id), "lab.json");
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as LabRecord;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw pxeError("PXE_LAB_FAILED", `${file} cannot be read: ${errorText(error)}`, { cause: error });
  }
}

/** All recorded labs, the oldest first. */
export function listRecords(): LabRecord[] {
  let ids: string[];
  try {
    ids = fs.readdirSync(labsFolder());
  } catch {
    return [];
  }
  return ids
    .map(readRecord)
    .filter((record) => record !== undefined)
    .sort((a, b) => a.createdAt.localeCompare(b.createdAt) || a.id.localeCompare(b.id));
}

/** The owning side of a record: everything is written down before it is made. */
export class Ledger {
  private current: LabRecord;
  private readonly making = new Set<Promise<unknown>>();
  private readonly controller = new AbortController();

  constructor(record: LabRecord) {
    fs.mkdirSync(labFolder(record.id), { recursive: true, mode: 0o700 });
    writeRecord(record);
    this.current = record;
  }

  get record(): LabRecord {
    return this.current;
  }

  /** Aborted when the lab is being taken down: whatever is under way ends. */
  get abort(): AbortSignal {
    return this.controller.signal;
  }

  /** Writes items down, then makes them. Refused once the lab is being taken down. */
  async make<T>(items: readonly LabItem[], action: () => Promise<T>): Promise<T> {
    this.abort.throwIfAborted();
    const known = new Set(this.current.items.map((item) => JSON.stringify(item)));
    this.change({ items: [...this.current.items, ...items.filter((item) => !known.has(JSON.stringify(item)))] });
    const made = action();
    this.making.add(made);
    try {
      return await made;
    } finally {
      this.making.delete(made);
    }
  }

  /** Writes down a process that runs already, inside a namespace or control group written down before. */
  add(item: LabItem): void {
    this.change({ items: [...this.current.items, item] });
  }

  /** Strikes out what is gone. */
  drop(isGone: (item: LabItem) => boolean): void {
    this.change({ items: this.current.items.filter((item) => !isGone(item)) });
  }

  change(part: Partial<Pick<LabRecord, "items" | "targets" | "keep">>): void {
    this.current = { ...this.current, ...part };
    // A lab that was taken down from elsewhere stays down.
    if (fs.existsSync(labFolder(this.current.id))) writeRecord(this.current);
  }

  /** No more is made from here on; resolves when what was under way has ended. */
  async close(): Promise<void> {
    if (!this.abort.aborted) this.controller.abort(pxeError("PXE_LAB_FAILED", `lab ${this.current.name} is being taken down`));
    await Promise.allSettled(this.making);
  }
}
