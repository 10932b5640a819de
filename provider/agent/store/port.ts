import type { InstallFacts } from "../../engine/facts";
import type { Lease } from "../../engine/leases";
import type { AgentEvent } from "../../model/control";
import type { DocumentKind, Stored } from "../../model/documents";

/** One change; a commit takes a list of them, all or none. */
export type StoreWrite =
  | { readonly type: "document.put"; readonly document: Stored }
  | { readonly type: "document.delete"; readonly kind: DocumentKind; readonly owner: string; readonly name: string }
  | { readonly type: "facts.put"; readonly facts: InstallFacts }
  | { readonly type: "facts.delete"; readonly id: string }
  | { readonly type: "lease.put"; readonly lease: Lease }
  /** With `endedAt` only where the binding still is the one that ended then: it may have been given out again meanwhile. */
  | { readonly type: "lease.delete"; readonly address: string; readonly endedAt?: number }
  | { readonly type: "event.put"; readonly event: AgentEvent }
  | { readonly type: "revision"; readonly from: number; readonly to: number }
  /** The history's own time; see `historyTime`. */
  | { readonly type: "history"; readonly time: number };

/** A row that is held and can't be understood: it is left out. */
export interface UnreadRow {
  readonly table: "documents" | "facts";
  /** As `documentKey` makes it; of an install record its id. */
  readonly key: string;
  /** A clause. */
  readonly reason: string;
}

/** All that is held. */
export interface Snapshot {
  readonly revision: number;
  readonly documents: readonly Stored[];
  readonly facts: readonly InstallFacts[];
  readonly leases: readonly Lease[];
  readonly events: readonly AgentEvent[];
  /** The history's own time, Unix time in milliseconds; undefined where none was stored. */
  readonly history?: number | undefined;
  /** What is held and can't be understood, one clause each: it is left out. */
  readonly problems?: readonly UnreadRow[];
}

/**
 * Where the agent keeps what must outlive it. Another instance may write to the same store: memory is a copy, never the only
 * truth, and `conflict` means that it is out of date.
 */
export interface Store {
  load(): Snapshot;
  /** What is stored of these addresses now. */
  leasesOf(addresses: readonly string[]): readonly Lease[];
  /** Resolves once the writes are on stable storage. Rejects when they could not be stored; then none of them is. */
  commit(writes: readonly StoreWrite[]): Promise<"ok" | "conflict">;
  close(): Promise<void>;
}
