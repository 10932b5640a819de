import { formatIpv4, ipv4, type Ipv4Number } from "../model/ip";
import type { LeaseWrite, OfferWrite } from "./dhcp";
import { AddressPages } from "./dhcp/address-pages";
import { isHeld, type AddressRange, type BindingView, type Offer } from "./dhcp/bindings";
import type { Lease } from "./leases";

/** Leases and offers in memory: a copy of what the store holds, and the offers, which live nowhere else. */
export class LeaseTable implements BindingView {
  private readonly pages = new AddressPages();
  private readonly macs = new Map<string, Lease[]>();
  private readonly clientIds = new Map<string, Lease[]>();
  /** By address. Every offer is held equally long, so the order of insertion is that of expiry. */
  private readonly offers = new Map<string, Offer>();
  private readonly offersByClient = new Map<string, Offer>();
  /** When offers were last looked through, Unix time in milliseconds. */
  private latest = 0;
  private count = 0;

  constructor(leases: Iterable<Lease> = []) {
    for (const lease of leases) this.put(lease);
  }

  /** Number of addresses with a binding, in whatever state. */
  get size(): number {
    return this.count;
  }

  byAddress(address: string): Lease | undefined {
    return this.pages.lease(ipv4(address));
  }

  /** The newest: one that is active rather than one that isn't, then the one that ends last. */
  byMac(mac: string): Lease | undefined {
    const newest = (a: Lease, b: Lease) => Number(isActive(b)) - Number(isActive(a)) || b.expiresAt - a.expiresAt;
    return this.ofMac(mac).toSorted(newest)[0];
  }

  ofMac(mac: string): readonly Lease[] {
    return this.macs.get(mac) ?? [];
  }

  ofClientId(clientId: string): readonly Lease[] {
    return this.clientIds.get(clientId) ?? [];
  }

  offerOf(address: string, now: number): Offer | undefined {
    return unexpired(this.offers.get(address), now);
  }

  offerTo(identity: string, now: number): Offer | undefined {
    return unexpired(this.offersByClient.get(identity), now);
  }

  /** Offers that still hold. */
  offered(now: number): Offer[] {
    return [...this.offers.values()].filter((offer) => unexpired(offer, now) !== undefined);
  }

  freeAddress(ranges: readonly AddressRange[], now: number, usable: (address: Ipv4Number) => boolean): string | undefined {
    this.dropExpiredOffers(now);
    for (const range of ranges) {
      const address = this.pages.firstFree(range, usable);
      if (address !== undefined) return formatIpv4(address);
    }
    const unoffered = (address: Ipv4Number) => !this.offers.has(formatIpv4(address)) && usable(address);
    return ranges
      .flatMap((range) => this.pages.longestEnded(range, now, unoffered) ?? [])
      .reduce<Lease | undefined>((best, lease) => (best === undefined || lease.expiresAt < best.expiresAt ? lease : best), undefined)
      ?.address;
  }

  /** Takes over a write once it is stored. Doing so twice changes nothing. */
  apply(write: LeaseWrite): void {
    switch (write.type) {
      case "lease.put":
        this.put(write.lease);
        break;
      case "lease.delete":
        this.delete(write.address);
        break;
    }
  }

  applyOffer(write: OfferWrite): void {
    switch (write.type) {
      case "offer.put":
        this.putOffer(write.offer);
        break;
      case "offer.drop":
        this.dropOffer(write.address);
        break;
    }
  }

  /** Every binding, in no particular order. */
  *all(): Iterable<Lease> {
    for (const leases of this.macs.values()) yield* leases;
  }

  /** Bindings that keep their address at this time. */
  *held(now: number): Iterable<Lease> {
    for (const lease of this.all()) if (isHeld(lease, now)) yield lease;
  }

  private put(lease: Lease): void {
    const address = ipv4(lease.address);
    const earlier = this.pages.lease(address);
    if (earlier === undefined) this.count += 1;
    else this.unindex(earlier);
    this.pages.setLease(address, lease);
    add(this.macs, lease.mac, lease);
    if (lease.clientId !== null) add(this.clientIds, lease.clientId, lease);
  }

  private delete(text: string): void {
    const address = ipv4(text);
    const lease = this.pages.lease(address);
    if (lease === undefined) return;
    this.count -= 1;
    this.unindex(lease);
    this.pages.clearLease(address);
    if (this.offers.has(text)) this.pages.setTaken(address, true);
  }

  private unindex(lease: Lease): void {
    remove(this.macs, lease.mac, lease);
    if (lease.clientId !== null) remove(this.clientIds, lease.clientId, lease);
  }

  /** A client has one offer; an earlier one is given up. */
  private putOffer(offer: Offer): void {
    const earlier = this.offersByClient.get(offer.identity);
    if (earlier !== undefined) this.dropOffer(earlier.address);
    this.dropOffer(offer.address);
    this.offers.set(offer.address, offer);
    this.offersByClient.set(offer.identity, offer);
    this.pages.setTaken(ipv4(offer.address), true);
  }

  private dropOffer(address: string): void {
    const offer = this.offers.get(address);
    if (offer === undefined) return;
    this.offers.delete(address);
    this.offersByClient.delete(offer.identity);
    const value = ipv4(address);
    if (this.pages.lease(value) === undefined) this.pages.setTaken(value, false);
  }

  /** Offers are kept in the order in which they end; a clock that went back breaks that order, and all of them are short-lived. */
  private dropExpiredOffers(now: number): void {
    const wentBack = now < this.latest;
    this.latest = now;
    if (wentBack) for (const address of [...this.offers.keys()]) this.dropOffer(address);
    for (const offer of this.offers.values()) {
      if (offer.expiresAt > now) return;
      this.dropOffer(offer.address);
    }
  }
}

function isActive(lease: Lease): boolean {
  return lease.state === "active";
}

function unexpired(offer: Offer | undefined, now: number): Offer | undefined {
  return offer === undefined || offer.expiresAt <= now ? undefined : offer;
}

function add(index: Map<string, Lease[]>, key: string, lease: Lease): void {
  const list = index.get(key);
  if (list === undefined) index.set(key, [lease]);
  else list.push(lease);
}

function remove(index: Map<string, Lease[]>, key: string, lease: Lease): void {
  const rest = (index.get(key) ?? []).filter((other) => other.address !== lease.address);
  if (rest.length === 0) index.delete(key);
  else index.set(key, rest);
}
