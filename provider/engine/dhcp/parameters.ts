import type { DhcpOptions } from "../../model/dhcp-settings";
import type { ServerDocument, SubnetSpec } from "../../model/documents";
import { formatIpv4, netmask } from "../../model/ip";
import { optionEntry, options } from "../../wire/dhcp";
import { oncePer } from "../once";
import type { BootFields } from "./boot-options";
import type { Exchange } from "./exchange";
import { settingEntries } from "./option-settings";
import { isWithheld } from "./quirks";
import type { ServedSubnet } from "./served-subnet";

type Entry = readonly [number, Uint8Array];
type Values = ReadonlyMap<number, Uint8Array>;

/** What a client gets that sent no parameter list (GRUB's `net_bootp`). */
const defaultParameters = [
  options.subnetMask, options.routers, options.dnsServers, options.hostname, options.domainName, options.broadcastAddress,
].map((option) => option.code);

const codes = {
  mask: options.subnetMask.code,
  routers: options.routers.code,
  staticRoutes: options.staticRoutes.code,
  classlessRoutes: options.classlessRoutes.code,
  /** Windows asked for classless routes by this number before they had one ([MS-DHCPE] section 2.2.8). */
  microsoftRoutes: options.microsoftRoutes.code,
} as const;

/**
 * Adds what server, subnet, classes, host and boot say, in the order that the client asked for (RFC 2132 section 9.8), the mask
 * before the routers (section 3.3). As Kea does, only what a client asks for is sent, whoever set it; the mask and what its boot needs
 * goes to everybody, since ROMs use what they didn't ask for. One that sends no list gets the defaults.
 * @param without an option that there is no room for
 */
export function addParameters(exchange: Exchange, boot: BootFields | undefined, into: Map<number, Uint8Array>, without?: number): void {
  const values = valuesFor(exchange);
  const asked = exchange.client.asksFor ?? defaultParameters;
  // RFC 3442: a client that gets classless routes is to get neither routers nor static routes beside them.
  const isClassless = without !== codes.classlessRoutes && asked.includes(codes.classlessRoutes) && values.has(codes.classlessRoutes);
  for (const code of asked) {
    if (code === without) continue;
    if (code === codes.routers) add(exchange, into, codes.mask, values.get(codes.mask));
    if (isClassless && (code === codes.routers || code === codes.staticRoutes)) continue;
    const value = bootValue(boot, code) ?? values.get(code);
    add(exchange, into, code, value ?? (code === codes.microsoftRoutes ? values.get(codes.classlessRoutes) : undefined));
  }
  add(exchange, into, codes.mask, values.get(codes.mask));
  if (boot === undefined) return;
  for (const [code, value] of boot.options) add(exchange, into, code, value);
  for (const code of boot.needs) add(exchange, into, code, values.get(code));
}

/** What is there already stays: the exchange's own options, and the place that something was asked for first. */
function add(exchange: Exchange, into: Map<number, Uint8Array>, code: number, value: Uint8Array | undefined): void {
  if (value !== undefined && !into.has(code) && !isWithheld(exchange, code, value)) into.set(code, value);
}

function bootValue(boot: BootFields | undefined, code: number): Uint8Array | undefined {
  return boot?.options.find((entry) => entry[0] === code)?.[1];
}

/** By code what is set for the client: server < subnet < its classes in their order < host, the later the stronger. */
function valuesFor({ classes, facts, host, subnet }: Exchange): Values {
  const base = subnetValues(facts.state.server)(subnet);
  const own = host?.document.spec;
  if (classes.length === 0) return own === undefined ? base : hostValues(base)(own);
  const values = new Map(base);
  for (const item of classes) set(values, encoded(item.options));
  if (own !== undefined) set(values, hostEntries(own));
  return values;
}

/** Encoded once for every document that says it: this and all below. */
const encoded = oncePer((settings: DhcpOptions): readonly Entry[] => settingEntries(settings));

const noServer: Pick<ServerDocument["spec"], "options"> = { options: {} };

const valuesByServer = oncePer((server: Pick<ServerDocument["spec"], "options">) => oncePer((subnet: ServedSubnet): Values => {
  const { document, net } = subnet;
  const values = new Map<number, Uint8Array>([
    optionEntry(options.subnetMask, formatIpv4(netmask(net))),
    optionEntry(options.broadcastAddress, formatIpv4(net.last)),
  ]);
  set(values, encoded(server.options));
  set(values, settingEntries(settingsOf(document.spec)));
  return values;
}));

function subnetValues(server: ServerDocument | undefined): (subnet: ServedSubnet) => Values {
  return valuesByServer(server?.spec ?? noServer);
}

/** An empty list says nothing: the server's holds. */
function settingsOf(spec: SubnetSpec): DhcpOptions {
  const { routers, dnsServers, domainName, domainSearch, ntpServers, classlessRoutes } = spec;
  return {
    ...spec.options,
    ...(routers.length > 0 && { routers }),
    ...(dnsServers.length > 0 && { dnsServers }),
    ...(domainName !== undefined && { domainName }),
    ...(domainSearch.length > 0 && { domainSearch }),
    ...(ntpServers.length > 0 && { ntpServers }),
    ...(classlessRoutes.length > 0 && { classlessRoutes }),
  };
}

type HostSettings = { readonly hostname: string; readonly options: DhcpOptions };

const hostEntries = oncePer((spec: HostSettings): readonly Entry[] => [optionEntry(options.hostname, spec.hostname), ...settingEntries(spec.options)]);

const hostValues = oncePer((base: Values) => oncePer((spec: HostSettings): Values => {
  const values = new Map(base);
  set(values, hostEntries(spec));
  return values;
}));

function set(values: Map<number, Uint8Array>, entries: readonly Entry[]): void {
  for (const [code, value] of entries) values.set(code, value);
}
