import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decodeDhcp, encodeDhcp, optionEntry, options, readOption, type DhcpPacket, type OptionDefinition } from "../../provider/wire/dhcp";
import { Scapy, type ScapyMessage, type ScapyValue } from "../support/scapy";
import { optionValues } from "../wire/dhcp/option-values";

type Key = keyof typeof options;
/** A value of an option, as scapy has it. Written by what RFCs say, without the codec. */
type View = (value: never) => readonly ScapyValue[];

const hex = (bytes: Uint8Array | string) => ({ hex: Buffer.from(bytes as string, "latin1").toString("hex") });
const address: View = (value: string) => [value];
const addresses: View = (value: readonly string[]) => value;
const pairs: View = (value: readonly (readonly string[])[]) => value.flat();
const numeric: View = (value: number) => [value];
const numbers: View = (value: readonly number[]) => value;
const flag: View = (value: boolean) => [value ? 1 : 0];
const text: View = (value: string) => [hex(value)];
const terminated: View = (value: string) => [hex(`${value}\0`)];
const bytes: View = (value: Uint8Array) => [{ hex: Buffer.from(value).toString("hex") }];
const codes: View = (value: readonly number[]) => [{ hex: value.map((code) => code.toString(16).padStart(4, "0")).join("") }];
const routes: View = (value: readonly { destination: string; router: string }[]) => value.map(({ destination, router }) => `${destination}:${router}`);
const items = (end: string): View => (value: readonly { code: number; value: Uint8Array }[]) =>
  [{ hex: value.map((item) => Buffer.from([item.code, item.value.length, ...item.value]).toString("hex")).join("") + end }];

/**
 * Not here: 52, which says how the rest is read; 53, which every message has; 81, 119, 124, 125 and 249, which are mere bytes to scapy; 128
 * to 135, of which it takes the first for an address.
 */
const views: Partial<Record<Key, View>> = {
  subnetMask: address, timeOffset: (value: number) => [value >>> 0], routers: addresses, timeServers: addresses, nameServers: addresses, dnsServers: addresses,
  logServers: addresses, quotesServers: addresses, lprServers: addresses, impressServers: addresses, resourceLocationServers: addresses, hostname: text,
  bootFileSize: numeric, meritDumpFile: text, domainName: text, swapServer: address, rootPath: text, extensionsPath: text, ipForwarding: flag, sourceRouting: flag,
  policyFilter: pairs, maxReassembly: numeric, ipTtl: numeric, mtuTimeout: numeric, mtuPlateau: numbers, mtu: numeric, allSubnetsLocal: flag, broadcastAddress: address,
  maskDiscovery: flag, maskSupplier: flag, routerDiscovery: flag, routerRequest: address, staticRoutes: pairs, trailers: flag, arpTimeout: numeric,
  ethernetEncapsulation: flag, tcpTtl: numeric, keepaliveTime: numeric, keepaliveData: flag, nisDomain: text, nisServers: addresses, ntpServers: addresses,
  vendorSpecific: items("ff"), netbiosNameServers: addresses, netbiosDistributionServers: addresses, netbiosNodeType: numeric, netbiosScope: text, fontServers: addresses,
  displayManagers: addresses, requestedAddress: address, leaseTime: numeric, serverId: address, parameterList: numbers, message: text, maxMessageSize: numeric,
  renewalTime: numeric, rebindingTime: numeric, vendorClass: text, clientId: bytes, netwareDomain: text, netwareOption: items(""), nisPlusDomain: text,
  nisPlusServers: addresses, tftpServer: terminated, bootFile: terminated, homeAgents: addresses, smtpServers: addresses, pop3Servers: addresses, nntpServers: addresses,
  wwwServers: addresses, fingerServers: addresses, ircServers: addresses, streettalkServers: addresses, streettalkDirectoryServers: addresses, userClass: bytes,
  relayAgent: items(""), authentication: bytes, clientArchitecture: codes, networkInterface: bytes, machineId: bytes, posixTimeZone: text, timeZone: text,
  ipv6Only: (value: number) => [{ hex: value.toString(16).padStart(8, "0") }], captivePortal: text, autoConfigure: numeric, nameServiceSearch: numbers,
  subnetSelection: address, classlessRoutes: routes, tftpServers: addresses, etherboot: items("ff"), pxelinuxMagic: bytes, configFile: text, pathPrefix: text,
  rebootTime: (value: number) => [{ hex: value.toString(16).padStart(8, "0") }], proxyAutodiscovery: text,
};

interface Given {
  readonly key: Key;
  readonly value: unknown;
  readonly entry: readonly [number, Uint8Array];
}

const given = fc.constantFrom(...(Object.keys(views) as Key[])).chain((key): fc.Arbitrary<Given> => (optionValues[key] as fc.Arbitrary<unknown>)
  .map((value) => ({ key, value, entry: optionEntry(options[key] as OptionDefinition<unknown>, value) }))
  // scapy splits no value, and joins none (RFC 3396); and writes none that is empty.
  .filter(({ entry }) => entry[1].length > 0 && entry[1].length <= 255));

const octet = fc.integer({ min: 0, max: 255 });
const ip = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join("."));
const name = (maxLength: number) => fc.stringMatching(/^[a-z0-9./é-]*$/).filter((value) => value.length <= maxLength);
const header = fc.record({
  op: fc.constantFrom(1 as const, 2 as const), htype: octet, hlen: fc.integer({ min: 0, max: 16 }), hops: octet, xid: fc.integer({ min: 0, max: 0xffffffff }),
  secs: fc.integer({ min: 0, max: 0xffff }), flags: fc.integer({ min: 0, max: 0xffff }), ciaddr: ip, yiaddr: ip, siaddr: ip, giaddr: ip,
  chaddr: fc.uint8Array({ minLength: 16, maxLength: 16 }), sname: name(63), file: name(127),
}, { noNullPrototype: true });
const message = fc.tuple(header, fc.uniqueArray(given, { selector: ({ key }) => key, maxLength: 14 }));

function packetOf(fields: Omit<DhcpPacket, "options">, items: readonly Given[]): DhcpPacket {
  return { ...fields, options: new Map([optionEntry(options.messageType, 5), ...items.map(({ entry }) => entry)]) };
}

function viewOf(packet: DhcpPacket, items: readonly Given[]): ScapyMessage {
  const { op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file } = packet;
  const view = ({ key, value, entry }: Given) => [entry[0], views[key]?.(value as never) ?? []] as const;
  // 53 first and 82 last, as they are sent.
  const ordered = [...items.filter(({ key }) => key !== "relayAgent"), ...items.filter(({ key }) => key === "relayAgent")];
  return {
    fields: { op, htype, hlen, hops, xid, secs, flags }, addresses: { ciaddr, yiaddr, siaddr, giaddr },
    chaddr: Buffer.from(chaddr).toString("hex").replace(/(00)+$/, ""), sname: hex(sname).hex, file: hex(file).hex,
    options: [[53, [5]], ...ordered.map(view)],
  };
}

/** What scapy tells of an empty value differs by its type. */
const told = (values: readonly ScapyValue[]): readonly ScapyValue[] => values.filter((value) => typeof value !== "object" || value.hex !== "");
const comparable = (one: ScapyMessage): ScapyMessage => ({ ...one, options: one.options.map(([code, values]) => [code, told(values)]) });

describe("scapy, as a codec", () => {
  test("A32 A36 B8 property: what is written it reads as the values that were given, option 53 first and 82 last, padded to 300 bytes", async (t) => {
    const scapy = Scapy.start(t);
    await fc.assert(fc.asyncProperty(message, async ([fields, items]) => {
      const packet = packetOf(fields, items);
      const sent = encodeDhcp(packet, 65_507);
      assert.ok(sent.length >= 300);
      assert.deepEqual(comparable(await scapy.decode(sent)), comparable(viewOf(packet, items)));
    }), { numRuns: 300 });
  });

  test("property: what it writes is read as the values that it was given", async (t) => {
    const scapy = Scapy.start(t);
    await fc.assert(fc.asyncProperty(message, async ([fields, items]) => {
      const packet = packetOf(fields, items);
      const read = decodeDhcp(new Uint8Array(await scapy.encode(viewOf(packet, items))));
      assert.deepEqual({ ...read, options: undefined }, { ...packet, options: undefined });
      for (const { key, value } of items) assert.deepEqual(readOption(read.options, options[key] as OptionDefinition<unknown>), value, key);
      assert.equal(read.options.size, items.length + 1);
    }), { numRuns: 300 });
  });
});
