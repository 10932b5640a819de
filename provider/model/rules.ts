import { finding, type Finding, type Place } from "../errors";
import { documentLabel, type Document, type HostDocument, type ProfileDocument, type SubnetDocument } from "./documents";
import { contains, formatIpv4, ipv4, network, parseIpv4, type Ipv4Number } from "./ip";

/**
 * The rules that hold across documents: the same code in the preview and at the agent. Every finding names all the documents and
 * properties in conflict.
 * @param documents what is checked: each finding is about at least one of them
 * @param others what references may point to; a document of another owner there conflicts too, one of the same owner gives way
 */
export function checkRules(documents: readonly Document[], others: readonly Document[] = []): Finding[] {
  const scope = new Scope(documents, others);
  return [...scope.hosts.flatMap((host) => hostFindings(host, scope)), ...scope.subnets.flatMap(subnetFindings), ...uniqueFindings(scope), ...overlapFindings(scope)];
}

/** What no two documents may share, as text: a host's MACs, UUID and address. */
export function identitiesOf(document: Document): string[] {
  return document.kind === "host" ? claimsOf([document]).map((claim) => claim.value) : [];
}

/** References that no document answers: only the agent can tell, since a preview may not see them all. */
export function checkReferences(documents: readonly Document[], others: readonly Document[]): Finding[] {
  const scope = new Scope(documents, others);
  return scope.hosts.flatMap((host) =>
    (["subnet", "profile"] as const).flatMap((kind) => {
      if (scope.find(kind, host.owner, host.spec[kind]) !== undefined) return [];
      return [finding("PXE_UNKNOWN_REFERENCE", `${kind}/${host.spec[kind]} is not declared`, { where: [place(host, kind)] })];
    }),
  );
}

class Scope {
  readonly hosts: readonly HostDocument[];
  readonly subnets: readonly SubnetDocument[];
  readonly foreign: readonly Document[];
  private readonly byKey = new Map<string, Document>();

  constructor(documents: readonly Document[], others: readonly Document[]) {
    this.hosts = documents.filter((doc) => doc.kind === "host");
    this.subnets = documents.filter((doc) => doc.kind === "subnet");
    const owners = new Set(documents.map((doc) => doc.owner));
    this.foreign = others.filter((doc) => !owners.has(doc.owner));
    for (const doc of [...others, ...documents]) this.byKey.set(`${doc.kind} ${doc.owner} ${doc.name}`, doc);
  }

  find(kind: "subnet", owner: string, name: string): SubnetDocument | undefined;
  find(kind: "profile", owner: string, name: string): ProfileDocument | undefined;
  find(kind: "subnet" | "profile", owner: string, name: string): Document | undefined;
  find(kind: "subnet" | "profile", owner: string, name: string): Document | undefined {
    return this.byKey.get(`${kind} ${owner} ${name}`);
  }
}

function place(doc: Document, property: string): Place {
  return { document: documentLabel(doc), property };
}

function foreignPlace(doc: Document, property: string): Place {
  return { ...place(doc, property), owner: doc.owner };
}

interface Claim {
  readonly value: string;
  readonly place: Place;
  readonly document: Document;
}

function claimsOf(hosts: readonly HostDocument[]): Claim[] {
  return hosts.flatMap((host) => [
    ...host.spec.macs.map((mac, index) => ({ value: `MAC ${mac}`, place: place(host, `macs[${String(index)}]`), document: host })),
    ...(host.spec.uuid === undefined ? [] : [{ value: `UUID ${host.spec.uuid}`, place: place(host, "uuid"), document: host }]),
    ...(host.spec.ip === undefined ? [] : [{ value: `address ${host.spec.ip}`, place: place(host, "ip"), document: host }]),
  ]);
}

function uniqueFindings(scope: Scope): Finding[] {
  const byValue = new Map<string, Claim[]>();
  for (const claim of claimsOf(scope.hosts)) {
    const claims = byValue.get(claim.value);
    if (claims === undefined) byValue.set(claim.value, [claim]);
    else claims.push(claim);
  }
  const within = [...byValue.values()].filter((claims) => claims.length > 1).map((claims) => duplicate(claims));
  const across = claimsOf(scope.foreign.filter((doc) => doc.kind === "host")).flatMap((theirs) => {
    const ours = byValue.get(theirs.value);
    if (ours === undefined) return [];
    const what = `the ${theirs.value} belongs to ${documentLabel(theirs.document)} of ${theirs.document.owner}`;
    const there = foreignPlace(theirs.document, theirs.place.property ?? "");
    return [finding("PXE_OWNED_BY_OTHER", what, { where: [...ours.map((claim) => claim.place), there] })];
  });
  return [...within, ...across];
}

function duplicate(claims: readonly Claim[]): Finding {
  const names = [...new Set(claims.map((claim) => documentLabel(claim.document)))];
  const who = names.length === 1 ? `twice by ${names.join("")}` : `by ${names.join(" and ")}`;
  return finding("PXE_DUPLICATE", `the ${claims[0]?.value ?? ""} is used ${who}`, { where: claims.map((claim) => claim.place) });
}

function hostFindings(host: HostDocument, scope: Scope): Finding[] {
  const subnet = scope.find("subnet", host.owner, host.spec.subnet);
  const profile = scope.find("profile", host.owner, host.spec.profile);
  return [
    ...(subnet === undefined || host.spec.ip === undefined ? [] : addressFindings(host, ipv4(host.spec.ip), subnet)),
    ...(subnet === undefined || profile === undefined ? [] : installFindings(host, profile, subnet)),
  ];
}

function addressFindings(host: HostDocument, address: Ipv4Number, subnet: SubnetDocument): Finding[] {
  const net = network(subnet.spec.cidr);
  const outside = (what: string, property: string): Finding[] => [
    finding("PXE_OUTSIDE_SUBNET", `${host.spec.ip ?? ""} ${what}`, { where: [place(host, "ip"), place(subnet, property)] }),
  ];
  if (!contains(net, address)) return outside(`is not in ${subnet.spec.cidr}`, "cidr");
  if (address === net.first) return outside(`is the network address of ${subnet.spec.cidr}`, "cidr");
  if (address === net.last) return outside(`is the broadcast address of ${subnet.spec.cidr}`, "cidr");
  const router = subnet.spec.routers.findIndex((item) => ipv4(item) === address);
  return router === -1 ? [] : outside("is the address of a router", `routers[${String(router)}]`);
}

/** The server of a URL where that is an address, and not a name that only the network can tell. */
function addressIn(url: string): Ipv4Number | undefined {
  return URL.canParse(url) ? parseIpv4(new URL(url).hostname) : undefined;
}

/** An installer that is given no gateway reaches its own network only. */
function mirrorFindings(host: HostDocument, profile: ProfileDocument, subnet: SubnetDocument): Finding[] {
  const mirror = profile.spec.distro.repository === undefined ? undefined : addressIn(profile.spec.distro.repository);
  if (mirror === undefined || subnet.spec.routers.length > 0 || host.spec.install === "never" || contains(network(subnet.spec.cidr), mirror)) return [];
  const where = [place(subnet, "routers"), place(profile, "distro.repository"), place(host, "profile")];
  return [finding("PXE_NO_GATEWAY", `the packages are at ${formatIpv4(mirror)}, outside of ${subnet.spec.cidr}, which has no router`, { where })];
}

function installFindings(host: HostDocument, profile: ProfileDocument, subnet: SubnetDocument): Finding[] {
  const findings = mirrorFindings(host, profile, subnet);
  if (profile.spec.distro.family === "debian" && subnet.spec.dnsServers.length === 0 && host.spec.install !== "never") {
    findings.push(finding("PXE_DNS_MISSING", "a Debian installer needs a name server", { where: [place(subnet, "dnsServers"), place(host, "profile")] }));
  }
  if (profile.spec.loaders.bios === undefined) {
    findings.push(finding("PXE_LOADER_MISSING", `profile/${profile.name} has no loader`, { where: [place(profile, "loaders"), place(host, "profile")] }));
  }
  return findings;
}

function subnetFindings(subnet: SubnetDocument): Finding[] {
  const net = network(subnet.spec.cidr);
  const findings: Finding[] = [];
  const ranges = subnet.spec.pools.map((pool, index) => ({ from: ipv4(pool.from), to: ipv4(pool.to), property: `pools[${String(index)}]` }));
  for (const range of ranges) {
    if (range.from > range.to) {
      findings.push(finding("PXE_INPUT_INVALID", `${range.property}.from is after its to`, { where: [place(subnet, `${range.property}.from`), place(subnet, `${range.property}.to`)] }));
    }
    for (const end of ["from", "to"] as const) {
      if (!contains(net, range[end])) {
        findings.push(finding("PXE_OUTSIDE_SUBNET", `the pool reaches out of ${subnet.spec.cidr}`, { where: [place(subnet, `${range.property}.${end}`), place(subnet, "cidr")] }));
      }
    }
  }
  ranges.forEach((range, index) => {
    for (const earlier of ranges.slice(0, index)) {
      if (range.from <= earlier.to && earlier.from <= range.to) {
        findings.push(finding("PXE_OVERLAP", "two pools overlap", { where: [place(subnet, earlier.property), place(subnet, range.property)] }));
      }
    }
  });
  subnet.spec.routers.forEach((router, index) => {
    if (!contains(net, ipv4(router))) {
      const where = [place(subnet, `routers[${String(index)}]`), place(subnet, "cidr")];
      findings.push(finding("PXE_OUTSIDE_SUBNET", `the router ${router} is not in ${subnet.spec.cidr}`, { where }));
    }
  });
  return findings;
}

function overlapFindings(scope: Scope): Finding[] {
  const theirs = scope.foreign.filter((doc) => doc.kind === "subnet");
  return scope.subnets.flatMap((subnet, index) => [
    ...scope.subnets.slice(0, index).filter((earlier) => overlaps(earlier, subnet)).map((earlier) =>
      finding("PXE_OVERLAP", `${earlier.spec.cidr} and ${subnet.spec.cidr} overlap`, { where: [place(earlier, "cidr"), place(subnet, "cidr")] }),
    ),
    ...theirs.filter((other) => overlaps(other, subnet)).map((other) =>
      finding("PXE_OWNED_BY_OTHER", `${subnet.spec.cidr} overlaps ${documentLabel(other)} of ${other.owner}`, { where: [place(subnet, "cidr"), foreignPlace(other, "cidr")] }),
    ),
  ]);
}

/** Whether two subnets share an address. */
export function overlaps(one: SubnetDocument, other: SubnetDocument): boolean {
  const a = network(one.spec.cidr);
  const b = network(other.spec.cidr);
  return a.first <= b.last && b.first <= a.last;
}
