import { pxeError, type PxeError } from "../../errors";
import { joined, readAddress, textUntilNul } from "./bytes";
import { bootReply, bootRequest, codes, layout, magicCookie, type DhcpPacket } from "./packet";

/** Bits of option 52 (RFC 2132 section 9.3). */
const overloadFile = 1;
const overloadSname = 2;

/**
 * Reads a message. Options are views into `bytes`, which must not change afterwards.
 * A missing END, or a broken option after good ones, is what real ROMs send: it is read as far as it is good.
 * @throws PXE_PACKET_MALFORMED when the fixed part or the magic cookie is cut or wrong, or when overloading is nested
 */
export function decodeDhcp(bytes: Uint8Array): DhcpPacket {
  if (bytes.length < layout.options) throw malformed(`it has ${String(bytes.length)} bytes, at least ${String(layout.options)} are needed`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(layout.cookie) !== magicCookie) throw malformed("it has no DHCP magic cookie");
  const op = view.getUint8(0);
  if (op !== bootRequest && op !== bootReply) throw malformed(`its op is ${String(op)}`);
  const hlen = view.getUint8(2);
  if (hlen > 16) throw malformed(`its hardware address has ${String(hlen)} bytes`);

  const options = new Map<number, Uint8Array>();
  readOptions(bytes.subarray(layout.options), options);
  const overload = overloadOf(options);
  // RFC 2131 section 4.1: the options field, then file, then sname, each with an END of its own.
  if ((overload & overloadFile) !== 0) readOverloaded(field(bytes, layout.file), options);
  if ((overload & overloadSname) !== 0) readOverloaded(field(bytes, layout.sname), options);

  return {
    op,
    htype: view.getUint8(1),
    hlen,
    hops: view.getUint8(3),
    xid: view.getUint32(4),
    secs: view.getUint16(8),
    flags: view.getUint16(10),
    ciaddr: readAddress(bytes, 12),
    yiaddr: readAddress(bytes, 16),
    siaddr: readAddress(bytes, 20),
    giaddr: readAddress(bytes, 24),
    chaddr: bytes.subarray(28, layout.sname.offset),
    sname: (overload & overloadSname) === 0 ? fieldText(bytes, layout.sname) : "",
    file: (overload & overloadFile) === 0 ? fieldText(bytes, layout.file) : "",
    options,
  };
}

/** Adds the options of one field to the map, joining the parts of split ones in order (RFC 3396 section 7). */
function readOptions(bytes: Uint8Array, into: Map<number, Uint8Array>): void {
  let offset = 0;
  while (offset < bytes.length) {
    const code = bytes[offset];
    if (code === undefined || code === codes.end) return;
    if (code === codes.pad) {
      offset += 1;
      continue;
    }
    const length = bytes[offset + 1];
    const start = offset + 2;
    if (length === undefined || start + length > bytes.length) return;
    const value = bytes.subarray(start, start + length);
    const earlier = into.get(code);
    into.set(code, earlier === undefined ? value : joined(earlier, value));
    offset = start + length;
  }
}

function readOverloaded(bytes: Uint8Array, into: Map<number, Uint8Array>): void {
  readOptions(bytes, into);
  if (into.has(codes.overload)) throw malformed("option 52 stands inside an overloaded field");
}

/** Takes option 52 out of the map: once the fields are read it has done its work, and it must not be echoed. */
function overloadOf(options: Map<number, Uint8Array>): number {
  const value = options.get(codes.overload);
  if (value === undefined) return 0;
  options.delete(codes.overload);
  const bits = value.length === 1 ? (value[0] ?? 0) : 0;
  return bits <= 3 ? bits : 0;
}

interface Field {
  readonly offset: number;
  readonly length: number;
}

function field(bytes: Uint8Array, at: Field): Uint8Array {
  return bytes.subarray(at.offset, at.offset + at.length);
}

/** RFC 2131 section 2: null-terminated, so the last byte is never text. */
function fieldText(bytes: Uint8Array, at: Field): string {
  return textUntilNul(bytes.subarray(at.offset, at.offset + at.length - 1));
}

function malformed(what: string): PxeError {
  return pxeError("PXE_PACKET_MALFORMED", `the DHCP packet is malformed: ${what}`);
}
