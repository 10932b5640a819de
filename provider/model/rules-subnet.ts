import { finding, type Finding } from "../errors";
import { infiniteLease } from "./dhcp-settings";
import type { SubnetDocument } from "./documents";
import { contains, ipv4, network, type Ipv4Number } from "./ip";
import { repeatedOptions, says, unreachableRouters } from "./rules-options";
import { found, place, type Scope } from "./rules-scope";

/** What is wrong with a subnet, by itself or with what its server says. */
export function subnetFindings(subnet: SubnetDocument, scope: Scope): Finding[] {
  return [...poolFindings(subnet, scope), ...classFindings(subnet), ...leaseFindings(subnet), ...optionFindings(subnet, scope)];
}

interface Range {
  readonly from: Ipv4Number;
  readonly to: Ipv4Number;
  readonly property: string;
}

function rangeOf({ from, to }: { readonly from: string; readonly to: string }, property: string): Range {
  return { from: ipv4(from), to: ipv4(to), property };
}

function reversed(subnet: SubnetDocument, { from, to, property }: Range): Finding[] {
  return from > to ? [found("PXE_INPUT_INVALID", subnet, [`${property}.from`, `${property}.to`], `${property}.from is after its to`)] : [];
}

function poolFindings(subnet: SubnetDocument, scope: Scope): Finding[] {
  const net = network(subnet.spec.cidr);
  const findings: Finding[] = [];
  const { pools } = subnet.spec;
  const ranges = pools.map((pool, index) => rangeOf(pool, `pools[${String(index)}]`));
  ranges.forEach((range, index) => {
    findings.push(...reversed(subnet, range));
    for (const end of ["from", "to"] as const) {
      if (!contains(net, range[end])) findings.push(found("PXE_OUTSIDE_SUBNET", subnet, [`${range.property}.${end}`, "cidr"], `the pool reaches out of ${subnet.spec.cidr}`));
    }
    findings.push(...(pools[index]?.exclude ?? []).flatMap((exclusion, at) => excludedFindings(subnet, rangeOf(exclusion, `${range.property}.exclude[${String(at)}]`), range)));
    const name = pools[index]?.class;
    if (name !== undefined && !subnet.spec.classes.some((each) => each.name === name)) {
      findings.push(found("PXE_CLASS_UNKNOWN", subnet, [`${range.property}.class`, "classes"], `the subnet has no class ${name}`));
    }
  });
  ranges.forEach((range, index) => {
    for (const earlier of ranges.slice(0, index)) {
      if (range.from <= earlier.to && earlier.from <= range.to) findings.push(found("PXE_OVERLAP", subnet, [earlier.property, range.property], "two pools overlap"));
    }
  });
  const proxied = scope.proxied(subnet);
  if (proxied !== undefined && pools.length > 0) {
    findings.push(finding("PXE_INPUT_INVALID", "a proxy gives out no addresses", { where: [place(subnet, "pools"), proxied], fix: "Take the pools away, or set dhcpMode: \"full\" on the subnet." }));
  }
  return findings;
}

function excludedFindings(subnet: SubnetDocument, exclusion: Range, pool: Range): Finding[] {
  const outside = (["from", "to"] as const).filter((end) => exclusion[end] < pool.from || exclusion[end] > pool.to);
  return [
    ...reversed(subnet, exclusion),
    ...outside.map((end) => found("PXE_INPUT_INVALID", subnet, [`${exclusion.property}.${end}`, pool.property], "the exclusion reaches out of its pool")),
  ];
}

function classFindings(subnet: SubnetDocument): Finding[] {
  const { classes } = subnet.spec;
  return classes.flatMap(({ name, options, ...header }, index) => {
    const at = `classes[${String(index)}].`;
    const earlier = classes.findIndex((each) => each.name === name);
    return [
      ...(earlier === index ? [] : [found("PXE_DUPLICATE", subnet, [`classes[${String(earlier)}].name`, `${at}name`], `two classes are called ${name}`, "Give each its own name.")]),
      ...repeatedOptions(subnet, { ...options, ...header }, `${at}options.`, at),
      ...unreachableRouters(subnet, options, `${at}options.`, subnet),
    ];
  });
}

function leaseFindings(subnet: SubnetDocument): Finding[] {
  const { leaseTime, minLeaseTime, maxLeaseTime, renewAt, rebindAt } = subnet.spec;
  const wrong = (properties: readonly string[], what: string): Finding => found("PXE_LEASE_TIMES", subnet, properties, what);
  return [
    ...(minLeaseTime === infiniteLease ? [wrong(["minLeaseTime"], "minLeaseTime is for ever: no client could ask for less")] : []),
    ...(minLeaseTime !== undefined && minLeaseTime !== infiniteLease && minLeaseTime > leaseTime ? [wrong(["minLeaseTime", "leaseTime"], "minLeaseTime is longer than leaseTime")] : []),
    ...(maxLeaseTime !== undefined && leaseTime > maxLeaseTime ? [wrong(["leaseTime", "maxLeaseTime"], "leaseTime is longer than maxLeaseTime")] : []),
    ...(renewAt >= rebindAt ? [wrong(["renewAt", "rebindAt"], "renewAt is not before rebindAt")] : []),
  ];
}

function optionFindings(subnet: SubnetDocument, scope: Scope): Finding[] {
  const { spec } = subnet;
  const { server } = scope;
  const isOverridden = (code: number): boolean => says(spec, code) || says(spec.options, code);
  return [
    ...repeatedOptions(subnet, spec.options, "options.", "", directSettings(spec)),
    ...unreachableRouters(subnet, { routers: spec.routers, classlessRoutes: spec.classlessRoutes }, "", subnet), ...unreachableRouters(subnet, spec.options, "options.", subnet),
    ...(server === undefined ? [] : unreachableRouters(server, server.spec.options, "options.", subnet, isOverridden)),
  ];
}

/** What the subnet's own properties set. */
function directSettings({ routers, dnsServers, domainName, domainSearch, ntpServers, classlessRoutes, bootFile, serverName }: SubnetDocument["spec"]): Parameters<typeof says>[0] {
  return { routers, dnsServers, domainName, domainSearch, ntpServers, classlessRoutes, bootFile, serverName };
}
