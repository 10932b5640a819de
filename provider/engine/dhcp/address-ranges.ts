import type { Ipv4Number } from "../../model/ip";
import type { AddressRange } from "./bindings";

/** The range without the holes, in order. Holes may overlap and lie outside. */
export function without(range: AddressRange, holes: readonly AddressRange[]): AddressRange[] {
  const left: AddressRange[] = [];
  let { from } = range;
  for (const hole of holes.toSorted((a, b) => a.from - b.from)) {
    if (hole.to < from) continue;
    if (hole.from > range.to) break;
    if (hole.from > from) left.push({ from, to: hole.from - 1 });
    from = hole.to + 1;
  }
  if (from <= range.to) left.push({ from, to: range.to });
  return left;
}

/** Neighbouring addresses as ranges: those of at least this many. */
export function runsOf(addresses: Iterable<Ipv4Number>, atLeast: number): AddressRange[] {
  const runs: AddressRange[] = [];
  let from = -1;
  let to = -1;
  const close = () => { if (from !== -1 && to - from + 1 >= atLeast) runs.push({ from, to }); };
  for (const address of [...addresses].sort((a, b) => a - b)) {
    if (address === to + 1) to = address;
    else {
      close();
      from = address;
      to = address;
    }
  }
  close();
  return runs;
}
