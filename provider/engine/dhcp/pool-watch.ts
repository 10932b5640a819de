import type { NewEvent } from "../../model/control";
import type { Ipv4Number } from "../../model/ip";
import type { LeaseTable } from "../lease-table";
import { oncePer } from "../once";
import { ownedKey } from "../view";
import type { AddressRange } from "./bindings";
import type { DhcpFacts } from "./facts";
import { reservedAddresses, servedSubnet, type Reserved, type ServedSubnet } from "./served-subnet";

/** How much of what anybody may get is in use. */
export interface PoolUse {
  readonly used: number;
  readonly total: number;
}

type Declared = DhcpFacts["state"];
type Leases = Pick<LeaseTable, "heldIn">;

/** An alert is over when less is in use than this share of what it was told at. */
const clearlyBelow = 0.9;

const rangesOf = oncePer((subnet: ServedSubnet): readonly AddressRange[] => subnet.pools.flatMap((pool) => pool.ranges));

/** Addresses of the pools that are declared hosts' own. */
const reservedIn = oncePer((reserved: Reserved) => oncePer((subnet: ServedSubnet): readonly Ipv4Number[] =>
  [...reserved.addresses].filter((address) => rangesOf(subnet).some(({ from, to }) => address >= from && address <= to))));

/** The use of a subnet's pools. Reserved addresses among them are nobody's to take, and count neither way. */
export function poolUse(subnet: ServedSubnet, reserved: Reserved, leases: Leases, now: number): PoolUse {
  const ranges = rangesOf(subnet);
  const own = reservedIn(reserved)(subnet);
  const total = ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0) - own.length;
  const held = leases.heldIn(ranges, now);
  return { used: held === 0 ? 0 : held - leases.heldIn(own.map((address) => ({ from: address, to: address })), now), total };
}

/** Tells when the pools of a subnet run short, once until they clearly don't any more. To be asked now and then, not with each packet. */
export class PoolWatch {
  /** The subnets that were told of, and what is to be said of them; undefined while it is no longer so and may be again at once. */
  private readonly short = new Map<string, string | undefined>();

  /** Looks at all pools; what is to be told. */
  look(state: Declared, leases: Leases, now: number): NewEvent[] {
    const events: NewEvent[] = [];
    const seen = new Set<string>();
    const reserved = reservedAddresses(state);
    for (const document of state.subnets) {
      const { used, total } = poolUse(servedSubnet(document), reserved, leases, now);
      const key = ownedKey(document);
      const threshold = (total * document.spec.limits.poolAlert) / 100;
      if (total <= 0 || used < threshold * clearlyBelow) continue;
      seen.add(key);
      const text = `${String(used)} of the ${String(total)} addresses in the pools of ${document.name} are in use`;
      const known = this.short.has(key);
      if (used >= threshold && !known) events.push({ kind: "alert", host: null, mac: null, address: null, text });
      if (used >= threshold) this.short.set(key, text);
      else if (known) this.short.set(key, undefined);
    }
    for (const key of this.short.keys()) if (!seen.has(key)) this.short.delete(key);
    return events;
  }

  /** The pools that run short, as of the last look, one sentence each. */
  problems(): string[] {
    return [...this.short.values()].filter((text) => text !== undefined);
  }
}
