import type { DhcpOptions } from "../../model/dhcp-settings";

/**
 * Declared options as the bytes that go into a message, by code.
 * @throws PXE_ENCODING_OVERFLOW when a value does not fit
 */
export function settingEntries(settings: DhcpOptions): (readonly [number, Uint8Array])[] {
  const entries: (readonly [number, Uint8Array])[] = [];
  for (const { code, type, value } of settings.raw ?? []) {
    if (type === "hex") entries.push([code, Buffer.from(value, "hex")]);
  }
  return entries;
}
