import { pxeError, type PxeError } from "../../errors";

/** Lengths of a value in bytes. */
export interface Limits {
  readonly min: number;
  readonly max: number;
  /** The length is a multiple of this. */
  readonly multiple: number;
}

/** How a value of type T stands in an option. `label` names the option in errors. */
export interface OptionType<T> {
  /** What the value is: `uint32`, `addresses`. */
  readonly name: string;
  readonly limits: Limits;
  /** @throws PXE_PACKET_MALFORMED when the bytes are not such a value */
  readonly decode: (bytes: Uint8Array, label: string) => T;
  /** @throws PXE_ENCODING_OVERFLOW when the value does not fit */
  readonly encode: (value: T, label: string) => Uint8Array;
}

interface Parts<T> extends Pick<OptionType<T>, "name" | "decode" | "encode"> {
  readonly limits?: Partial<Limits>;
  /** Received values may break the limits: clients do, and `decode` makes the best of it. */
  readonly tolerant?: boolean;
}

/** A type whose limits are kept both ways. */
export function optionType<T>({ name, decode, encode, tolerant = false, ...given }: Parts<T>): OptionType<T> {
  const limits: Limits = { min: 0, max: longestMessage, multiple: 1, ...given.limits };
  const fits = (length: number) => length >= limits.min && length <= limits.max && length % limits.multiple === 0;
  return {
    name,
    limits,
    decode: tolerant
      ? decode
      : (bytes, label) => {
          if (!fits(bytes.length)) throw wrongLength(label, bytes);
          return decode(bytes, label);
        },
    encode: (value, label) => {
      const bytes = encode(value, label);
      if (!fits(bytes.length)) throw doesNotFit(label, `a value of ${String(bytes.length)} bytes`);
      return bytes;
    },
  };
}

/** RFC 3396 splits a value without end; a UDP datagram over IPv4 ends here. */
const longestMessage = 65_507;

export function wrongLength(label: string, bytes: Uint8Array): PxeError {
  return malformedOption(label, `has ${String(bytes.length)} bytes`);
}

/** @param what a clause whose subject is the option */
export function malformedOption(label: string, what: string): PxeError {
  return pxeError("PXE_PACKET_MALFORMED", `the DHCP packet is malformed: option ${label} ${what}`);
}

export function doesNotFit(label: string, what: string): PxeError {
  return pxeError("PXE_ENCODING_OVERFLOW", `${what} does not fit DHCP option ${label}`);
}
