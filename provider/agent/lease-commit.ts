import type { LeaseTable } from "../engine/lease-table";
import type { Store, StoreWrite } from "./store/port";

/**
 * Commits leases. On `conflict` another instance was first: memory then takes over what the store holds of the addresses concerned, so that
 * what is decided again is decided on that.
 */
export async function commitLeases(store: Pick<Store, "commit" | "leasesOf">, leases: LeaseTable, writes: readonly StoreWrite[]): Promise<"ok" | "conflict"> {
  const outcome = await store.commit(writes);
  if (outcome === "ok") return outcome;
  const addresses = new Set(writes.flatMap((write) => (write.type === "lease.put" ? [write.lease.address] : write.type === "lease.delete" ? [write.address] : [])));
  const held = new Map(store.leasesOf([...addresses]).map((lease) => [lease.address, lease]));
  for (const address of addresses) {
    const lease = held.get(address);
    leases.apply(lease === undefined ? { type: "lease.delete", address } : { type: "lease.put", lease });
  }
  return outcome;
}
