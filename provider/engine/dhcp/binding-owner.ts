import { contains, ipv4 } from "../../model/ip";
import type { HostRecord } from "../facts";
import type { Lease } from "../leases";
import { isHeld, type BindingView } from "./bindings";
import { clientKey, type ClientRecord } from "./client";
import type { DhcpFacts } from "./facts";
import type { ServedSubnet } from "./subnet";

/** Who asks, as far as bindings are concerned. */
export interface Claimant {
  readonly client: ClientRecord;
  readonly host: HostRecord | undefined;
  readonly facts: Pick<DhcpFacts, "state">;
  /** Unix time in milliseconds. */
  readonly now: number;
}

/**
 * Whether the binding is this client's own. A host's reserved address is its own by any of its MACs: its firmware may ask by another
 * card than its system does.
 */
export function belongsTo(lease: Lease, { client, facts, host }: Claimant): boolean {
  if (lease.state === "declined") return false;
  if (host !== undefined) return lease.mac === client.mac || (lease.address === host.document.spec.ip && host.document.spec.macs.includes(lease.mac));
  if (lease.mac === client.mac && lease.clientId === client.clientId) return true;
  // Clones of one image share an identifier (a DUID), and a declared host is known by its MAC alone.
  return clientKey(lease.mac, lease.clientId) === client.key && (lease.mac === client.mac || facts.state.hostByMac(lease.mac) === undefined);
}

/** The client's bindings in these subnets: those that hold first, then the one that ended last, the lowest address on a tie. */
export function bindingsOf(claimant: Claimant, leases: BindingView, subnets: readonly ServedSubnet[]): readonly Lease[] {
  const { client, now } = claimant;
  const own: Lease[] = [];
  const take = (lease: Lease) => {
    if (!belongsTo(lease, claimant)) return;
    const value = ipv4(lease.address);
    for (const { net } of subnets) {
      if (contains(net, value)) {
        own.push(lease);
        return;
      }
    }
  };
  // Without a hardware address (RFC 4390) only the identifier tells clients apart.
  if (client.mac !== "") for (const lease of leases.ofMac(client.mac)) take(lease);
  if (client.clientId !== null && (client.mac === "" || client.key.startsWith("id "))) {
    for (const lease of leases.ofClientId(client.clientId)) if (client.mac === "" || lease.mac !== client.mac) take(lease);
  }
  if (own.length > 1) own.sort((a, b) => Number(isHeld(b, now)) - Number(isHeld(a, now)) || b.expiresAt - a.expiresAt || ipv4(a.address) - ipv4(b.address));
  return own;
}
