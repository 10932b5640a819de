import type { DhcpOptions } from "../../model/dhcp-settings";
import { optionEntry, options } from "../../wire/dhcp";

/**
 * Declared options as the bytes that go into a message, by code.
 * @throws PXE_ENCODING_OVERFLOW when a value does not fit
 */
export function settingEntries(settings: DhcpOptions): (readonly [number, Uint8Array])[] {
  const entries: (readonly [number, Uint8Array])[] = [];
  if (settings.routers !== undefined) entries.push(optionEntry(options.routers, settings.routers));
  if (settings.dnsServers !== undefined) entries.push(optionEntry(options.dnsServers, settings.dnsServers));
  if (settings.domainName !== undefined) entries.push(optionEntry(options.domainName, settings.domainName));
  for (const { code, type, value } of settings.raw ?? []) {
    if (type === "hex") entries.push([code, Buffer.from(value, "hex")]);
  }
  return entries;
}
