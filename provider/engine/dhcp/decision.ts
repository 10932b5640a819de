import type { DhcpPacket } from "../../wire/dhcp";
import type { NewEvent } from "../../model/control";
import type { Lease } from "../leases";
import type { Offer } from "./bindings";

/** Where a reply goes, computed from the request's fields (RFC 2131 section 4.1). */
export type Destination =
  | { readonly kind: "relay"; readonly address: string; readonly port: number }
  /** To a client that has its address. */
  | { readonly kind: "unicast"; readonly address: string }
  | { readonly kind: "broadcast" }
  /** To a client that doesn't answer ARP for its address yet. */
  | { readonly kind: "hardware"; readonly address: string; readonly mac: string };

export type LeaseWrite =
  | { readonly type: "lease.put"; readonly lease: Lease }
  /** With `endedAt` only where the binding still is the one that ended then (Unix time in milliseconds). */
  | { readonly type: "lease.delete"; readonly address: string; readonly endedAt?: number };

export type OfferWrite =
  | { readonly type: "offer.put"; readonly offer: Offer }
  | { readonly type: "offer.drop"; readonly address: string };

/** An address that a machine got of another server. */
export interface Sighting {
  readonly mac: string;
  /** Dotted quad. */
  readonly address: string;
}

/** What is to be done about a packet. */
export interface DhcpDecision {
  readonly reply: { readonly packet: DhcpPacket; readonly destination: Destination } | undefined;
  /** To be on stable storage before the reply leaves. */
  readonly leases: readonly LeaseWrite[];
  /** Take effect at once, so that a packet that comes while `leases` are being stored finds the address held. */
  readonly offers: readonly OfferWrite[];
  readonly events: readonly NewEvent[];
  /**
   * The address is to be pinged before the reply leaves (RFC 2131 section 2.2). If something answers, nothing of this decision counts
   * but its offers: `onProbeAnswered` says what follows, and the packet is then decided anew.
   */
  readonly probe?: { readonly address: string };
  /** Beside another server: which address the client has. */
  readonly sighting?: Sighting;
  /** Why, for the log. */
  readonly reason: string;
}

/** No reply, nothing changed. */
export function silent(reason: string, change: Partial<Pick<DhcpDecision, "leases" | "offers" | "events" | "sighting">> = {}): DhcpDecision {
  return { reply: undefined, leases: [], offers: [], events: [], ...change, reason };
}
