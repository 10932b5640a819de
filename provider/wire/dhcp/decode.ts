import { pxeError, type PxeError } from "../../errors";
import { joined, readAddress, readUint16, readUint32, textUntilNul } from "./bytes";
import { anyAddress, bootReply, bootRequest, codes, layout, magicCookie, type DhcpPacket } from "./packet";

/** Bits of option 52 (RFC 2132 section 9.3). */
const overloadFile = 1;
const overloadSname = 2;

/**
 * Reads a message. Options are views into `datagram`, which must not change afterwards.
 * A missing END, or a broken option after good ones, is what real ROMs send: it is read as far as it is good.
 * @throws PXE_PACKET_MALFORMED when the fixed part or the magic cookie is cut or wrong, or when overloading is nested
 */
export function decodeDhcp(datagram: Uint8Array): DhcpPacket {
  if (datagram.length < layout.options) throw malformed(`it has ${String(datagram.length)} bytes, at least ${String(layout.options)} are needed`);
  // Views of a plain array are made faster than a Buffer's.
  const bytes = new Uint8Array(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  if (readUint32(bytes, layout.cookie) !== magicCookie) throw malformed("it has no DHCP magic cookie");
  const op = bytes[0];
  if (op !== bootRequest && op !== bootReply) throw malformed(`its op is ${String(op)}`);
  const hlen = bytes[2] ?? 0;
  if (hlen > 16) throw malformed(`its hardware address has ${String(hlen)} bytes`);

  const found = new OptionParts();
  found.read(bytes, layout.options, bytes.length);
  const overload = overloadOf(found);
  // RFC 2131 section 4.1: the options field, then file, then sname, each with an END of its own.
  if ((overload & overloadFile) !== 0) readOverloaded(bytes, layout.file, found);
  if ((overload & overloadSname) !== 0) readOverloaded(bytes, layout.sname, found);

  return {
    op,
    htype: bytes[1] ?? 0,
    hlen,
    hops: bytes[3] ?? 0,
    xid: readUint32(bytes, 4),
    secs: readUint16(bytes, 8),
    flags: readUint16(bytes, 10),
    ciaddr: addressAt(bytes, 12),
    yiaddr: addressAt(bytes, 16),
    siaddr: addressAt(bytes, 20),
    giaddr: addressAt(bytes, 24),
    chaddr: bytes.subarray(28, layout.sname.offset),
    sname: (overload & overloadSname) === 0 ? fieldText(bytes, layout.sname) : "",
    file: (overload & overloadFile) === 0 ? fieldText(bytes, layout.file) : "",
    options: found.joined(),
  };
}

/** The options of all fields. Those that come in parts are joined in order, once all have been read (RFC 3396 section 7). */
class OptionParts {
  readonly options = new Map<number, Uint8Array>();
  private repeated: Map<number, Uint8Array[]> | undefined;

  read(bytes: Uint8Array, from: number, end: number): void {
    let offset = from;
    while (offset < end) {
      const code = bytes[offset];
      if (code === undefined || code === codes.end) return;
      if (code === codes.pad) {
        offset += 1;
        continue;
      }
      const start = offset + 2;
      if (start > end) return;
      const next = start + (bytes[offset + 1] ?? 0);
      if (next > end) return;
      this.add(code, bytes.subarray(start, next));
      offset = next;
    }
  }

  joined(): ReadonlyMap<number, Uint8Array> {
    if (this.repeated !== undefined) for (const [code, parts] of this.repeated) this.options.set(code, joined(parts));
    return this.options;
  }

  private add(code: number, value: Uint8Array): void {
    const first = this.options.get(code);
    if (first === undefined) {
      this.options.set(code, value);
      return;
    }
    this.repeated ??= new Map();
    const parts = this.repeated.get(code);
    if (parts === undefined) this.repeated.set(code, [first, value]);
    else parts.push(value);
  }

  /** Takes an option out; undefined when it isn't there, or there more than once. */
  take(code: number): Uint8Array | undefined {
    const value = this.repeated?.has(code) === true ? undefined : this.options.get(code);
    this.options.delete(code);
    this.repeated?.delete(code);
    return value;
  }
}

function readOverloaded(bytes: Uint8Array, field: Field, into: OptionParts): void {
  into.read(bytes, field.offset, field.offset + field.length);
  if (into.options.has(codes.overload)) throw malformed("option 52 stands inside an overloaded field");
}

/** Takes option 52 out: once the fields are read it has done its work, and it must not be echoed. One that says nothing legal is passed over. */
function overloadOf(found: OptionParts): number {
  const value = found.take(codes.overload);
  const bits = value?.length === 1 ? (value[0] ?? 0) : 0;
  return bits <= (overloadFile | overloadSname) ? bits : 0;
}

interface Field {
  readonly offset: number;
  readonly length: number;
}

function addressAt(bytes: Uint8Array, offset: number): string {
  return readUint32(bytes, offset) === 0 ? anyAddress : readAddress(bytes, offset);
}

/** RFC 2131 section 2: null-terminated, so the last byte is never text. */
function fieldText(bytes: Uint8Array, at: Field): string {
  return bytes[at.offset] === 0 ? "" : textUntilNul(bytes.subarray(at.offset, at.offset + at.length - 1));
}

function malformed(what: string): PxeError {
  return pxeError("PXE_PACKET_MALFORMED", `the DHCP packet is malformed: ${what}`);
}
