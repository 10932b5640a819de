/** Decimal text of every octet: looked up rather than made, as each packet has four addresses and more. */
const octetTexts: readonly string[] = Array.from({ length: 256 }, (_, octet) => String(octet));

/** The dotted quad at `offset`; the caller has checked the bounds. */
export function readAddress(bytes: Uint8Array, offset: number): string {
  return `${at(bytes, offset)}.${at(bytes, offset + 1)}.${at(bytes, offset + 2)}.${at(bytes, offset + 3)}`;
}

/** The unsigned 16 bits at `offset`, network order; the caller has checked the bounds. */
export function readUint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

/** The unsigned 32 bits at `offset`, network order; the caller has checked the bounds. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return readUint16(bytes, offset) * 0x10000 + readUint16(bytes, offset + 2);
}

/** Writes 16 bits, network order. */
export function writeUint16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

/** Writes 32 bits, signed or not, network order. */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  writeUint16(bytes, offset, value >>> 16);
  writeUint16(bytes, offset + 2, value & 0xffff);
}

/** Writes a dotted quad; whether it was one. */
export function writeAddress(bytes: Uint8Array, offset: number, text: string): boolean {
  let position = offset;
  let octet = 0;
  let digits = 0;
  for (let index = 0; index <= text.length; index++) {
    const char = index === text.length ? dot : text.charCodeAt(index);
    if (char === dot) {
      if (digits === 0 || octet > 255 || position === offset + 4) return false;
      bytes[position] = octet;
      position += 1;
      octet = 0;
      digits = 0;
    } else if (char >= zero && char <= zero + 9 && digits < 3) {
      octet = octet * 10 + char - zero;
      digits += 1;
    } else {
      return false;
    }
  }
  return position === offset + 4;
}

/** The four bytes of a dotted quad; undefined when it isn't one. */
export function addressBytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  return writeAddress(bytes, 0, text) ? bytes : undefined;
}

/** Latin-1 text up to the first NUL. */
export function textUntilNul(bytes: Uint8Array): string {
  if (bytes[0] === 0) return "";
  const end = bytes.indexOf(0);
  return latin1(end === -1 ? bytes : bytes.subarray(0, end));
}

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Writes one byte a character; false, with some of it written, when a character is above U+00FF. */
export function writeLatin1(bytes: Uint8Array, offset: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (char > 0xff) return false;
    bytes[offset + index] = char;
  }
  return true;
}

/** One byte a character; undefined when a character is above U+00FF. */
export function latin1Bytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  return writeLatin1(bytes, 0, text) ? bytes : undefined;
}

/** Copies `from` to `offset`. A loop: most values are shorter than what the call of `set` costs. */
export function copyTo(bytes: Uint8Array, offset: number, from: Uint8Array): void {
  if (from.length > 40) {
    bytes.set(from, offset);
    return;
  }
  for (let index = 0; index < from.length; index++) bytes[offset + index] = from[index] ?? 0;
}

/** All of them, one behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

const dot = 0x2e;
const zero = 0x30;

function at(bytes: Uint8Array, offset: number): string {
  return octetTexts[bytes[offset] ?? 0] ?? "";
}
