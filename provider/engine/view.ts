import { documentLabel, type Document, type HostDocument, type ProfileDocument, type ServerDocument, type Stored, type SubnetDocument } from "../model/documents";
import { overlaps } from "../model/rules";
import type { HostRecord, InstallFacts } from "./facts";
import { oncePer } from "./once";

/** What the decisions read of documents and facts. */
export interface StateView {
  readonly server: Stored<ServerDocument> | undefined;
  /** Those that are served, by name. */
  readonly subnets: readonly Stored<SubnetDocument>[];
  /** The newest claim to the MAC. */
  hostByMac(mac: string): HostRecord | undefined;
  /** By reservation. */
  hostByAddress(address: string): HostRecord | undefined;
  hostByToken(token: string): HostRecord | undefined;
  hosts(): Iterable<HostRecord>;
}

/** `owner` and `name` as one key; neither may hold a space. */
export function ownedKey(doc: { readonly owner: string; readonly name: string }): string {
  return `${doc.owner} ${doc.name}`;
}

/** The identities that only one host may serve. */
export function identitiesOf(host: HostDocument): string[] {
  const { macs, uuid, ip } = host.spec;
  return [...macs.map((mac) => `mac ${mac}`), ...(uuid === undefined ? [] : [`uuid ${uuid}`]), ...(ip === undefined ? [] : [`ip ${ip}`])];
}

/**
 * Documents indexed for decisions. Inside one owner the newest claim (highest `rev`; on a tie the later name) to a MAC, UUID,
 * address or range wins, and the loser is superseded.
 */
export class DocumentView implements StateView {
  readonly server: Stored<ServerDocument> | undefined;
  readonly subnets: readonly Stored<SubnetDocument>[];
  private readonly hostDocuments: readonly Stored<HostDocument>[];
  private readonly profiles: ReadonlyMap<string, Stored<ProfileDocument>>;
  private readonly winners = new Map<string, Stored<HostDocument>>();
  /** What of a record the documents alone decide. */
  private readonly settled = oncePer((host: Stored<HostDocument>) => this.settle(host));

  constructor(documents: readonly Stored[], private readonly factsOf: (host: Stored<HostDocument>) => InstallFacts, private readonly tokens: (token: string) => InstallFacts | undefined) {
    const newestFirst = documents.toSorted((a, b) => b.rev - a.rev || (a.name < b.name ? 1 : -1));
    this.server = newestFirst.find((doc) => doc.kind === "server");
    this.subnets = servedSubnets(newestFirst.filter((doc) => doc.kind === "subnet"));
    this.hostDocuments = newestFirst.filter((doc) => doc.kind === "host");
    this.profiles = new Map(newestFirst.filter((doc) => doc.kind === "profile").map((doc) => [ownedKey(doc), doc]));
    for (const host of this.hostDocuments) {
      for (const identity of identitiesOf(host)) if (!this.winners.has(identity)) this.winners.set(identity, host);
    }
  }

  hostByMac(mac: string): HostRecord | undefined {
    return this.record(this.winners.get(`mac ${mac}`));
  }

  hostByAddress(address: string): HostRecord | undefined {
    return this.record(this.winners.get(`ip ${address}`));
  }

  hostByToken(token: string): HostRecord | undefined {
    const facts = this.tokens(token);
    return facts === undefined ? undefined : this.record(this.hostDocuments.find((host) => ownedKey(host) === ownedKey(facts)));
  }

  *hosts(): Iterable<HostRecord> {
    for (const host of this.hostDocuments) yield this.recordOf(host);
  }

  private record(host: Stored<HostDocument> | undefined): HostRecord | undefined {
    return host === undefined ? undefined : this.recordOf(host);
  }

  private recordOf(host: Stored<HostDocument>): HostRecord {
    const { profile, supersededBy } = this.settled(host);
    return { document: host, profile, facts: this.factsOf(host), supersededBy };
  }

  private settle(host: Stored<HostDocument>): Pick<HostRecord, "profile" | "supersededBy"> {
    const profile = this.profiles.get(ownedKey({ owner: host.owner, name: host.spec.profile }));
    const winner = identitiesOf(host).map((identity) => this.winners.get(identity)).find((other) => other !== undefined && other !== host);
    return { profile, supersededBy: winner === undefined ? undefined : documentLabel(winner) };
  }
}

function servedSubnets(newestFirst: readonly Stored<SubnetDocument>[]): Stored<SubnetDocument>[] {
  const served: Stored<SubnetDocument>[] = [];
  for (const subnet of newestFirst) if (!served.some((newer) => overlaps(newer, subnet))) served.push(subnet);
  return served.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Whether two hosts claim the same identity. */
export function sharesIdentity(one: HostDocument, other: HostDocument): boolean {
  const identities = new Set(identitiesOf(one));
  return identitiesOf(other).some((identity) => identities.has(identity));
}

/** The key of a document among all. */
export function documentKey(doc: Pick<Document, "kind" | "owner" | "name">): string {
  return `${doc.kind} ${ownedKey(doc)}`;
}
