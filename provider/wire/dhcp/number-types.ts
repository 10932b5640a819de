import { readUint16, readUint32, writeUint16, writeUint32 } from "./bytes";
import { doesNotFit, malformedOption, optionType, wrongLength, type OptionType } from "./option-type";

type Width = 1 | 2 | 4;

/** An unsigned integer of fixed width, network order; `least` and `most` where RFC 2132 narrows the range. */
export function unsigned(width: Width, { least = 0, most = 256 ** width - 1 }: { readonly least?: number; readonly most?: number } = {}): OptionType<number> {
  return optionType<number>({
    name: `uint${String(width * 8)}`,
    limits: { min: width, max: width },
    decode(bytes, label) {
      const value = read(bytes, width);
      if (value < least || value > most) throw malformedOption(label, `is ${String(value)}`);
      return value;
    },
    encode(value, label) {
      if (!Number.isInteger(value) || value < least || value > most) throw doesNotFit(label, String(value));
      return write(value, width);
    },
  });
}

export const uint8 = unsigned(1);
export const uint16 = unsigned(2);
export const uint32 = unsigned(4);

/** Two's complement. */
export const int32 = optionType<number>({
  name: "int32",
  limits: { min: 4, max: 4 },
  decode: (bytes) => readUint32(bytes, 0) | 0,
  encode(value, label) {
    if ((value | 0) !== value) throw doesNotFit(label, String(value));
    return write(value, 4);
  },
});

/** One byte, 0 or 1. */
export const flag = optionType<boolean>({
  name: "flag",
  limits: { min: 1, max: 1 },
  decode(bytes, label) {
    const byte = bytes[0] ?? 0;
    if (byte > 1) throw malformedOption(label, `is ${String(byte)}`);
    return byte === 1;
  },
  encode: (value) => Uint8Array.of(value ? 1 : 0),
});

/** Says something by being there. */
export const presence = optionType<true>({
  name: "presence",
  limits: { max: 0 },
  decode: () => true,
  encode: () => new Uint8Array(0),
});

/** A list of 16-bit numbers, at least one; `least` is the smallest that each may be. */
export function list16(least = 0): OptionType<readonly number[]> {
  return optionType<readonly number[]>({
    name: "uint16s",
    limits: { min: 2, multiple: 2 },
    decode(bytes, label) {
      const values = read16s(bytes);
      if (values.some((value) => value < least)) throw malformedOption(label, `has a number under ${String(least)}`);
      return values;
    },
    encode(values, label) {
      if (values.some((value) => value < least)) throw doesNotFit(label, values.join(","));
      return write16s(values, label);
    },
  });
}

/** A list of 16-bit codes; an odd byte at the end is passed over, as real ROMs send one. */
export const codes16 = optionType<readonly number[]>({
  name: "uint16s",
  limits: { min: 2, multiple: 2 },
  tolerant: true,
  decode(bytes, label) {
    if (bytes.length < 2) throw wrongLength(label, bytes);
    return read16s(bytes);
  },
  encode: write16s,
});

/** A list of bytes; an empty one is read as such. */
export const octets = optionType<readonly number[]>({
  name: "uint8s",
  limits: { min: 1 },
  tolerant: true,
  decode(bytes) {
    // `Array.from` goes by the iterator, and nearly every packet has a parameter list.
    const values: number[] = [];
    for (const byte of bytes) values.push(byte);
    return values;
  },
  encode(values, label) {
    if (values.some((value) => !Number.isInteger(value) || value < 0 || value > 0xff)) throw doesNotFit(label, values.join(","));
    return Uint8Array.from(values);
  },
});

function read(bytes: Uint8Array, width: Width): number {
  switch (width) {
    case 1:
      return bytes[0] ?? 0;
    case 2:
      return readUint16(bytes, 0);
    case 4:
      return readUint32(bytes, 0);
  }
}

function write(value: number, width: Width): Uint8Array {
  const bytes = new Uint8Array(width);
  if (width === 4) writeUint32(bytes, 0, value);
  else if (width === 2) writeUint16(bytes, 0, value);
  else bytes[0] = value;
  return bytes;
}

function read16s(bytes: Uint8Array): number[] {
  const values: number[] = [];
  for (let offset = 0; offset + 2 <= bytes.length; offset += 2) values.push(readUint16(bytes, offset));
  return values;
}

function write16s(values: readonly number[], label: string): Uint8Array {
  const bytes = new Uint8Array(values.length * 2);
  for (const [index, value] of values.entries()) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw doesNotFit(label, values.join(","));
    writeUint16(bytes, index * 2, value);
  }
  return bytes;
}
