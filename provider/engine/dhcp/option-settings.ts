import type { DhcpOptions, RawOption } from "../../model/dhcp-settings";
import { address, addresses, domainNames, flag, options, uint16, uint32, uint8, type OptionDefinition, type OptionType } from "../../wire/dhcp";

/** A property of the settings, and the option that it is sent as. */
interface Setting {
  readonly property: string;
  readonly code: number;
  /** Undefined where the settings say nothing of it. */
  readonly bytes: (settings: DhcpOptions) => Uint8Array | undefined;
}

/** What writing needs of an option. */
type Writable<T> = Pick<OptionDefinition<T>, "code" | "label"> & { readonly type: Pick<OptionType<T>, "encode"> };

function setting<N extends Exclude<keyof DhcpOptions, "raw">>(property: N, option: Writable<NonNullable<DhcpOptions[N]>>): Setting {
  return {
    property,
    code: option.code,
    bytes: (settings) => {
      const value = settings[property];
      return value === undefined || isEmpty(value) ? undefined : option.type.encode(value, option.label);
    },
  };
}

/** All properties but `raw`, by code. */
const typed: readonly Setting[] = [
  setting("routers", options.routers),
  setting("timeServers", options.timeServers),
  setting("dnsServers", options.dnsServers),
  setting("logServers", options.logServers),
  setting("domainName", options.domainName),
  setting("rootPath", { ...options.rootPath, type: { encode: utf8 } }),
  setting("mtu", options.mtu),
  setting("ntpServers", options.ntpServers),
  setting("timeZone", options.timeZone),
  setting("domainSearch", options.domainSearch),
  setting("classlessRoutes", options.classlessRoutes),
];

/**
 * Declared options as the bytes that go into a message: the typed ones by code, then the raw ones in their order. An empty list says
 * nothing.
 * @throws PXE_ENCODING_OVERFLOW when a value does not fit
 */
export function settingEntries(settings: DhcpOptions): (readonly [number, Uint8Array])[] {
  const entries: (readonly [number, Uint8Array])[] = [];
  for (const { code, bytes } of typed) {
    const value = bytes(settings);
    if (value !== undefined) entries.push([code, value]);
  }
  for (const option of settings.raw ?? []) entries.push([option.code, rawBytes(option)]);
  return entries;
}

/** The option that each property sets. A code that comes twice is said twice in one place, which is nobody's intention. */
export function codesOf(settings: DhcpOptions): readonly { readonly code: number; readonly property: string }[] {
  return [
    ...typed.filter(({ bytes }) => bytes(settings) !== undefined).map(({ code, property }) => ({ code, property })),
    ...(settings.raw ?? []).map(({ code }, index) => ({ code, property: `raw[${String(index)}].code` })),
  ];
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function rawBytes(option: RawOption): Uint8Array {
  const label = String(option.code);
  switch (option.type) {
    case "text":
      return utf8(isTerminated(option.code) ? `${option.value}\0` : option.value);
    case "ip":
      return address.encode(option.value, label);
    case "ips":
      return addresses.encode(option.value, label);
    case "uint8":
      return uint8.encode(option.value, label);
    case "uint16":
      return uint16.encode(option.value, label);
    case "uint32":
      return uint32.encode(option.value, label);
    case "boolean":
      return flag.encode(option.value, label);
    case "domains":
      return domainNames.encode(option.value, label);
    case "hex":
      return new Uint8Array(Buffer.from(option.value, "hex"));
  }
}

/** Old ROMs append what follows to these names where no NUL ends them. */
function isTerminated(code: number): boolean {
  return code === options.tftpServer.code || code === options.bootFile.code;
}

/** Paths and texts of today's systems: any letter may be in them. */
function utf8(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "utf8"));
}
