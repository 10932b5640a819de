import type { Ipv4Number } from "../../model/ip";
import type { LeaseRecords, Slot } from "../lease-records";
import type { AddressRange } from "./bindings";

const pageSize = 1024;
const wordBits = 32;

/** 1,024 neighbouring addresses. */
interface Page {
  readonly base: Ipv4Number;
  /** One bit an address: it has a binding, in whatever state, or is offered. */
  readonly taken: Uint32Array;
  /** How many bits of `taken` are not set. */
  free: number;
  /** The binding's slot plus one; 0 where there is none. */
  readonly slots: Int32Array;
  /** No binding of the page ends before this. May be too early, never too late. Unix time in milliseconds. */
  endsFrom: number;
}

/**
 * Bindings by address, and which addresses have none. Searching a full pool costs a few steps a thousand addresses, so that
 * an exhausted pool is as cheap as an empty one.
 */
export class AddressPages {
  private readonly pages = new Map<number, Page>();

  constructor(private readonly records: LeaseRecords) {}

  slot(address: Ipv4Number): Slot | undefined {
    const slot = this.pages.get(Math.floor(address / pageSize))?.slots[address % pageSize] ?? 0;
    return slot === 0 ? undefined : slot - 1;
  }

  /** Tells of a binding, or that its end changed. */
  set(address: Ipv4Number, slot: Slot): void {
    const page = this.page(address);
    page.slots[address % pageSize] = slot + 1;
    page.endsFrom = Math.min(page.endsFrom, this.records.endsAt(slot));
    mark(page, address % pageSize, true);
  }

  clear(address: Ipv4Number): void {
    const page = this.page(address);
    page.slots[address % pageSize] = 0;
    mark(page, address % pageSize, false);
  }

  /** Marks an address as taken or not without a binding. */
  setTaken(address: Ipv4Number, taken: boolean): void {
    mark(this.page(address), address % pageSize, taken);
  }

  /** The lowest address of the range that isn't taken and that `usable` accepts. */
  firstFree(range: AddressRange, usable: (address: Ipv4Number) => boolean): Ipv4Number | undefined {
    let address = range.from;
    while (address <= range.to) {
      const page = this.pages.get(Math.floor(address / pageSize));
      if (page?.free === 0) {
        address = page.base + pageSize;
        continue;
      }
      const slot = page === undefined ? 0 : address % pageSize;
      const word = page?.taken[Math.floor(slot / wordBits)] ?? 0;
      const bit = slot % wordBits;
      const free = ~word >>> bit;
      if (free === 0) {
        address += wordBits - bit;
        continue;
      }
      address += trailingZeros(free);
      if (address > range.to) return undefined;
      if (usable(address)) return address;
      address += 1;
    }
    return undefined;
  }

  /** Of the bindings in the range that ended by `now` and that `usable` accepts, the one that ended first; the lowest on a tie. */
  longestEnded(range: AddressRange, now: number, usable: (address: Ipv4Number) => boolean): Slot | undefined {
    let best: Slot | undefined;
    const ended = [...this.pagesOf(range)].filter((page) => page.endsFrom <= now);
    for (const page of ended.sort((a, b) => a.endsFrom - b.endsFrom || a.base - b.base)) {
      if (best !== undefined && page.endsFrom > this.records.endsAt(best)) break;
      best = this.earlier(best, this.searchPage(page, range, now, usable));
    }
    return best;
  }

  /** How many addresses of the range have a binding that holds. */
  held(range: AddressRange, now: number): number {
    let count = 0;
    for (const page of this.pagesOf(range)) {
      const to = Math.min(range.to - page.base, pageSize - 1);
      for (let at = Math.max(range.from - page.base, 0); at <= to; at++) {
        const slot = page.slots[at] ?? 0;
        if (slot !== 0 && this.records.isHeld(slot - 1, now)) count += 1;
      }
    }
    return count;
  }

  /** Also makes the page's `endsFrom` exact. */
  private searchPage(page: Page, range: AddressRange, now: number, usable: (address: Ipv4Number) => boolean): Slot | undefined {
    let best: Slot | undefined;
    let bestEnd = Infinity;
    let endsFrom = Infinity;
    for (let at = 0; at < pageSize; at++) {
      const slot = (page.slots[at] ?? 0) - 1;
      if (slot < 0) continue;
      const end = this.records.endsAt(slot);
      endsFrom = Math.min(endsFrom, end);
      const address = page.base + at;
      if (end > now || end >= bestEnd || address < range.from || address > range.to || !usable(address)) continue;
      best = slot;
      bestEnd = end;
    }
    page.endsFrom = endsFrom;
    return best;
  }

  /** Pages of one end time come in the order of their addresses, so on a tie the first stays. */
  private earlier(a: Slot | undefined, b: Slot | undefined): Slot | undefined {
    if (a === undefined || b === undefined) return a ?? b;
    return this.records.endsAt(b) < this.records.endsAt(a) ? b : a;
  }

  private *pagesOf(range: AddressRange): Generator<Page> {
    for (let index = Math.floor(range.from / pageSize); index <= Math.floor(range.to / pageSize); index++) {
      const page = this.pages.get(index);
      if (page !== undefined) yield page;
    }
  }

  private page(address: Ipv4Number): Page {
    const index = Math.floor(address / pageSize);
    const known = this.pages.get(index);
    if (known !== undefined) return known;
    const made: Page = {
      base: index * pageSize,
      taken: new Uint32Array(pageSize / wordBits),
      free: pageSize,
      slots: new Int32Array(pageSize),
      endsFrom: Infinity,
    };
    this.pages.set(index, made);
    return made;
  }
}

function mark(page: Page, slot: number, taken: boolean): void {
  const index = Math.floor(slot / wordBits);
  const bit = 1 << (slot % wordBits);
  const word = page.taken[index] ?? 0;
  if (((word & bit) !== 0) === taken) return;
  page.taken[index] = word ^ bit;
  page.free += taken ? -1 : 1;
}

/** Of a number that isn't zero. */
function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
