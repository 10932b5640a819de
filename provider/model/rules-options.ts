import { finding, type Finding } from "../errors";
import { optionCodes, type BootHeader, type DhcpOptions } from "./dhcp-settings";
import type { Document } from "./documents";
import { routersIn } from "./gateways";
import { contains, formatIpv4, network } from "./ip";
import { found, place } from "./rules-scope";

type Settings = DhcpOptions & BootHeader;

/** Which options are set, by code, and what property says so. A list without an item says nothing. */
function codesIn(settings: Settings, at: string, header: string): (readonly [number, string])[] {
  const typed = Object.entries(optionCodes).flatMap(([property, code]) => {
    const value = settings[property as keyof typeof optionCodes];
    const isHeader = property === "bootFile" || property === "serverName";
    return value === undefined || (Array.isArray(value) && value.length === 0) ? [] : [[code, `${isHeader ? header : at}${property}`] as const];
  });
  return [...typed, ...(settings.raw ?? []).map(({ code }, index) => [code, `${at}raw[${String(index)}].code`] as const)];
}

/** Whether an option is set, by its property or by its number. */
export function says(settings: Settings, code: number): boolean {
  return codesIn(settings, "", "").some(([each]) => each === code);
}

/**
 * Options that one place sets twice: which one holds would be a guess.
 * @param at what the options' paths begin with, and `header` those of the boot header
 * @param direct what a subnet's own properties say
 */
export function repeatedOptions(doc: Document, settings: Settings, at: string, header = "", direct: Settings = {}): Finding[] {
  const byCode = new Map<number, string>();
  return [...codesIn(direct, "", ""), ...codesIn(settings, at, header)].flatMap(([code, property]) => {
    const earlier = byCode.get(code);
    byCode.set(code, earlier ?? property);
    if (earlier === undefined) return [];
    return [found("PXE_DUPLICATE", doc, [earlier, property], `option ${String(code)} is set twice`, "Set it once.")];
  });
}

/**
 * Routers that clients of a network can't reach.
 * @param of the network's document, and `doc` the one that names them
 * @param isOverridden whether another place says the option for the network's clients
 */
export function unreachableRouters(doc: Document, options: DhcpOptions, at: string, of: Document & { readonly kind: "subnet" }, isOverridden = (_code: number): boolean => false): Finding[] {
  const net = network(of.spec.cidr);
  return routersIn(options, at).filter(({ address, code }) => !contains(net, address) && !isOverridden(code)).map(({ address, property }) =>
    finding("PXE_OUTSIDE_SUBNET", `the router ${formatIpv4(address)} is not in ${of.spec.cidr}`, { where: [place(doc, property), place(of, "cidr")] }),
  );
}
