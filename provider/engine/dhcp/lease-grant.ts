import type { Lease } from "../leases";
import { givenUp } from "./address-choice";
import type { DhcpDecision } from "./decision";
import { offerHold } from "./discover";
import type { Exchange } from "./exchange";
import { endOf } from "./lease-time";

/** What is written when a client gets an address for a time in seconds: the lease, and an offer that holds it until that is stored. */
export function grant(exchange: Exchange, address: string, leaseTime: number): Pick<DhcpDecision, "leases" | "offers"> {
  const { client, subnet, now, identity } = exchange;
  const lease: Lease = {
    address, mac: client.mac, clientId: client.clientId,
    owner: subnet.document.owner, subnet: subnet.document.name,
    state: "active", expiresAt: endOf(leaseTime, now),
  };
  return {
    leases: [...givenUp(exchange, address), { type: "lease.put", lease }],
    offers: [{ type: "offer.put", offer: { address, identity, expiresAt: now + offerHold } }],
  };
}
