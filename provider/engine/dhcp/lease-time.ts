import { infiniteLease } from "../../model/dhcp-settings";
import type { Exchange } from "./exchange";

/** Seconds; a client that asks for less gets this. */
const floor = 120;

/** When a lease without an end ends, Unix time in milliseconds: the last instant that a Date can be. */
export const never = 8_640_000_000_000_000;

/** Seconds of a lease, and after how many of them its client renews and rebinds; neither for a lease without an end. */
export interface LeaseTimes {
  readonly lease: number;
  readonly renewal: number | undefined;
  readonly rebinding: number | undefined;
}

/** The lease time in seconds: what the client asks for within the subnet's limits, else the subnet's own. */
export function leaseTimeFor(exchange: Exchange): number {
  const { leaseTime, minLeaseTime, maxLeaseTime } = exchange.subnet.document.spec;
  const asked = exchange.client.wantedLeaseTime;
  if (asked === undefined) return leaseTime;
  const longest = maxLeaseTime ?? leaseTime;
  const shortest = minLeaseTime ?? Math.min(floor, leaseTime);
  return Math.min(longest, Math.max(shortest, asked));
}

/** 0 < T1 < T2 < the lease (RFC 2131 section 4.4.5); an infinite lease has neither (section 3.3). */
export function leaseTimes(exchange: Exchange, lease: number): LeaseTimes {
  if (lease === infiniteLease) return { lease, renewal: undefined, rebinding: undefined };
  const { renewAt, rebindAt } = exchange.subnet.document.spec;
  const rebinding = Math.max(2, Math.min(Math.floor(lease * rebindAt), lease - 1));
  return { lease, rebinding, renewal: Math.max(1, Math.min(Math.floor(lease * renewAt), rebinding - 1)) };
}

/** When a lease of so many seconds ends that is given now. Unix time in milliseconds. */
export function endOf(lease: number, now: number): number {
  return lease === infiniteLease ? never : now + lease * 1000;
}
