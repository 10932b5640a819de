/** `declined`: quarantined until `expiresAt`. */
export type LeaseState = "active" | "released" | "declined";

/** One address's binding, as stored. */
export interface Lease {
  /** Dotted quad; the key. */
  readonly address: string;
  /** `52:54:00:12:34:56`. */
  readonly mac: string;
  /** Option 61 in hexadecimal, if the client sent one. */
  readonly clientId: string | null;
  readonly owner: string;
  /** Name of the subnet's document. */
  readonly subnet: string;
  readonly state: LeaseState;
  /** Unix time in milliseconds. */
  readonly expiresAt: number;
  /** The relay's port that the client is behind; see `relayPort`. */
  readonly port?: string;
}

/** What other parts may ask of the leases. */
export interface LeaseView {
  /** The binding of an address, whatever its state. */
  byAddress(address: string): Lease | undefined;
  /** The newest binding of a MAC, whatever its state. */
  byMac(mac: string): Lease | undefined;
}
