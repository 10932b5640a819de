import type { Logger } from "pino";
import type { LeaseTable } from "../engine/lease-table";
import type { StateView } from "../engine/view";
import type { NewEvent } from "../model/control";
import type { AssetStore } from "./assets";
import type { Sightings } from "./sightings";
import type { StoreWrite } from "./store/port";

/** Answer to a machine's POST. */
export type ProgressAnswer = { readonly ok: true } | { readonly ok: false; readonly status: 403 | 404 | 409 | 503; readonly reason: string };

/** What a token's POST may do. */
export interface ProgressPort {
  report(token: string, stage: string, text: string): Promise<ProgressAnswer>;
  done(token: string, sshHostKeys: readonly string[]): Promise<ProgressAnswer>;
}

/** What the shells (DHCP, TFTP, HTTP) work with. */
export interface AgentContext {
  /** Unix time in milliseconds. */
  readonly clock: () => number;
  readonly log: Logger;
  readonly state: StateView;
  readonly leases: LeaseTable;
  /** Addresses that other servers gave. */
  readonly sightings: Sightings;
  readonly assets: AssetStore;
  readonly lifecycle: ProgressPort;
  /** Adds to the event log; never throws. */
  emit(event: NewEvent): void;
  /** Resolves once the writes are on stable storage; rejects when they could not be stored. */
  commit(writes: readonly StoreWrite[]): Promise<"ok" | "conflict">;
}

/** What goes on after a service has stopped taking in. */
export interface Draining {
  /** Resolves once nothing is under way. */
  readonly ended: Promise<void>;
  /** Ends what is still under way. */
  cut(): Promise<void>;
}

/** Several of them as one. */
export function allDraining(all: readonly Draining[]): Draining {
  return {
    ended: Promise.all(all.map((item) => item.ended)).then(() => undefined),
    cut: async () => { await Promise.all(all.map((item) => item.cut())); },
  };
}
