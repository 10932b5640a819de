import { latin1, latin1Bytes } from "./bytes";
import { doesNotFit, optionType, type Limits, type OptionType } from "./option-type";
import { decodeSubOptions, encodeSubOptions, type SubOption, type SubOptionRules } from "./sub-options";

/** Latin-1 text; trailing NULs are no part of it (RFC 2132 section 2 lets receivers trim them). An empty one is read as such. */
export const text = optionType<string>({
  name: "text",
  limits: { min: 1 },
  tolerant: true,
  decode: (bytes) => withoutNuls(latin1(bytes)),
  encode: textBytes,
});

/** Text sent with a terminating NUL: old ROMs append whatever follows to it otherwise. */
export const terminatedText = optionType<string>({
  name: "text and NUL",
  limits: { min: 1 },
  tolerant: true,
  decode: text.decode,
  encode: (value, label) => textBytes(`${value}\0`, label),
});

/** Bytes that only their reader knows the meaning of. The limits are for what is sent: each reader judges what it gets. */
export function bytes(limits: Partial<Limits> = {}): OptionType<Uint8Array> {
  return optionType<Uint8Array>({ name: "bytes", limits, tolerant: true, decode: (value) => value, encode: (value) => value });
}

/** Encapsulated sub-options. */
export function encapsulated(rules: SubOptionRules): OptionType<readonly SubOption[]> {
  return optionType<readonly SubOption[]>({
    name: "sub-options",
    decode: (value) => decodeSubOptions(value, rules),
    encode: (items) => encodeSubOptions(items, rules),
  });
}

function textBytes(value: string, label: string): Uint8Array {
  const encoded = latin1Bytes(value);
  if (encoded === undefined) throw doesNotFit(label, `"${value}"`);
  return encoded;
}

function withoutNuls(value: string): string {
  let end = value.length;
  while (end > 0 && value.charCodeAt(end - 1) === 0) end -= 1;
  return value.slice(0, end);
}
