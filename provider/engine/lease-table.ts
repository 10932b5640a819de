import { formatIpv4, ipv4, type Ipv4Number } from "../model/ip";
import type { LeaseWrite, OfferWrite } from "./dhcp";
import { AddressPages } from "./dhcp/address-pages";
import type { AddressRange, BindingView, Offer } from "./dhcp/bindings";
import { macOfPlainId, packClientId, packMac, type PackedMac } from "./lease-keys";
import { LeaseRecords, type Slot } from "./lease-records";
import type { Lease } from "./leases";
import { OfferTable } from "./offer-table";
import { SlotIndex } from "./slot-index";

/** Leases and offers in memory: a copy of what the store holds, and the offers, which live nowhere else. */
export class LeaseTable implements BindingView {
  private readonly records = new LeaseRecords();
  private readonly pages = new AddressPages(this.records);
  private readonly macs = new SlotIndex<PackedMac>();
  /** Client identifiers that say more than the MAC; see `LeaseRecords.keptId`. */
  private readonly clientIds = new SlotIndex<string>();
  private readonly ports = new SlotIndex<string>();
  private readonly offers = new OfferTable((address, taken) => { this.markOffered(address, taken); });
  private count = 0;

  constructor(leases: Iterable<Lease> = []) {
    for (const lease of leases) this.put(lease);
  }

  /** Number of addresses with a binding, in whatever state. */
  get size(): number {
    return this.count;
  }

  byAddress(address: string): Lease | undefined {
    const slot = this.pages.slot(ipv4(address));
    return slot === undefined ? undefined : this.records.lease(slot);
  }

  /** The newest: one that is active rather than one that isn't, then the one that ends last, then the lowest address. */
  byMac(mac: string): Lease | undefined {
    const slots = this.macs.of(packMac(mac));
    const [only] = slots;
    if (only === undefined) return undefined;
    return this.records.lease(slots.length === 1 ? only : slots.reduce((best, slot) => (this.isNewer(slot, best) ? slot : best)));
  }

  ofMac(mac: string): readonly Lease[] {
    return this.macs.of(packMac(mac)).map((slot) => this.records.lease(slot));
  }

  ofClientId(clientId: string): readonly Lease[] {
    const mac = macOfPlainId(clientId);
    const plain = mac === undefined ? [] : this.macs.of(mac).filter((slot) => this.records.hasPlainId(slot));
    return [...plain, ...this.clientIds.of(packClientId(clientId))].map((slot) => this.records.lease(slot));
  }

  /** Whether at least `limit` addresses are held behind a relay's port, or on offer there. */
  reaches(port: string, limit: number, now: number): boolean {
    let held = this.offers.behind(port, now, (address) => !this.isHeld(address, now));
    if (held >= limit) return true;
    for (const slot of this.ports.of(port)) {
      if (this.records.isHeld(slot, now)) held += 1;
      if (held >= limit) return true;
    }
    return false;
  }

  offerOf(address: string, now: number): Offer | undefined {
    return this.offers.of(address, now);
  }

  offerTo(identity: string, now: number): Offer | undefined {
    return this.offers.to(identity, now);
  }

  /** Offers that still hold. */
  offered(now: number): Offer[] {
    return this.offers.all(now);
  }

  freeAddress(ranges: readonly AddressRange[], now: number, usable: (address: Ipv4Number) => boolean): string | undefined {
    this.offers.dropExpired(now);
    for (const range of ranges) {
      const address = this.pages.firstFree(range, usable);
      if (address !== undefined) return formatIpv4(address);
    }
    const unoffered = (address: Ipv4Number) => !this.offers.has(formatIpv4(address)) && usable(address);
    const best = ranges
      .flatMap((range) => this.pages.longestEnded(range, now, unoffered) ?? [])
      .reduce<Slot | undefined>((first, slot) => (first === undefined || this.records.endsAt(slot) < this.records.endsAt(first) ? slot : first), undefined);
    return best === undefined ? undefined : formatIpv4(this.records.address(best));
  }

  /** How many addresses of the ranges, which don't overlap, have a binding that holds. */
  heldIn(ranges: readonly AddressRange[], now: number): number {
    return ranges.reduce((sum, range) => sum + this.pages.held(range, now), 0);
  }

  /** Takes over a write once it is stored. Doing so twice changes nothing. */
  apply(write: LeaseWrite): void {
    switch (write.type) {
      case "lease.put":
        this.put(write.lease);
        break;
      case "lease.delete":
        this.delete(write.address, write.endedAt);
        break;
    }
  }

  applyOffer(write: OfferWrite): void {
    switch (write.type) {
      case "offer.put":
        this.offers.put(write.offer);
        break;
      case "offer.drop":
        this.offers.drop(write.address);
        break;
    }
  }

  /** Every binding, in no particular order. */
  *all(): Generator<Lease> {
    for (const slot of this.records.slots()) yield this.records.lease(slot);
  }

  /** Bindings that keep their address at this time. */
  *held(now: number): Generator<Lease> {
    for (const slot of this.records.slots()) if (this.records.isHeld(slot, now)) yield this.records.lease(slot);
  }

  /** Bindings that ended before this time. */
  *endedBefore(time: number): Generator<Lease> {
    for (const slot of this.records.endedBefore(time)) yield this.records.lease(slot);
  }

  /**
   * Of the bindings that ended before a time so many are to be kept, those that ended last: all that ended before this time are more
   * than that. -Infinity where there are no more.
   */
  endOfExcess(time: number, kept: number): number {
    const ends = this.records.endsBefore(time);
    return ends.length <= kept ? -Infinity : ends.sort()[ends.length - kept] ?? time;
  }

  private isHeld(address: string, now: number): boolean {
    const slot = this.pages.slot(ipv4(address));
    return slot !== undefined && this.records.isHeld(slot, now);
  }

  private put(lease: Lease): void {
    const address = ipv4(lease.address);
    const earlier = this.pages.slot(address);
    if (earlier === undefined) this.count += 1;
    else this.unindex(earlier);
    const slot = earlier ?? this.records.add(lease);
    if (earlier !== undefined) this.records.write(slot, lease);
    this.pages.set(address, slot);
    this.index(slot);
  }

  private delete(text: string, endedAt: number | undefined): void {
    const address = ipv4(text);
    const slot = this.pages.slot(address);
    if (slot === undefined || (endedAt !== undefined && this.records.endsAt(slot) !== endedAt)) return;
    this.count -= 1;
    this.unindex(slot);
    this.records.remove(slot);
    this.pages.clear(address);
    if (this.offers.has(text)) this.pages.setTaken(address, true);
  }

  private index(slot: Slot): void {
    this.macs.add(this.records.mac(slot), slot);
    const id = this.records.keptId(slot);
    if (id !== undefined) this.clientIds.add(id, slot);
    const port = this.records.port(slot);
    if (port !== undefined) this.ports.add(port, slot);
  }

  private unindex(slot: Slot): void {
    this.macs.remove(this.records.mac(slot), slot);
    const id = this.records.keptId(slot);
    if (id !== undefined) this.clientIds.remove(id, slot);
    const port = this.records.port(slot);
    if (port !== undefined) this.ports.remove(port, slot);
  }

  private isNewer(slot: Slot, than: Slot): boolean {
    const { records } = this;
    const difference = Number(records.state(slot) === "active") - Number(records.state(than) === "active")
      || records.endsAt(slot) - records.endsAt(than) || records.address(than) - records.address(slot);
    return difference > 0;
  }

  private markOffered(text: string, taken: boolean): void {
    const address = ipv4(text);
    if (taken || this.pages.slot(address) === undefined) this.pages.setTaken(address, taken);
  }
}
