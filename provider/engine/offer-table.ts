import type { Offer } from "./dhcp/bindings";

/** Addresses that are offered, or whose lease is being stored. */
export class OfferTable {
  /** By address. Every offer is held equally long, so the order of insertion is that of expiry. */
  private readonly byAddress = new Map<string, Offer>();
  private readonly byClient = new Map<string, Offer>();
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
    this.mark(offer.address, true);
  }

  drop(address: string): void {
    const offer = this.byAddress.get(address);
    if (offer === undefined) return;
    this.byAddress.delete(address);
    this.byClient.delete(offer.identity);
    this.mark(address, false);
  }

  /** Offers are kept in the order in which they end; a clock that went back breaks that order, and all of them are short-lived. */
  dropExpired(now: number): void {
    const wentBack = now < this.latest;
    this.latest = now;
    if (wentBack) for (const address of [...this.byAddress.keys()]) this.drop(address);
    for (const offer of this.byAddress.values()) {
      if (offer.expiresAt > now) return;
      this.drop(offer.address);
    }
  }
}

function unexpired(offer: Offer | undefined, now: number): Offer | undefined {
  return offer === undefined || offer.expiresAt <= now ? undefined : offer;
}
