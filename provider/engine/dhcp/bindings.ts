import type { Ipv4Number } from "../../model/ip";
import type { Lease, LeaseView } from "../leases";

/** How long an offered address is kept for its client: EDK2's last retry comes 60 s after its first DISCOVER. Milliseconds. */
export const offerHold = 60_000;

/** An address held for a client that was offered it or whose lease is being stored. Kept in memory only. */
export interface Offer {
  /** Dotted quad. */
  readonly address: string;
  /** `Exchange.identity` of the client. */
  readonly identity: string;
  /** Unix time in milliseconds, at most `offerHold` from when it was made. */
  readonly expiresAt: number;
  /** The relay's port that the client is behind; see `relayPort`. */
  readonly port?: string;
}

/** Addresses from `from` to `to`, both included. */
export interface AddressRange {
  readonly from: Ipv4Number;
  readonly to: Ipv4Number;
}

/** What the decisions ask of leases and offers. */
export interface BindingView extends LeaseView {
  ofMac(mac: string): readonly Lease[];
  /** By option 61 in hexadecimal. */
  ofClientId(clientId: string): readonly Lease[];
  /** The unexpired offer of an address. */
  offerOf(address: string, now: number): Offer | undefined;
  /** The unexpired offer to a client. */
  offerTo(identity: string, now: number): Offer | undefined;
  /**
   * A free address that `usable` accepts: the lowest that was never bound, in the order of the ranges; else the one whose
   * binding ended longest ago, the lowest of them on a tie. Undefined when all are taken.
   */
  freeAddress(ranges: readonly AddressRange[], now: number, usable: (address: Ipv4Number) => boolean): string | undefined;
}

/** Whether the binding still keeps its address from others. A quarantine counts. */
export function isHeld(lease: Lease, now: number): boolean {
  return lease.state !== "released" && lease.expiresAt > now;
}
