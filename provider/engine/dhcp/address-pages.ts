import type { Ipv4Number } from "../../model/ip";
import type { Lease } from "../leases";
import type { AddressRange } from "./bindings";

const pageSize = 1024;
const wordBits = 32;

/** 1,024 neighbouring addresses. */
interface Page {
  readonly base: Ipv4Number;
  /** One bit an address: it has a binding, in whatever state, or is offered. */
  readonly taken: Uint32Array;
  readonly leases: (Lease | undefined)[];
  /** No binding of the page ends before this. May be too early, never too late. Unix time in milliseconds. */
  endsFrom: number;
}

/**
 * Bindings by address, and which addresses have none. Searching a full pool costs a few steps a thousand addresses, so that
 * an exhausted pool is as cheap as an empty one.
 */
export class AddressPages {
  private readonly pages = new Map<number, Page>();

  lease(address: Ipv4Number): Lease | undefined {
    return this.pages.get(Math.floor(address / pageSize))?.leases[address % pageSize];
  }

  setLease(address: Ipv4Number, lease: Lease): void {
    const page = this.page(address);
    page.leases[address % pageSize] = lease;
    page.endsFrom = Math.min(page.endsFrom, lease.expiresAt);
    mark(page, address % pageSize, true);
  }

  clearLease(address: Ipv4Number): void {
    const page = this.page(address);
    page.leases[address % pageSize] = undefined;
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
  longestEnded(range: AddressRange, now: number, usable: (address: Ipv4Number) => boolean): Lease | undefined {
    let best: Lease | undefined;
    const inOrder = [...this.pagesOf(range)].sort((a, b) => a.endsFrom - b.endsFrom || a.base - b.base);
    for (const page of inOrder) {
      if (page.endsFrom > now || (best !== undefined && page.endsFrom > best.expiresAt)) break;
      best = earlier(best, searchPage(page, range, now, usable));
    }
    return best;
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
      leases: new Array<Lease | undefined>(pageSize).fill(undefined),
      endsFrom: Infinity,
    };
    this.pages.set(index, made);
    return made;
  }
}

/** Also makes the page's `endsFrom` exact. */
function searchPage(page: Page, range: AddressRange, now: number, usable: (address: Ipv4Number) => boolean): Lease | undefined {
  let best: Lease | undefined;
  let endsFrom = Infinity;
  for (const [slot, lease] of page.leases.entries()) {
    if (lease === undefined) continue;
    endsFrom = Math.min(endsFrom, lease.expiresAt);
    const address = page.base + slot;
    if (lease.expiresAt > now || address < range.from || address > range.to) continue;
    if ((best === undefined || lease.expiresAt < best.expiresAt) && usable(address)) best = lease;
  }
  page.endsFrom = endsFrom;
  return best;
}

/** Pages of one end time come in the order of their addresses, so on a tie the first stays. */
function earlier(a: Lease | undefined, b: Lease | undefined): Lease | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return b.expiresAt < a.expiresAt ? b : a;
}

function mark(page: Page, slot: number, taken: boolean): void {
  const index = Math.floor(slot / wordBits);
  const bit = 1 << (slot % wordBits);
  const word = page.taken[index] ?? 0;
  page.taken[index] = taken ? word | bit : word & ~bit;
}

/** Of a number that isn't zero. */
function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word);
}
