import type { OptionDefinition } from "./option-definition";
import { netbootOptions } from "./options-netboot";
import { rfc2132Options } from "./options-rfc2132";

/** Every option that is read or written by its meaning; any other survives as bytes. */
export const options = { ...rfc2132Options, ...netbootOptions } as const;

/** The same by code. What a value of one is, only its own reader knows. */
export const optionsByCode: ReadonlyMap<number, OptionDefinition<unknown>> = new Map(
  Object.values(options).map((option) => [option.code, option as OptionDefinition<unknown>]),
);

type Options = ReadonlyMap<number, Uint8Array>;

/**
 * The value of an option, undefined when it is absent.
 * @throws PXE_PACKET_MALFORMED when it is present and not a value of its type
 */
export function readOption<T>(from: Options, option: OptionDefinition<T>): T | undefined {
  const bytes = from.get(option.code);
  return bytes === undefined ? undefined : option.type.decode(bytes, option.label);
}

/**
 * The bytes of a value, as an entry of an options map.
 * @throws PXE_ENCODING_OVERFLOW when the value does not fit
 */
export function optionEntry<T>(option: OptionDefinition<T>, value: T): readonly [number, Uint8Array] {
  return [option.code, option.type.encode(value, option.label)];
}
