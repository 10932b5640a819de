import { pxeError, type PxeError } from "../../errors";
import { addressBytes, latin1Bytes } from "./bytes";
import { codes, layout, magicCookie, minimumLength, type DhcpPacket } from "./packet";

/** What one IP datagram on Ethernet carries, in bytes: 1500 less the IP and UDP headers. EDK2 drops longer replies. */
export const ethernetPayload = 1472;

/** Length of one option's value, in bytes (RFC 2132 section 2). */
const maxPart = 255;

/**
 * Writes a message. The order is fixed: option 53 first, option 82 last (RFC 3046 section 2.1), the others as in the map.
 * A value over 255 bytes is split (RFC 3396); nothing is ever cut or put into `file` and `sname`.
 * @param limit the most bytes that the message may have
 * @throws PXE_ENCODING_OVERFLOW when a value doesn't fit its field or the message its limit
 */
export function encodeDhcp(packet: DhcpPacket, limit: number = ethernetPayload): Uint8Array {
  const length = encodedLength(packet);
  if (length > limit) throw overflow(`the message has ${String(length)} bytes, ${String(limit)} are allowed`);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, packet.op);
  view.setUint8(1, inRange("htype", packet.htype, 0xff));
  view.setUint8(2, inRange("hlen", packet.hlen, 16));
  view.setUint8(3, inRange("hops", packet.hops, 0xff));
  view.setUint32(4, inRange("xid", packet.xid, 0xffffffff));
  view.setUint16(8, inRange("secs", packet.secs, 0xffff));
  view.setUint16(10, inRange("flags", packet.flags, 0xffff));
  bytes.set(address("ciaddr", packet.ciaddr), 12);
  bytes.set(address("yiaddr", packet.yiaddr), 16);
  bytes.set(address("siaddr", packet.siaddr), 20);
  bytes.set(address("giaddr", packet.giaddr), 24);
  if (packet.chaddr.length > 16) throw overflow("chaddr has more than 16 bytes");
  bytes.set(packet.chaddr, 28);
  bytes.set(text("sname", packet.sname, layout.sname.length), layout.sname.offset);
  bytes.set(text("file", packet.file, layout.file.length), layout.file.offset);
  view.setUint32(layout.cookie, magicCookie);
  let offset: number = layout.options;
  for (const [code, value] of ordered(packet.options)) offset = writeOption(bytes, offset, code, value);
  bytes[offset] = codes.end;
  return bytes;
}

/** Bytes that `encodeDhcp` would write. */
export function encodedLength(packet: DhcpPacket): number {
  let length = layout.options + 1;
  for (const value of packet.options.values()) {
    length += value.length + 2 * Math.max(1, Math.ceil(value.length / maxPart));
  }
  return Math.max(length, minimumLength);
}

function* ordered(options: ReadonlyMap<number, Uint8Array>): Generator<readonly [number, Uint8Array]> {
  const first = options.get(codes.messageType);
  if (first !== undefined) yield [codes.messageType, first];
  for (const entry of options) {
    if (entry[0] !== codes.messageType && entry[0] !== codes.relayAgent) yield entry;
  }
  const last = options.get(codes.relayAgent);
  if (last !== undefined) yield [codes.relayAgent, last];
}

function writeOption(bytes: Uint8Array, at: number, code: number, value: Uint8Array): number {
  if (!Number.isInteger(code) || code <= codes.pad || code >= codes.end) throw overflow(`${String(code)} is not an option code`);
  let offset = at;
  let start = 0;
  do {
    const part = value.subarray(start, start + maxPart);
    bytes[offset] = code;
    bytes[offset + 1] = part.length;
    bytes.set(part, offset + 2);
    offset += 2 + part.length;
    start += maxPart;
  } while (start < value.length);
  return offset;
}

function inRange(name: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) throw overflow(`${name} is ${String(value)}`);
  return value;
}

function address(name: string, value: string): Uint8Array {
  const bytes = addressBytes(value);
  if (bytes === undefined) throw overflow(`${name} is "${value}", not an IPv4 address`);
  return bytes;
}

/** One byte less than the field: the terminating NUL is part of it, and old ROMs read on without it. */
function text(name: string, value: string, length: number): Uint8Array {
  const bytes = latin1Bytes(value);
  if (bytes === undefined || bytes.includes(0)) throw overflow(`${name} contains a character that cannot be sent`);
  if (bytes.length >= length) throw overflow(`${name} has ${String(bytes.length)} bytes, ${String(length - 1)} are allowed`);
  return bytes;
}

function overflow(what: string): PxeError {
  return pxeError("PXE_ENCODING_OVERFLOW", `the DHCP message cannot be encoded: ${what}`);
}
