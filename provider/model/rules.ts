import { finding, type Finding, type Place } from "../errors";
import { documentLabel, type Document, type HostDocument, type SubnetDocument } from "./documents";
import { network } from "./ip";
import { hostFindings } from "./rules-host";
import { repeatedOptions } from "./rules-options";
import { place, Scope, type IsLater } from "./rules-scope";
import { subnetFindings } from "./rules-subnet";

/**
 * The rules that hold across documents: the same code in the preview and at the agent. Every finding names all the documents and
 * properties in conflict.
 * @param documents what is checked: each finding is about at least one of them
 * @param others what references may point to; a document of another owner there conflicts too, one of the same owner gives way
 * @param isLater what a preview can't know yet: nothing is said to be missing that may stand there
 */
export function checkRules(documents: readonly Document[], others: readonly Document[] = [], isLater: IsLater = () => false): Finding[] {
  const scope = new Scope(documents, others, isLater);
  return [
    ...scope.hosts.flatMap((host) => hostFindings(host, scope)), ...scope.subnets.flatMap((subnet) => subnetFindings(subnet, scope)),
    ...scope.servers.flatMap((server) => repeatedOptions(server, server.spec.options, "options.")), ...uniqueFindings(scope), ...overlapFindings(scope),
  ];
}

/** What no two documents may share, as text: a host's MACs, UUID and address. */
export function identitiesOf(document: Document): string[] {
  return document.kind === "host" ? claimsOf([document]).map((claim) => claim.value) : [];
}

/** References that no document answers: only the agent can tell, since a preview may not see them all. */
export function checkReferences(documents: readonly Document[], others: readonly Document[]): Finding[] {
  const scope = new Scope(documents, others, () => false);
  return scope.hosts.flatMap((host) =>
    (["subnet", "profile"] as const).flatMap((kind) => {
      if (scope.find(kind, host.owner, host.spec[kind]) !== undefined) return [];
      return [finding("PXE_UNKNOWN_REFERENCE", `${kind}/${host.spec[kind]} is not declared`, { where: [place(host, kind)] })];
    }),
  );
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
