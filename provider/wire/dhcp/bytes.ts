/** The dotted quad at `offset`; the caller has checked the bounds. */
export function readAddress(bytes: Uint8Array, offset: number): string {
  return `${at(bytes, offset)}.${at(bytes, offset + 1)}.${at(bytes, offset + 2)}.${at(bytes, offset + 3)}`;
}

/** The four bytes of a dotted quad; undefined when it isn't one. */
export function addressBytes(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    const octet = Number(part);
    if (!/^\d{1,3}$/.test(part) || octet > 255) return undefined;
    bytes[index] = octet;
  }
  return bytes;
}

/** Latin-1 text up to the first NUL. */
export function textUntilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return latin1(end === -1 ? bytes : bytes.subarray(0, end));
}

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** One byte a character; undefined when a character is above U+00FF. */
export function latin1Bytes(text: string): Uint8Array | undefined {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0xff) return undefined;
  }
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** `a` followed by `b`. */
export function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

function at(bytes: Uint8Array, offset: number): string {
  return String(bytes[offset] ?? 0);
}
