import { finding, type Finding, type Place } from "../errors";
import { documentLabel, type Document, type HostDocument, type ProfileDocument, type ServerDocument, type SubnetDocument } from "./documents";

/** Whether a property of a document can't be known yet, wholly or in part; the server's is asked for by `"server"`, declared or not. */
export type IsLater = (document: string, property: string) => boolean;

/** What rules look at. */
export class Scope {
  readonly hosts: readonly HostDocument[];
  readonly subnets: readonly SubnetDocument[];
  readonly servers: readonly ServerDocument[];
  readonly foreign: readonly Document[];
  /** The one that serves, whoever owns it. */
  readonly server: ServerDocument | undefined;
  private readonly byKey = new Map<string, Document>();

  constructor(documents: readonly Document[], others: readonly Document[], readonly isLater: IsLater) {
    this.hosts = documents.filter((doc) => doc.kind === "host");
    this.subnets = documents.filter((doc) => doc.kind === "subnet");
    this.servers = documents.filter((doc) => doc.kind === "server");
    this.server = this.servers[0] ?? others.find((doc) => doc.kind === "server");
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

  /** Whether the subnet's addresses are given out by somebody else, and which property says so. */
  proxied(subnet: SubnetDocument): Place | undefined {
    if (subnet.spec.dhcpMode !== undefined) return subnet.spec.dhcpMode === "proxy" ? place(subnet, "dhcpMode") : undefined;
    return this.server?.spec.dhcpMode === "proxy" ? place(this.server, "dhcpMode") : undefined;
  }
}

export function place(doc: Document, property: string): Place {
  return { document: documentLabel(doc), property };
}

/** A finding on one document. */
export function found(code: Finding["code"], doc: Document, properties: readonly string[], what: string, fix?: string): Finding {
  return finding(code, what, { where: properties.map((property) => place(doc, property)), ...(fix === undefined ? {} : { fix }) });
}
