import { pino } from "pino";
import type { DhcpContext } from "../../provider/agent/dhcp";
import { commitLeases } from "../../provider/agent/lease-commit";
import { Sightings } from "../../provider/agent/sightings";
import { AgentState } from "../../provider/agent/state";
import type { Store, StoreWrite } from "../../provider/agent/store/port";
import { LeaseTable } from "../../provider/engine/lease-table";
import { applyRequest, type NewEvent } from "../../provider/model/control";
import type { Document } from "../../provider/model/documents";
import { owner } from "./documents";

/** A store that keeps nothing. */
export function memoryStore(commit: Store["commit"] = () => Promise.resolve("ok")): Store {
  return {
    load: () => ({ revision: 0, documents: [], facts: [], leases: [], events: [] }),
    leasesOf: () => [],
    commit,
    close: () => Promise.resolve(),
  };
}

/** Takes documents and facts, but fails on every lease, as a full disk would. */
export function brokenForLeases(store: Store): Store {
  return {
    load: () => store.load(),
    leasesOf: (addresses) => store.leasesOf(addresses),
    close: () => store.close(),
    commit: (writes) => (writes.some(isLease) ? Promise.reject(new Error("database or disk is full")) : store.commit(writes)),
  };
}

function isLease(write: StoreWrite): boolean {
  return write.type === "lease.put" || write.type === "lease.delete";
}

/** What a DHCP service runs on, with documents declared and the hosts named armed. */
export async function dhcpContext(
  documents: readonly Document[], arm: readonly string[], store: Store = memoryStore(), emit: (event: NewEvent) => void = () => undefined,
): Promise<DhcpContext> {
  const snapshot = store.load();
  const state = new AgentState(snapshot, store, Date.now, emit);
  await state.apply(applyRequest.parse({ owner, put: documents, arm: arm.map((host) => ({ host, reason: "create" })) }));
  const leases = new LeaseTable(snapshot.leases);
  return {
    clock: Date.now, state, emit, leases, sightings: new Sightings(), log: pino({ level: "silent" }),
    commit: (writes) => commitLeases(store, leases, writes),
  };
}
