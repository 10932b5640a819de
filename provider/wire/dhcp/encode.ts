import { pxeError, type PxeError } from "../../errors";
import { copyTo, writeAddress, writeLatin1, writeUint16, writeUint32 } from "./bytes";
import { anyAddress, codes, layout, magicCookie, minimumLength, type DhcpPacket } from "./packet";

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
  bytes[0] = packet.op;
  bytes[1] = inRange("htype", packet.htype, 0xff);
  bytes[2] = inRange("hlen", packet.hlen, 16);
  bytes[3] = inRange("hops", packet.hops, 0xff);
  writeUint32(bytes, 4, inRange("xid", packet.xid, 0xffffffff));
  writeUint16(bytes, 8, inRange("secs", packet.secs, 0xffff));
  writeUint16(bytes, 10, inRange("flags", packet.flags, 0xffff));
  putAddress(bytes, 12, "ciaddr", packet.ciaddr);
  putAddress(bytes, 16, "yiaddr", packet.yiaddr);
  putAddress(bytes, 20, "siaddr", packet.siaddr);
  putAddress(bytes, 24, "giaddr", packet.giaddr);
  if (packet.chaddr.length > 16) throw overflow("chaddr has more than 16 bytes");
  copyTo(bytes, 28, packet.chaddr);
  putText(bytes, layout.sname, "sname", packet.sname);
  putText(bytes, layout.file, "file", packet.file);
  writeUint32(bytes, layout.cookie, magicCookie);
  bytes[writeOptions(bytes, layout.options, packet.options)] = codes.end;
  return bytes;
}

/** Bytes that `encodeDhcp` would write. */
export function encodedLength(packet: DhcpPacket): number {
  let length = layout.options + 1;
  for (const value of packet.options.values()) {
    length += value.length + (value.length <= maxPart ? 2 : 2 * Math.ceil(value.length / maxPart));
  }
  return Math.max(length, minimumLength);
}

function writeOptions(bytes: Uint8Array, at: number, options: ReadonlyMap<number, Uint8Array>): number {
  let offset = at;
  const first = options.get(codes.messageType);
  if (first !== undefined) offset = writeOption(bytes, offset, codes.messageType, first);
  // Without a pair of each entry, as `for … of` makes it.
  options.forEach((value, code) => {
    if (code !== codes.messageType && code !== codes.relayAgent) offset = writeOption(bytes, offset, code, value);
  });
  const last = options.get(codes.relayAgent);
  return last === undefined ? offset : writeOption(bytes, offset, codes.relayAgent, last);
}

function writeOption(bytes: Uint8Array, at: number, code: number, value: Uint8Array): number {
  if (!Number.isInteger(code) || code <= codes.pad || code >= codes.end) throw overflow(`${String(code)} is not an option code`);
  let offset = at;
  let start = 0;
  do {
    const part = value.length <= maxPart ? value : value.subarray(start, start + maxPart);
    bytes[offset] = code;
    bytes[offset + 1] = part.length;
    copyTo(bytes, offset + 2, part);
    offset += 2 + part.length;
    start += maxPart;
  } while (start < value.length);
  return offset;
}

function inRange(name: string, value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max) throw overflow(`${name} is ${String(value)}`);
  return value;
}

function putAddress(bytes: Uint8Array, offset: number, name: string, value: string): void {
  // The bytes are zero already.
  if (value !== anyAddress && !writeAddress(bytes, offset, value)) throw overflow(`${name} is "${value}", not an IPv4 address`);
}

/** One byte less than the field: the terminating NUL is part of it, and old ROMs read on without it. */
function putText(bytes: Uint8Array, field: { readonly offset: number; readonly length: number }, name: string, value: string): void {
  if (value === "") return;
  if (value.length >= field.length) throw overflow(`${name} has ${String(value.length)} bytes, ${String(field.length - 1)} are allowed`);
  if (value.includes("\0") || !writeLatin1(bytes, field.offset, value)) throw overflow(`${name} contains a character that cannot be sent`);
}

function overflow(what: string): PxeError {
  return pxeError("PXE_ENCODING_OVERFLOW", `the DHCP message cannot be encoded: ${what}`);
}
