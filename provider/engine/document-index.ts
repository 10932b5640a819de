import type { Document, HostDocument, ProfileDocument, ServerDocument, Stored, SubnetDocument } from "../model/documents";
import { overlaps } from "../model/rules";

/** `owner` and `name` as one key; neither may hold a space. */
export function ownedKey(doc: { readonly owner: string; readonly name: string }): string {
  return `${doc.owner} ${doc.name}`;
}

/** The key of a document among all. */
export function documentKey(doc: Pick<Document, "kind" | "owner" | "name">): string {
  return `${doc.kind} ${ownedKey(doc)}`;
}

/** The identities that only one host may serve. */
export function identitiesOf(host: HostDocument): string[] {
  const { macs, uuid, ip } = host.spec;
  return [...macs.map((mac) => `mac ${mac}`), ...(uuid === undefined ? [] : [`uuid ${uuid}`]), ...(ip === undefined ? [] : [`ip ${ip}`])];
}

/** What a change of documents other than hosts makes anew: they are few. */
interface Settings {
  readonly all: readonly Stored[];
  readonly server: Stored<ServerDocument> | undefined;
  readonly subnets: readonly Stored<SubnetDocument>[];
  readonly profiles: ReadonlyMap<string, Stored<ProfileDocument>>;
}

/** Documents by all that is asked of them, kept by each change: what a change costs doesn't hang on how many hosts there are. */
export class DocumentIndex {
  private readonly documents = new Map<string, Stored>();
  /** By identity, the newest first. */
  private readonly claims = new Map<string, readonly Stored<HostDocument>[]>();
  private readonly others = new Map<string, Stored>();
  private settings: Settings | undefined;
  private newestHosts: readonly Stored<HostDocument>[] | undefined;
  private changes = 0;

  constructor(documents: Iterable<Stored> = []) {
    for (const doc of documents) this.put(doc);
  }

  /** Another number after each change: what is derived of the documents holds for one. */
  get version(): number { return this.changes; }

  put(doc: Stored): void {
    const key = documentKey(doc);
    this.remove(key);
    this.documents.set(key, doc);
    if (doc.kind === "host") {
      this.newestHosts = undefined;
      for (const identity of identitiesOf(doc)) this.claims.set(identity, [...(this.claims.get(identity) ?? []), doc].sort(newestFirst));
    } else {
      this.settings = undefined;
      this.others.set(key, doc);
    }
  }

  /** @param key as `documentKey` makes it */
  remove(key: string): void {
    this.changes += 1;
    const doc = this.documents.get(key);
    this.documents.delete(key);
    if (doc?.kind === "host") {
      this.newestHosts = undefined;
      for (const identity of identitiesOf(doc)) this.takeClaim(identity, doc);
    } else if (doc !== undefined) {
      this.settings = undefined;
      this.others.delete(key);
    }
  }

  clear(): void {
    this.changes += 1;
    for (const part of [this.documents, this.claims, this.others]) part.clear();
    this.settings = undefined;
    this.newestHosts = undefined;
  }

  get(key: string): Stored | undefined {
    return this.documents.get(key);
  }

  all(): Iterable<Stored> {
    return this.documents.values();
  }

  /** @param key as `ownedKey` makes it */
  host(key: string): Stored<HostDocument> | undefined {
    return this.documents.get(`host ${key}`) as Stored<HostDocument> | undefined;
  }

  /** @param key as `ownedKey` makes it */
  profile(key: string): Stored<ProfileDocument> | undefined {
    return this.known().profiles.get(key);
  }

  get server(): Stored<ServerDocument> | undefined { return this.known().server; }

  /** Those that are served, by name. */
  get subnets(): readonly Stored<SubnetDocument>[] { return this.known().subnets; }

  /** The newest first. */
  get hosts(): readonly Stored<HostDocument>[] {
    this.newestHosts ??= [...this.documents.values()].filter((doc) => doc.kind === "host").sort(newestFirst);
    return this.newestHosts;
  }

  /** The newest host that claims an identity. */
  newest(identity: string): Stored<HostDocument> | undefined {
    return this.claims.get(identity)?.[0];
  }

  /** All that a rule can hold against hosts with these identities: those who claim one of them, and whatever is no host. */
  around(identities: Iterable<string>): Stored[] {
    const hosts = new Set([...identities].flatMap((identity) => this.claims.get(identity) ?? []));
    return [...this.known().all, ...hosts];
  }

  private takeClaim(identity: string, host: Stored<HostDocument>): void {
    const left = (this.claims.get(identity) ?? []).filter((other) => other !== host);
    if (left.length === 0) this.claims.delete(identity);
    else this.claims.set(identity, left);
  }

  private known(): Settings {
    this.settings ??= settingsOf([...this.others.values()].sort(newestFirst));
    return this.settings;
  }
}

/** On a tie the later name goes first. */
function newestFirst(a: Stored, b: Stored): number {
  return b.rev - a.rev || (a.name < b.name ? 1 : -1);
}

function settingsOf(all: readonly Stored[]): Settings {
  const server = all.find((doc) => doc.kind === "server");
  const profiles = new Map(all.filter((doc) => doc.kind === "profile").map((doc) => [ownedKey(doc), doc]));
  return { all, server, subnets: servedSubnets(all.filter((doc) => doc.kind === "subnet")), profiles };
}

function servedSubnets(newest: readonly Stored<SubnetDocument>[]): Stored<SubnetDocument>[] {
  const served: Stored<SubnetDocument>[] = [];
  for (const subnet of newest) if (!served.some((newer) => overlaps(newer, subnet))) served.push(subnet);
  return served.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
