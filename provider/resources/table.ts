import { finding, type Finding } from "../errors";
import { documentLabel, type Document, type DocumentKind } from "../model/documents";
import { checkRules, identitiesOf } from "../model/rules";
import type { PlannedAsset } from "./assets";
import type { Plain } from "./definition";
import { Multimap } from "../engine/multimap";

/** What a profile holds beyond its document: hosts are rendered from it. */
export interface ProfileExtra {
  readonly repository?: string | undefined;
  readonly kernel: PlannedAsset;
  readonly initrd: readonly PlannedAsset[];
  readonly kernelArgs: string;
  readonly answer?: { readonly format: "kickstart" | "preseed"; readonly template: string; readonly vars: Readonly<Record<string, unknown>> } | undefined;
  /** Whether something unknown stands in the answer: then it is no fault if the template can't cope with it. */
  readonly partial: boolean;
}

/** A document as it is known in this run. */
export interface Planned<D extends Document = Document> {
  readonly document: D;
  /** Properties that can't be known yet, wholly or in part: they are missing in the document. */
  readonly later?: readonly string[];
  readonly extra?: ProfileExtra;
}

interface Entry extends Planned {
  readonly self: string;
}

/** What is declared for one server. */
interface Shelf {
  /** By the resource that declares them: one document for most, many for a group. */
  readonly bySelf: Map<string, readonly Entry[]>;
  /** By everything that a rule may ask for. */
  readonly byKey: Multimap<string, Entry>;
}

/**
 * Everything that this operation has checked so far, by the server it belongs to. The engine checks a resource after those that
 * it depends on and one at a time, in one process: so rules across resources hold in a preview, with no server in existence.
 * A resource that is checked twice (a replacement is) counts once: the last registration wins.
 */
export class DocumentTable {
  private readonly shelves = new Map<string, Shelf>();
  private readonly met = new Set<string>();
  private readonly postponed = new Set<string>();
  private readonly texts = new Map<string, Readonly<Record<string, string>>>();

  /** @param self the resource's own `Type::name` */
  register(server: string, self: string, ...documents: readonly Planned[]): void {
    const shelf = this.shelves.get(server) ?? { bySelf: new Map<string, readonly Entry[]>(), byKey: new Multimap<string, Entry>() };
    this.shelves.set(server, shelf);
    for (const entry of shelf.bySelf.get(self) ?? []) for (const key of keysOf(entry.document)) shelf.byKey.remove(key, entry);
    const entries = documents.map((planned): Entry => ({ ...planned, self }));
    for (const entry of entries) for (const key of keysOf(entry.document)) shelf.byKey.add(key, entry);
    shelf.bySelf.set(self, entries);
  }

  /**
   * Notes that a resource is checked, and finds another of its name: two components may each hold one, and their documents would
   * be one. A replacement is checked twice too, the second time without olds: so only two with or two without are certain.
   */
  meet(server: string, { self, label }: { readonly self: string; readonly label: string }, olds: Plain): Finding[] {
    const key = JSON.stringify([server, self, Object.keys(olds).length > 0]);
    const met = this.met.has(key);
    this.met.add(key);
    return met ? [finding("PXE_DUPLICATE", `two resources are called ${self}: their documents would be one`, { where: [{ document: label }], fix: "Give each its own name." })] : [];
  }

  /** Says that a resource is part of this run but can't be known yet. */
  postpone(server: string, label: string): void {
    this.postponed.add(`${server} ${label}`);
  }

  isPostponed(server: string, label: string): boolean {
    return this.postponed.has(`${server} ${label}`);
  }

  find<K extends DocumentKind>(server: string, kind: K, name: string): Planned<Extract<Document, { kind: K }>> | undefined {
    const [entry] = this.shelves.get(server)?.byKey.get(documentLabel({ kind, name })) ?? [];
    return entry as Planned<Extract<Document, { kind: K }>> | undefined;
  }

  /** Whether another resource of this run declares the document too. */
  isDeclaredElsewhere(server: string, self: string, label: string): boolean {
    return [...(this.shelves.get(server)?.byKey.get(label) ?? [])].some((entry) => entry.self !== self);
  }

  /** Whether a resource of this run declares the document, on whichever server. */
  isDeclared(label: string): boolean {
    return [...this.shelves].some(([server, shelf]) => this.isPostponed(server, label) || [...shelf.byKey.get(label)].length > 0);
  }

  /** Keeps what a host will be served, where its inputs hold only digests of it. */
  keepTexts(server: string, host: string, texts: Readonly<Record<string, string>>): void {
    this.texts.set(`${server} ${host}`, texts);
  }

  textsOf(server: string, host: string): Readonly<Record<string, string>> | undefined {
    return this.texts.get(`${server} ${host}`);
  }

  /** What the rules across documents say against a resource's documents, given those that were registered before them. */
  findings(server: string, self: string): Finding[] {
    const shelf = this.shelves.get(server);
    const own = shelf?.bySelf.get(self) ?? [];
    const labels = new Set(own.map((entry) => documentLabel(entry.document)));
    const twins: Finding[] = [];
    const related = new Set<Entry>();
    for (const { document } of own) {
      const label = documentLabel(document);
      for (const twin of shelf?.byKey.get(label) ?? []) if (twin.self !== self) twins.push(declaredTwice(label, twin.self, self));
      for (const key of relatedKeys(document)) {
        for (const other of shelf?.byKey.get(key) ?? []) if (!labels.has(documentLabel(other.document))) related.add(other);
      }
    }
    const involved = [...own, ...related];
    const later = new Set(involved.flatMap(({ document, later: names = [] }) => names.map((name) => `${documentLabel(document)} ${name}`)));
    const certain = (item: Finding): boolean => !item.where.some(({ document, property = "" }) => later.has(`${document} ${property.split(/[.[]/)[0] ?? ""}`));
    const hasServer = involved.some(({ document }) => document.kind === "server");
    const isLater = (document: string, property: string): boolean =>
      document === "server" ? !hasServer || involved.some((entry) => entry.document.kind === "server" && entry.later?.includes(property) === true) : later.has(`${document} ${property}`);
    const rules = checkRules(involved.map(ruled), [], isLater);
    return [...twins, ...rules.filter((item) => item.where.some((place) => labels.has(place.document)) && certain(item))];
  }
}

/** What rules look at: a profile's document doesn't say where its packages are, since nothing on the agent needs it. */
function ruled({ document, extra }: Entry): Document {
  if (document.kind !== "profile" || extra?.repository === undefined) return document;
  const { spec } = document;
  return { ...document, spec: { ...spec, distro: { ...spec.distro, repository: extra.repository } } };
}

function declaredTwice(label: string, one: string, other: string): Finding {
  const what = `two resources declare ${label}: ${one} and ${other}`;
  return finding("PXE_DUPLICATE", what, { where: [{ document: label }], fix: "Take it out of one of them." });
}

function keysOf(document: Document): string[] {
  return [documentLabel(document), `kind ${document.kind}`, ...identitiesOf(document)];
}

/** The keys of all that a rule can involve together with this document: few, so that a thousand hosts are checked in linear time. */
function relatedKeys(document: Document): string[] {
  switch (document.kind) {
    case "subnet":
      return ["kind subnet", "kind server"];
    case "host":
      return ["kind server", `subnet/${document.spec.subnet}`, `profile/${document.spec.profile}`, ...identitiesOf(document)];
    case "server":
    case "profile":
      return [];
  }
}
