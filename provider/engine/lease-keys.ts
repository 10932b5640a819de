/** A MAC of six bytes as a number; any other hardware address as its text. */
export type PackedMac = number | string;

const pairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

const macLength = 17;

/** `52:54:00:12:34:56` as a number: 48 bits fit into a double. */
export function packMac(text: string): PackedMac {
  if (text.length !== macLength) return text;
  let value = 0;
  for (let at = 0; at < macLength; at += 3) {
    const high = digit(text.charCodeAt(at));
    const low = digit(text.charCodeAt(at + 1));
    if (high < 0 || low < 0 || (at + 2 < macLength && text.charCodeAt(at + 2) !== 58)) return text;
    value = value * 256 + high * 16 + low;
  }
  return value;
}

export function unpackMac(mac: PackedMac): string {
  if (typeof mac === "string") return mac;
  const high = Math.floor(mac / 0x1000000);
  const low = mac % 0x1000000;
  return `${pair(high >> 16)}:${pair(high >> 8)}:${pair(high)}:${pair(low >> 16)}:${pair(low >> 8)}:${pair(low)}`;
}

/** Marks a client identifier that isn't hexadecimal and stands as it came. */
const verbatim = "\u0100";

/** Hexadecimal as one character a byte: half of the room. */
export function packClientId(text: string): string {
  return /^(?:[0-9a-f]{2})*$/.test(text) ? Buffer.from(text, "hex").toString("latin1") : verbatim + text;
}

export function unpackClientId(packed: string): string {
  return packed.startsWith(verbatim) ? packed.slice(1) : Buffer.from(packed, "latin1").toString("hex");
}

/** The MAC of a client identifier that is just hardware type 1 and a MAC. */
export function macOfPlainId(clientId: string): PackedMac | undefined {
  if (clientId.length !== 14 || !clientId.startsWith("01")) return undefined;
  let value = 0;
  for (let at = 2; at < 14; at++) {
    const one = digit(clientId.charCodeAt(at));
    if (one < 0) return undefined;
    value = value * 16 + one;
  }
  return value;
}

/** Of a lower-case hexadecimal digit; -1 for anything else. */
function digit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  return code >= 97 && code <= 102 ? code - 87 : -1;
}

function pair(byte: number): string {
  return pairs[byte & 0xff] ?? "";
}
