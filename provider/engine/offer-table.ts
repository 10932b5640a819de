import { offerHold, type Offer } from "./dhcp/bindings";
import { Multimap } from "./multimap";

/** Addresses that are offered, or whose lease is being stored. */
export class OfferTable {
  /** By address. Every offer is held equally long, so the order of insertion is that of expiry. */
  private readonly byAddress = new Map<string, Offer>();
  private readonly byClient = new Map<string, Offer>();
  private readonly byPort = new Multimap<string, string>();
  /** When offers were last looked through, Unix time in milliseconds. */
  private latest = 0;

  /** @param mark told of each address that becomes offered or no longer is */
  constructor(private readonly mark: (address: string, offered: boolean) => void) {}

  has(address: string): boolean {
    return this.byAddress.has(address);
  }

  of(address: string, now: number): Offer | undefined {
    return unexpired(this.byAddress.get(address), now);
  }

  to(identity: string, now: number): Offer | undefined {
    return unexpired(this.byClient.get(identity), now);
  }

  all(now: number): Offer[] {
    return [...this.byAddress.values()].filter((offer) => unexpired(offer, now) !== undefined);
  }

  /** A client has one offer; an earlier one is given up. */
  put(offer: Offer): void {
    const earlier = this.byClient.get(offer.identity);
    if (earlier !== undefined) this.drop(earlier.address);
    this.drop(offer.address);
    this.byAddress.set(offer.address, offer);
    this.byClient.set(offer.identity, offer);
    if (offer.port !== undefined) this.byPort.add(offer.port, offer.address);
    this.mark(offer.address, true);
  }

  drop(address: string): void {
    const offer = this.byAddress.get(address);
    if (offer === undefined) return;
    this.byAddress.delete(address);
    this.byClient.delete(offer.identity);
    if (offer.port !== undefined) this.byPort.remove(offer.port, address);
    this.mark(address, false);
  }

  /** How many addresses are offered to clients behind a relay's port, of those that `counts`. */
  behind(port: string, now: number, counts: (address: string) => boolean): number {
    let count = 0;
    for (const address of this.byPort.get(port)) if (this.of(address, now) !== undefined && counts(address)) count += 1;
    return count;
  }

  dropExpired(now: number): void {
    if (now < this.latest) this.setBack(now);
    this.latest = now;
    for (const offer of this.byAddress.values()) {
      if (offer.expiresAt > now) return;
      this.drop(offer.address);
    }
  }

  /** The clock went back: nothing is held for longer than it would be if it were offered now, and the order is that of expiry again. */
  private setBack(now: number): void {
    const offers = [...this.byAddress.values()].sort((a, b) => a.expiresAt - b.expiresAt);
    this.byAddress.clear();
    for (const offer of offers) {
      const shortened = { ...offer, expiresAt: Math.min(offer.expiresAt, now + offerHold) };
      this.byAddress.set(offer.address, shortened);
      this.byClient.set(offer.identity, shortened);
    }
  }
}

function unexpired(offer: Offer | undefined, now: number): Offer | undefined {
  return offer === undefined || offer.expiresAt <= now ? undefined : offer;
}
