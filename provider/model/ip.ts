import { pxeError } from "../errors";

/** An IPv4 address as an unsigned 32-bit number, network order. */
export type Ipv4Number = number;

const dotted = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Parses dotted-quad IPv4; undefined when it is anything else (no leading-zero octal, no short forms). */
export function parseIpv4(text: string): Ipv4Number | undefined {
  const match = dotted.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (const part of match.slice(1)) {
    if (part.length > 1 && part.startsWith("0")) return undefined;
    const octet = Number(part);
    if (octet > 255) return undefined;
    value = value * 256 + octet;
  }
  return value;
}

/** Dotted-quad text of an address. */
export function formatIpv4(value: Ipv4Number): string {
  return `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`;
}

/** As `parseIpv4`, for text that the schema has already accepted. */
export function ipv4(text: string): Ipv4Number {
  const value = parseIpv4(text);
  if (value === undefined) throw pxeError("PXE_INPUT_INVALID", `"${text}" is not an IPv4 address`);
  return value;
}

/** An IPv4 network: `first` is its network address, `last` its broadcast address. */
export interface Network {
  readonly first: Ipv4Number;
  readonly last: Ipv4Number;
  readonly prefix: number;
}

/** Parses `address/prefix` (prefix 1 to 30); undefined when malformed. Host bits may be set: `first` is masked. */
export function parseNetwork(text: string): Network | undefined {
  const [addressText, prefixText, extra] = text.split("/");
  if (addressText === undefined || prefixText === undefined || extra !== undefined) return undefined;
  if (!/^\d{1,2}$/.test(prefixText)) return undefined;
  const prefix = Number(prefixText);
  const address = parseIpv4(addressText);
  if (address === undefined || prefix < 1 || prefix > 30) return undefined;
  const size = 2 ** (32 - prefix);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1, prefix };
}

/** As `parseNetwork`, for text that the schema has already accepted. */
export function network(text: string): Network {
  const value = parseNetwork(text);
  if (value === undefined) throw pxeError("PXE_INPUT_INVALID", `"${text}" is not an IPv4 network`);
  return value;
}

/** The network's mask as an address. */
export function netmask(net: Network): Ipv4Number {
  return 2 ** 32 - 2 ** (32 - net.prefix);
}

/** Whether the address lies in the network, its first and last address included. */
export function contains(net: Network, address: Ipv4Number): boolean {
  return address >= net.first && address <= net.last;
}
