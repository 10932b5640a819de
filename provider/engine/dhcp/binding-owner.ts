import { contains, ipv4 } from "../../model/ip";
import type { HostRecord } from "../facts";
import type { Lease } from "../leases";
import { isHeld, type BindingView } from "./bindings";
import { clientKey, type ClientRecord } from "./client";
import type { ServedSubnet } from "./subnet";

/** Whether the binding is this client's own. A host's reserved address is its own by any of its MACs. */
export function belongsTo(lease: Lease, client: ClientRecord, host: HostRecord | undefined): boolean {
  if (lease.state === "declined") return false;
  if (host === undefined) {
    return (lease.mac === client.mac && lease.clientId === client.clientId) || clientKey(lease.mac, lease.clientId) === client.key;
  }
  return lease.mac === client.mac || (lease.address === host.document.spec.ip && host.document.spec.macs.includes(lease.mac));
}

/** The client's bindings in these subnets: those that hold first, then the one that ended last, the lowest address on a tie. */
export function bindingsOf(
  client: ClientRecord, host: HostRecord | undefined, leases: BindingView, subnets: readonly ServedSubnet[], now: number,
): readonly Lease[] {
  const own: Lease[] = [];
  const take = (lease: Lease) => {
    if (!belongsTo(lease, client, host)) return;
    const value = ipv4(lease.address);
    for (const { net } of subnets) {
      if (contains(net, value)) {
        own.push(lease);
        return;
      }
    }
  };
  for (const lease of leases.ofMac(client.mac)) take(lease);
  if (client.clientId !== null && client.key.startsWith("id ")) {
    for (const lease of leases.ofClientId(client.clientId)) if (lease.mac !== client.mac) take(lease);
  }
  if (own.length > 1) own.sort((a, b) => Number(isHeld(b, now)) - Number(isHeld(a, now)) || b.expiresAt - a.expiresAt || ipv4(a.address) - ipv4(b.address));
  return own;
}
