import { anyAddress } from "../../wire/dhcp";
import type { DhcpDecision } from "./decision";
import type { DhcpFacts } from "./facts";

/**
 * Whether all that the decision's reply promises stands in a document already: the address is reserved for the machine, so nobody else
 * can get it, stored or not (NETBOOT A19). What it gives back of other addresses can wait.
 */
export function isReservation({ reply, leases }: DhcpDecision, state: Pick<DhcpFacts["state"], "hostByAddress">): boolean {
  const address = reply?.packet.yiaddr;
  if (address === undefined || address === anyAddress) return false;
  const holder = state.hostByAddress(address);
  if (holder === undefined || holder.supersededBy !== undefined) return false;
  return leases.every((write) => write.type !== "lease.put" || write.lease.address !== address || holder.document.spec.macs.includes(write.lease.mac));
}
