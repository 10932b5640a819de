import type { Lease } from "../leases";
import { givenUp } from "./address-choice";
import { offerHold, type Offer } from "./bindings";
import type { DhcpDecision } from "./decision";
import type { Exchange } from "./exchange";
import { endOf } from "./lease-time";
import { relayPort } from "./limits";

/** Holds an address for the client, in memory. */
export function offerTo(exchange: Exchange, address: string): Offer {
  const port = relayPort(exchange);
  return { address, identity: exchange.identity, expiresAt: exchange.now + offerHold, ...(port === undefined ? {} : { port }) };
}

/** What is written when a client gets an address for a time in seconds: the lease, and an offer that holds it until that is stored. */
export function grant(exchange: Exchange, address: string, leaseTime: number): Pick<DhcpDecision, "leases" | "offers"> {
  const { client, subnet, now } = exchange;
  // A client renews past its relay.
  const port = relayPort(exchange) ?? exchange.own.find((lease) => lease.address === address)?.port;
  const lease: Lease = {
    address, mac: client.mac, clientId: client.clientId,
    owner: subnet.document.owner, subnet: subnet.document.name,
    state: "active", expiresAt: endOf(leaseTime, now),
    ...(port === undefined ? {} : { port }),
  };
  return {
    leases: [...givenUp(exchange, address), { type: "lease.put", lease }],
    offers: [{ type: "offer.put", offer: offerTo(exchange, address) }],
  };
}
