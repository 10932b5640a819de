import type { OptionType } from "./option-type";

/** One option: its code, its name, and how its value is written. */
export interface OptionDefinition<T> {
  readonly code: number;
  /** As in the IANA registry of BOOTP and DHCP options. */
  readonly name: string;
  readonly type: OptionType<T>;
  /** What errors call it. */
  readonly label: string;
}

export function define<T>(code: number, name: string, type: OptionType<T>): OptionDefinition<T> {
  return { code, name, type, label: `${String(code)} (${name})` };
}
