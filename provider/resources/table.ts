import { finding, type Finding } from "../errors";
import { documentLabel, type Document, type HostDocument } from "../model/documents";
import { checkRules } from "../model/rules";
import type { PlannedAsset } from "./assets";
import type { Plain } from "./definition";

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

interface Entry {
  readonly document: Document;
  readonly extra?: ProfileExtra;
}

/**
 * Everything that this operation has checked so far, by the server it belongs to. The engine checks a resource after those that
 * it depends on and one at a time, in one process: so rules across resources hold in a preview, with no server in existence.
 * A resource that is checked twice (a replacement is) counts once: the last registration wins.
 */
export class DocumentTable {
  private readonly servers = new Map<string, Map<string, Entry>>();
  private readonly met = new Set<string>();
  private readonly postponed = new Set<string>();

  /** @param self the resource's own `Type::name` */
  register(server: string, self: string, document: Document, extra?: ProfileExtra): void {
    const entries = this.servers.get(server) ?? new Map<string, Entry>();
    this.servers.set(server, entries);
    entries.set(self, extra === undefined ? { document } : { document, extra });
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

  find<K extends Document["kind"]>(server: string, kind: K, name: string): (Entry & { readonly document: Extract<Document, { kind: K }> }) | undefined {
    for (const entry of this.servers.get(server)?.values() ?? []) {
      if (entry.document.kind === kind && entry.document.name === name) return entry as Entry & { readonly document: Extract<Document, { kind: K }> };
    }
    return undefined;
  }

  /** What the rules across documents say against this document, given those that were registered before it. */
  findings(server: string, document: Document): Finding[] {
    const label = documentLabel(document);
    const others = [...(this.servers.get(server)?.values() ?? [])].map((entry) => entry.document).filter((other) => documentLabel(other) !== label);
    const relevant = document.kind === "host" ? others.filter((other) => concerns(document, other)) : others.filter((other) => other.kind === document.kind);
    return checkRules([document, ...relevant]).filter((item) => item.where.some((place) => place.document === label));
  }
}

/** Whether a rule can involve both: keeps the check of a thousand hosts linear in what they share. */
function concerns(host: HostDocument, other: Document): boolean {
  switch (other.kind) {
    case "server":
      return false;
    case "subnet":
      return other.name === host.spec.subnet;
    case "profile":
      return other.name === host.spec.profile;
    case "host":
      return (
        other.spec.macs.some((mac) => host.spec.macs.includes(mac)) ||
        (host.spec.ip !== undefined && other.spec.ip === host.spec.ip) ||
        (host.spec.uuid !== undefined && other.spec.uuid === host.spec.uuid)
      );
  }
}
