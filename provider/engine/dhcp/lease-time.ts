import type { Exchange } from "./exchange";

/** Seconds; a client that asks for less gets this. */
const shortest = 120;

/** The lease time in seconds: what the client asks for, at most the subnet's. */
export function leaseTimeFor(exchange: Exchange): number {
  const longest = exchange.subnet.document.spec.leaseTime;
  return Math.min(longest, Math.max(shortest, exchange.client.wantedLeaseTime ?? longest));
}
