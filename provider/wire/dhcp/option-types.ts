import { pxeError } from "../../errors";
import { addressBytes, latin1, latin1Bytes, readAddress } from "./bytes";
import { decodeSubOptions, encodeSubOptions, type SubOption, type SubOptionRules } from "./sub-options";

/** How a value of type T stands in an option. */
export interface OptionType<T> {
  /** @throws PXE_PACKET_MALFORMED when the bytes are not such a value */
  readonly decode: (bytes: Uint8Array, name: string) => T;
  /** @throws PXE_ENCODING_OVERFLOW when the value does not fit */
  readonly encode: (value: T, name: string) => Uint8Array;
}

/** An unsigned integer of fixed width, network order. */
function unsigned(width: 1 | 2 | 4): OptionType<number> {
  return {
    decode(bytes, name) {
      if (bytes.length !== width) throw wrongLength(name, bytes);
      return bytes.reduce((value, byte) => value * 256 + byte, 0);
    },
    encode(value, name) {
      if (!Number.isInteger(value) || value < 0 || value >= 256 ** width) throw doesNotFit(name, String(value));
      return Uint8Array.from({ length: width }, (_, index) => Math.floor(value / 256 ** (width - 1 - index)) % 256);
    },
  };
}

export const uint8 = unsigned(1);
export const uint16 = unsigned(2);
export const uint32 = unsigned(4);

export const address: OptionType<string> = {
  decode(bytes, name) {
    if (bytes.length !== 4) throw wrongLength(name, bytes);
    return readAddress(bytes, 0);
  },
  encode(value, name) {
    const bytes = addressBytes(value);
    if (bytes === undefined) throw doesNotFit(name, value);
    return bytes;
  },
};

export const addresses: OptionType<readonly string[]> = {
  decode(bytes, name) {
    if (bytes.length === 0 || bytes.length % 4 !== 0) throw wrongLength(name, bytes);
    return Array.from({ length: bytes.length / 4 }, (_, index) => readAddress(bytes, index * 4));
  },
  encode(values, name) {
    return Uint8Array.from(values.flatMap((value) => [...address.encode(value, name)]));
  },
};

/** Latin-1 text; trailing NULs are no part of it (RFC 2132 section 2 lets receivers trim them). */
export const text: OptionType<string> = {
  decode: (bytes) => latin1(bytes).replace(/\0+$/, ""),
  encode: (value, name) => {
    const bytes = latin1Bytes(value);
    if (bytes === undefined) throw doesNotFit(name, value);
    return bytes;
  },
};

/** Text sent with a terminating NUL: old ROMs append whatever follows to it otherwise. */
export const terminatedText: OptionType<string> = {
  decode: text.decode,
  encode: (value, name) => text.encode(`${value}\0`, name),
};

export const raw: OptionType<Uint8Array> = {
  decode: (bytes) => bytes,
  encode: (value) => value,
};

export const octets: OptionType<readonly number[]> = {
  decode: (bytes) => [...bytes],
  encode: (values, name) => {
    if (values.some((value) => !Number.isInteger(value) || value < 0 || value > 255)) throw doesNotFit(name, values.join(","));
    return Uint8Array.from(values);
  },
};

/** A list of 16-bit codes; an odd byte at the end is passed over, as real ROMs send one. */
export const codes16: OptionType<readonly number[]> = {
  decode(bytes, name) {
    if (bytes.length < 2) throw wrongLength(name, bytes);
    return Array.from({ length: Math.floor(bytes.length / 2) }, (_, index) => uint16.decode(bytes.subarray(index * 2, index * 2 + 2), name));
  },
  encode: (values, name) => Uint8Array.from(values.flatMap((value) => [...uint16.encode(value, name)])),
};

/** Encapsulated sub-options. */
export function encapsulated(rules: SubOptionRules): OptionType<readonly SubOption[]> {
  return {
    decode: (bytes) => decodeSubOptions(bytes, rules),
    encode: (items) => encodeSubOptions(items, rules),
  };
}

function wrongLength(name: string, bytes: Uint8Array) {
  return pxeError("PXE_PACKET_MALFORMED", `the DHCP packet is malformed: option ${name} has ${String(bytes.length)} bytes`);
}

function doesNotFit(name: string, value: string) {
  return pxeError("PXE_ENCODING_OVERFLOW", `"${value}" does not fit DHCP option ${name}`);
}
