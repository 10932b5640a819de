import { readAddress, writeAddress } from "./bytes";
import { doesNotFit, malformedOption, optionType, type OptionType } from "./option-type";

export const address = optionType<string>({
  name: "address",
  limits: { min: 4, max: 4 },
  decode: (bytes) => readAddress(bytes, 0),
  encode: (value, label) => writeAll([value], label),
});

/** At least `min` addresses. */
export function addressList(min: 0 | 1): OptionType<readonly string[]> {
  return optionType<readonly string[]>({ name: "addresses", limits: { min: min * 4, multiple: 4 }, decode: readAll, encode: writeAll });
}

export const addresses = addressList(1);

/** Two addresses that belong together: a destination and its mask (option 21) or its router (option 33). */
export type AddressPair = readonly [string, string];

export const addressPairs = optionType<readonly AddressPair[]>({
  name: "address pairs",
  limits: { min: 8, multiple: 8 },
  decode(bytes) {
    const pairs: AddressPair[] = [];
    for (let offset = 0; offset < bytes.length; offset += 8) pairs.push([readAddress(bytes, offset), readAddress(bytes, offset + 4)]);
    return pairs;
  },
  encode: (pairs, label) => writeAll(pairs.flat(), label),
});

/** Where packets to `destination` (`10.0.0.0/8`, or `0.0.0.0/0` for the default route) go. */
export interface Route {
  readonly destination: string;
  readonly router: string;
}

/** Classless routes: each a prefix length, only as many octets of the destination as count, and a router (RFC 3442). */
export const classlessRoutes = optionType<readonly Route[]>({
  name: "classless routes",
  limits: { min: 5 },
  decode(bytes, label) {
    const routes: Route[] = [];
    let offset = 0;
    while (offset < bytes.length) {
      const prefix = bytes[offset] ?? 0;
      const octets = Math.ceil(prefix / 8);
      const router = offset + 1 + octets;
      if (prefix > 32 || router + 4 > bytes.length) throw malformedOption(label, "has a route that is cut or wider than 32 bits");
      const destination = new Uint8Array(4);
      destination.set(bytes.subarray(offset + 1, router));
      mask(destination, prefix);
      routes.push({ destination: `${readAddress(destination, 0)}/${String(prefix)}`, router: readAddress(bytes, router) });
      offset = router + 4;
    }
    return routes;
  },
  encode(routes, label) {
    const parts: number[] = [];
    for (const { destination, router } of routes) {
      const [, network = "", width = ""] = /^([\d.]+)\/(\d{1,2})$/.exec(destination) ?? [];
      const prefix = Number(width);
      if (width === "" || prefix > 32) throw doesNotFit(label, `"${destination}"`);
      const bytes = writeAll([network], label);
      mask(bytes, prefix);
      parts.push(prefix, ...bytes.subarray(0, Math.ceil(prefix / 8)), ...writeAll([router], label));
    }
    return Uint8Array.from(parts);
  },
});

/** Bits behind the prefix are no part of the network, though some servers send them (RFC 3442, "DHCP Client Behavior"). */
function mask(address: Uint8Array, prefix: number): void {
  for (const [index, octet] of address.entries()) address[index] = octet & (0xff00 >> Math.min(8, Math.max(0, prefix - index * 8)));
}

function readAll(bytes: Uint8Array): string[] {
  const values: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += 4) values.push(readAddress(bytes, offset));
  return values;
}

function writeAll(values: readonly string[], label: string): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  let offset = 0;
  for (const value of values) {
    if (!writeAddress(bytes, offset, value)) throw doesNotFit(label, `"${value}"`);
    offset += 4;
  }
  return bytes;
}
