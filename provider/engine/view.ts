import { documentLabel, type HostDocument, type ServerDocument, type Stored, type SubnetDocument } from "../model/documents";
import { DocumentIndex, identitiesOf, ownedKey } from "./document-index";
import type { HostRecord, InstallFacts } from "./facts";
import { oncePer } from "./once";

export { documentKey, identitiesOf, ownedKey } from "./document-index";

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
  /** Another number after each change of a document: what is derived of the documents holds for one. */
  readonly version: number;
}

/**
 * Documents as decisions see them. Inside one owner the newest claim (highest `rev`; on a tie the later name) to a MAC, UUID,
 * address or range wins, and the loser is superseded.
 */
export class DocumentView implements StateView {
  private readonly index: DocumentIndex;
  /** What of a record the documents alone decide; made anew when they change. */
  private settled = oncePer((host: Stored<HostDocument>) => this.settle(host));
  private settledAt: number;

  /** @param documents an index is followed as it changes */
  constructor(
    documents: readonly Stored[] | DocumentIndex, private readonly factsOf: (host: Stored<HostDocument>) => InstallFacts,
    private readonly tokens: (token: string) => InstallFacts | undefined,
  ) {
    this.index = documents instanceof DocumentIndex ? documents : new DocumentIndex(documents);
    this.settledAt = this.index.version;
  }

  get version(): number { return this.index.version; }
  get server(): Stored<ServerDocument> | undefined { return this.index.server; }
  get subnets(): readonly Stored<SubnetDocument>[] { return this.index.subnets; }

  hostByMac(mac: string): HostRecord | undefined {
    return this.record(this.index.newest(`mac ${mac}`));
  }

  hostByAddress(address: string): HostRecord | undefined {
    return this.record(this.index.newest(`ip ${address}`));
  }

  hostByToken(token: string): HostRecord | undefined {
    const facts = this.tokens(token);
    return facts === undefined ? undefined : this.hostByName(facts);
  }

  hostByName(named: { readonly owner: string; readonly name: string }): HostRecord | undefined {
    return this.record(this.index.host(ownedKey(named)));
  }

  *hosts(): Iterable<HostRecord> {
    for (const host of this.index.hosts) yield this.recordOf(host);
  }

  private record(host: Stored<HostDocument> | undefined): HostRecord | undefined {
    return host === undefined ? undefined : this.recordOf(host);
  }

  private recordOf(host: Stored<HostDocument>): HostRecord {
    if (this.settledAt !== this.index.version) {
      this.settledAt = this.index.version;
      this.settled = oncePer((each: Stored<HostDocument>) => this.settle(each));
    }
    const { profile, supersededBy } = this.settled(host);
    return { document: host, profile, facts: this.factsOf(host), supersededBy };
  }

  private settle(host: Stored<HostDocument>): Pick<HostRecord, "profile" | "supersededBy"> {
    const profile = this.index.profile(ownedKey({ owner: host.owner, name: host.spec.profile }));
    const winner = identitiesOf(host).map((identity) => this.index.newest(identity)).find((other) => other !== undefined && other !== host);
    return { profile, supersededBy: winner === undefined ? undefined : documentLabel(winner) };
  }
}

/** Whether two hosts claim the same identity. */
export function sharesIdentity(one: HostDocument, other: HostDocument): boolean {
  const identities = new Set(identitiesOf(one));
  return identitiesOf(other).some((identity) => identities.has(identity));
}
