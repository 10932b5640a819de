/** Message types, option 53 (RFC 2132 section 9.6). */
export const messageTypes = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;
export type MessageName = keyof typeof messageTypes;

/** `op` of a message from a client (RFC 2131 section 2). */
export const bootRequest = 1;
/** `op` of a message from a server. */
export const bootReply = 2;

/** The broadcast bit of `flags` (RFC 2131 section 2, figure 2). */
export const broadcastFlag = 0x8000;

/** No address. */
export const anyAddress = "0.0.0.0";

/** A DHCPv4 message (RFC 2131 section 2). Addresses are dotted quads. */
export interface DhcpPacket {
  readonly op: typeof bootRequest | typeof bootReply;
  /** Hardware type; 1 is Ethernet. */
  readonly htype: number;
  /** Bytes of `chaddr` that count, 0 to 16. */
  readonly hlen: number;
  readonly hops: number;
  /** Unsigned 32 bits. */
  readonly xid: number;
  readonly secs: number;
  readonly flags: number;
  readonly ciaddr: string;
  readonly yiaddr: string;
  readonly siaddr: string;
  readonly giaddr: string;
  /** Always 16 bytes. */
  readonly chaddr: Uint8Array;
  /** Without its terminating NUL, one character a byte (Latin-1), 63 at most; empty when it carried options. */
  readonly sname: string;
  /** As `sname`, 127 at most. */
  readonly file: string;
  /** Raw values by code, in order of first appearance; the parts of a split option are joined (RFC 3396). */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

/** Lengths of the fixed part and of its text fields, in bytes. */
export const layout = {
  sname: { offset: 44, length: 64 },
  file: { offset: 108, length: 128 },
  cookie: 236,
  options: 240,
} as const;

/** Marks the options field (RFC 2131 section 3). */
export const magicCookie = 0x63825363;

/** RFC 951 made 300 bytes the size of a message; relays and old ROMs drop shorter ones. */
export const minimumLength = 300;

/** Codes that the codec itself treats apart. */
export const codes = { pad: 0, overload: 52, messageType: 53, relayAgent: 82, end: 255 } as const;
