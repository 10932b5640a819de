const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Octets as netascii (RFC 764, named by RFC 1350 section 1): a line feed becomes CR LF, a carriage return CR NUL. The whole text
 * is converted before it is cut into blocks, so that a pair may lie across a block's edge.
 */
export function toNetascii(bytes: Uint8Array): Buffer {
  let pairs = 0;
  for (const byte of bytes) if (byte === lineFeed || byte === carriageReturn) pairs += 1;
  const out = Buffer.alloc(bytes.length + pairs);
  let at = 0;
  for (const byte of bytes) {
    if (byte === lineFeed) out[at++] = carriageReturn;
    out[at++] = byte;
    if (byte === carriageReturn) out[at++] = 0;
  }
  return out;
}
