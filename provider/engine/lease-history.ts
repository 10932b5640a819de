import type { LeaseWrite } from "./dhcp";
import type { LeaseTable } from "./lease-table";

const hour = 3_600_000;

/** How long a binding is kept after its end, so that its machine gets the same address again. Milliseconds. */
export const keptFor = 30 * 24 * hour;

/** How many of them are kept: a pool may have millions of addresses, and a flood comes from ever other MACs. */
export const keptAtMost = 100_000;

/** Those that ended within this time don't count among them, milliseconds: their machines may just have been switched off. */
const recent = hour;

/** How much faster than time itself the history's own may pass. */
const catchUp = 10;

/**
 * The history's own time, which tells how long ago a binding ended. It follows the clock, but never faster than ten times the time
 * that really passes: by a clock that is a year ahead for a day a binding is kept for twenty-one days instead of thirty, and one that
 * was a year behind is caught up with in the end. A clock that goes back doesn't take it along.
 * @param before what it was; @param now the clock; @param elapsed what has really passed since. All in milliseconds
 */
export function historyTime(before: number, now: number, elapsed: number): number {
  return Math.max(before, Math.min(now, before + catchUp * Math.max(0, elapsed)));
}

/**
 * Bindings that are to be forgotten: those that ended long ago, and where there are too many the ones that ended first. Those of declared
 * hosts stay. Each is deleted only if it is still the same then.
 * @param time the history's own, or the clock's where that is behind. Unix time in milliseconds
 */
export function* outdated(leases: LeaseTable, time: number, isDeclared: (mac: string) => boolean): Generator<LeaseWrite> {
  const before = Math.max(time - keptFor, leases.endOfExcess(time - recent, keptAtMost));
  for (const { address, mac, expiresAt } of leases.endedBefore(before)) {
    if (!isDeclared(mac)) yield { type: "lease.delete", address, endedAt: expiresAt };
  }
}
