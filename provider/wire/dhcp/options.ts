import {
  address, addresses, codes16, encapsulated, octets, raw, terminatedText, text, uint16, uint32, uint8, type OptionType,
} from "./option-types";

/** One option: its code, its name, and how its value is written. */
export interface OptionDefinition<T> {
  readonly code: number;
  /** As in the IANA registry of BOOTP and DHCP options. */
  readonly name: string;
  readonly type: OptionType<T>;
}

function define<T>(code: number, name: string, type: OptionType<T>): OptionDefinition<T> {
  return { code, name, type };
}

/** Every option that is read or written by its meaning; any other survives as bytes. */
export const options = {
  subnetMask: define(1, "Subnet Mask", address),
  routers: define(3, "Router", addresses),
  dnsServers: define(6, "Domain Server", addresses),
  hostname: define(12, "Hostname", text),
  domainName: define(15, "Domain Name", text),
  broadcastAddress: define(28, "Broadcast Address", address),
  vendorSpecific: define(43, "Vendor Specific", encapsulated({ padAndEnd: true })),
  requestedAddress: define(50, "Address Request", address),
  leaseTime: define(51, "Address Time", uint32),
  overload: define(52, "Overload", uint8),
  messageType: define(53, "DHCP Msg Type", uint8),
  serverId: define(54, "DHCP Server Id", address),
  parameterList: define(55, "Parameter List", octets),
  message: define(56, "DHCP Message", text),
  maxMessageSize: define(57, "DHCP Max Msg Size", uint16),
  renewalTime: define(58, "Renewal Time", uint32),
  rebindingTime: define(59, "Rebinding Time", uint32),
  vendorClass: define(60, "Class Id", text),
  clientId: define(61, "Client Id", raw),
  tftpServer: define(66, "TFTP Server Name", terminatedText),
  bootFile: define(67, "Bootfile Name", terminatedText),
  userClass: define(77, "User Class", raw),
  relayAgent: define(82, "Relay Agent Information", encapsulated({ padAndEnd: false })),
  clientArchitecture: define(93, "Client System", codes16),
  networkInterface: define(94, "Client NDI", raw),
  machineId: define(97, "UUID/GUID", raw),
  etherboot: define(175, "Etherboot", raw),
  configFile: define(209, "Configuration File", text),
  pathPrefix: define(210, "Path Prefix", text),
} as const;

/** Sub-options of option 82. */
export const relaySubOptions = {
  /** RFC 3046 section 3.1. */
  circuitId: 1,
  /** RFC 3046 section 3.2. */
  remoteId: 2,
  /** RFC 3527. */
  linkSelection: 5,
  /** RFC 5107. */
  serverIdOverride: 11,
  /** RFC 8357. */
  sourcePort: 19,
} as const;

type Options = ReadonlyMap<number, Uint8Array>;

/**
 * The value of an option, undefined when it is absent.
 * @throws PXE_PACKET_MALFORMED when it is present and not a value of its type
 */
export function readOption<T>(from: Options, option: OptionDefinition<T>): T | undefined {
  const bytes = from.get(option.code);
  return bytes === undefined ? undefined : option.type.decode(bytes, label(option));
}

/**
 * The bytes of a value, as an entry of an options map.
 * @throws PXE_ENCODING_OVERFLOW when the value does not fit
 */
export function optionEntry<T>(option: OptionDefinition<T>, value: T): readonly [number, Uint8Array] {
  return [option.code, option.type.encode(value, label(option))];
}

function label(option: Pick<OptionDefinition<unknown>, "code" | "name">): string {
  return `${String(option.code)} (${option.name})`;
}
