import fc from "fast-check";
import type { options, OptionDefinition } from "../../../provider/wire/dhcp";

type Options = typeof options;
type ValueOf<O> = O extends OptionDefinition<infer T> ? T : never;

/** Plain objects, as reading makes them. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record<T>(model, { noNullPrototype: true });

const octet = fc.integer({ min: 0, max: 255 });
const address = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join("."));
const addresses = fc.array(address, { minLength: 1, maxLength: 20 });
const pairs = fc.array(fc.tuple(address, address), { minLength: 1, maxLength: 8 });
const uint8 = octet;
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const flag = fc.boolean();
const text = fc.stringMatching(/^[a-zA-Z0-9./:é -]{1,300}$/);
const bytes = (minLength: number, maxLength = 300) => fc.uint8Array({ minLength, maxLength });
const list16 = (min = 0) => fc.array(fc.integer({ min, max: 0xffff }), { minLength: 1, maxLength: 9 });
const items = (min: number, max: number) => fc.array(record({ code: fc.integer({ min, max }), value: bytes(0, 40) }), { maxLength: 5 });
const label = fc.stringMatching(/^[a-z0-9_-]{1,20}$/);
const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join("."));
const mask = (value: number, prefix: number) => (prefix === 0 ? 0 : (value & (0xffffffff << (32 - prefix))) >>> 0);
const quad = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
const route = record({
  destination: fc.tuple(uint32, fc.integer({ min: 0, max: 32 })).map(([value, prefix]) => `${quad(mask(value, prefix))}/${String(prefix)}`),
  router: address,
});
const routes = fc.array(route, { minLength: 1, maxLength: 12 });
const fqdn = fc.oneof(
  record({ flags: fc.constantFrom(0, 1, 2, 3, 8), results: fc.tuple(octet, octet), name: fc.stringMatching(/^[a-z.]{0,40}$/) }),
  record({ flags: fc.constantFrom(4, 5, 12), results: fc.tuple(octet, octet), name: fc.tuple(name, fc.constantFrom("", ".")).map((parts) => parts.join("")) }),
);

/** Values of every option, in the form that reading gives them. */
export const optionValues: { readonly [K in keyof Options]: fc.Arbitrary<ValueOf<Options[K]>> } = {
  subnetMask: address, timeOffset: fc.integer({ min: -0x80000000, max: 0x7fffffff }), routers: addresses, timeServers: addresses,
  nameServers: addresses, dnsServers: addresses, logServers: addresses, quotesServers: addresses, lprServers: addresses,
  impressServers: addresses, resourceLocationServers: addresses, hostname: text, bootFileSize: uint16, meritDumpFile: text, domainName: text,
  swapServer: address, rootPath: text, extensionsPath: text, ipForwarding: flag, sourceRouting: flag, policyFilter: pairs,
  maxReassembly: fc.integer({ min: 576, max: 0xffff }), ipTtl: fc.integer({ min: 1, max: 255 }), mtuTimeout: uint32, mtuPlateau: list16(68),
  mtu: fc.integer({ min: 68, max: 0xffff }), allSubnetsLocal: flag, broadcastAddress: address, maskDiscovery: flag, maskSupplier: flag,
  routerDiscovery: flag, routerRequest: address, staticRoutes: pairs, trailers: flag, arpTimeout: uint32, ethernetEncapsulation: flag,
  tcpTtl: fc.integer({ min: 1, max: 255 }), keepaliveTime: uint32, keepaliveData: flag, nisDomain: text, nisServers: addresses,
  ntpServers: addresses, vendorSpecific: items(1, 254), netbiosNameServers: addresses, netbiosDistributionServers: addresses,
  netbiosNodeType: fc.constantFrom(1, 2, 4, 8), netbiosScope: text, fontServers: addresses, displayManagers: addresses,
  requestedAddress: address, leaseTime: uint32, overload: fc.constantFrom(1, 2, 3), messageType: uint8, serverId: address,
  parameterList: fc.array(octet, { minLength: 1, maxLength: 60 }), message: text, maxMessageSize: uint16, renewalTime: uint32,
  rebindingTime: uint32, vendorClass: text, clientId: bytes(1), netwareDomain: text, netwareOption: items(0, 255), nisPlusDomain: text,
  nisPlusServers: addresses, tftpServer: text, bootFile: text, homeAgents: fc.array(address, { maxLength: 4 }), smtpServers: addresses,
  pop3Servers: addresses, nntpServers: addresses, wwwServers: addresses, fingerServers: addresses, ircServers: addresses,
  streettalkServers: addresses, streettalkDirectoryServers: addresses,
  userClass: bytes(1), rapidCommit: fc.constant(true), clientFqdn: fqdn, relayAgent: items(0, 255), authentication: bytes(11),
  clientArchitecture: list16(), networkInterface: bytes(3, 3), machineId: bytes(17, 17), posixTimeZone: text, timeZone: text, ipv6Only: uint32,
  captivePortal: text, autoConfigure: fc.constantFrom(0, 1), nameServiceSearch: list16(), subnetSelection: address,
  domainSearch: fc.array(name, { minLength: 1, maxLength: 12 }), classlessRoutes: routes,
  vendorClasses: fc.array(record({ enterprise: uint32, data: bytes(0, 60) }), { minLength: 1, maxLength: 4 }),
  vendorOptions: fc.array(record({ enterprise: uint32, items: items(0, 255) }), { minLength: 1, maxLength: 4 }),
  pxe128: bytes(0), pxe129: bytes(0), pxe130: bytes(0), pxe131: bytes(0), pxe132: bytes(0), pxe133: bytes(0), pxe134: bytes(0), pxe135: bytes(0),
  tftpServers: addresses, etherboot: items(1, 254), pxelinuxMagic: bytes(4, 4), configFile: text, pathPrefix: text, rebootTime: uint32,
  microsoftRoutes: routes, proxyAutodiscovery: text,
};
