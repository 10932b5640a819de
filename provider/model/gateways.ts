import type { DhcpOptions } from "./dhcp-settings";
import type { HostDocument, ServerDocument, SubnetDocument } from "./documents";
import { formatIpv4, ipv4, type Ipv4Number } from "./ip";

/** A router that a document names, and the property that does. */
export interface NamedRouter {
  readonly address: Ipv4Number;
  readonly property: string;
  /** Of the option. */
  readonly code: number;
}

/** Option 33: pairs of a destination and its router (RFC 2132 section 5.8). */
const staticRoutes = 33;
const routersOption = 3;
const classlessRoutesOption = 121;

/** RFC 3442: stands for what is on the link itself. */
const onLink = "0.0.0.0";

/**
 * Whoever clients are told to send packets to by options: no client may have such an address. A route in a raw option 121 is not
 * looked for.
 * @param at what the properties' paths begin with
 */
export function routersIn(options: DhcpOptions, at: string): readonly NamedRouter[] {
  const { routers = [], classlessRoutes = [], raw = [] } = options;
  const named = (router: string, code: number, property: string): NamedRouter => ({ address: ipv4(router), code, property: at + property });
  return [
    ...routers.map((router, index) => named(router, routersOption, `routers[${String(index)}]`)),
    ...classlessRoutes.flatMap(({ router }, index) => (router === onLink ? [] : [named(router, classlessRoutesOption, `classlessRoutes[${String(index)}].router`)])),
    ...raw.flatMap((option, index) => rawRouters(option).map((router) => named(router, option.code, `raw[${String(index)}].value`))),
  ];
}

type RawOption = NonNullable<DhcpOptions["raw"]>[number];

function rawRouters(option: RawOption): readonly string[] {
  if (option.code !== routersOption && option.code !== staticRoutes) return [];
  const all = addressesIn(option);
  return option.code === routersOption ? all : all.filter((_, index) => index % 2 === 1);
}

function addressesIn(option: RawOption): readonly string[] {
  switch (option.type) {
    case "ip":
      return [option.value];
    case "ips":
      return option.value;
    case "hex":
      return (option.value.match(/.{8}/g) ?? []).map((word) => formatIpv4(Number.parseInt(word, 16)));
    case "uint32":
      return [formatIpv4(option.value)];
    case "text": case "uint8": case "uint16": case "boolean": case "domains":
      return [];
  }
}

/** Those of a subnet and of its classes. */
export function subnetRouters({ spec }: SubnetDocument): readonly NamedRouter[] {
  const { routers, classlessRoutes } = spec;
  return [
    ...routersIn({ routers, classlessRoutes }, ""),
    ...routersIn(spec.options, "options."),
    ...spec.classes.flatMap(({ options }, index) => routersIn(options, `classes[${String(index)}].options.`)),
  ];
}

/** Those that a server or a host names. */
export function ownRouters({ spec: { options } }: ServerDocument | HostDocument): readonly NamedRouter[] {
  return routersIn(options, "options.");
}
