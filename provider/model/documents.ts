import * as z from "zod";
import { bootHeader, clientClass, dhcpMode, dhcpOptions, leaseSeconds, pool, packetLimits, subnetLimits, subnetOptions, subnetParameters } from "./dhcp-settings";
import { cidr, documentName, hostLabel, interfaceName, ip, mac, oneLine, port, sha256, uuid } from "./primitives";

export { documentName } from "./primitives";

/** The four kinds of document that an agent holds. */
export const documentKinds = ["server", "subnet", "profile", "host"] as const;
export type DocumentKind = (typeof documentKinds)[number];

/** Version of the documents' shape. It only grows; an agent accepts every older one. */
export const schemaVersion = 1;

/** `<pulumi project>/<stack>`. */
export const ownerName = z.string().min(3).max(256).regex(/^[^\s/]+\/[^\s]+$/, { error: "is not of the form project/stack" });

/** What the agent serves on. Ports other than the defaults are for tries without root. */
export const serverSpec = z.strictObject({
  interfaces: z.array(interfaceName).min(1, { error: "names no interface" }),
  dhcpPort: port.default(67),
  tftpPort: port.default(69),
  httpPort: port.default(80),
  /** RFC 2131 section 4.3.2: whether clients that hold another network's address are told so with a NAK. */
  authoritative: z.boolean().default(true),
  /** Where PXE clients of a proxy ask (PXE 2.1 section 2.2.6). */
  pxePort: port.default(4011),
  /** What its subnets do unless they say otherwise. */
  dhcpMode: dhcpMode.default("full"),
  /** Whether to give out addresses although another DHCP server answers on the segment. */
  allowForeignDhcp: z.boolean().default(false),
  /** Whether replies repeat option 61: RFC 6842 wants it, RFC 2131 forbids it, and some clients break on it. */
  echoClientId: z.boolean().default(true),
  /** Whether option 118 chooses the subnet (RFC 3011). */
  subnetSelection: z.boolean().default(false),
  /** For every client of every subnet. */
  options: dhcpOptions.default({}),
  packetLimits: packetLimits.prefault({}),
  /** Whether the target routes the segment: with `nat`, towards the outside under its own address. */
  gateway: z.strictObject({ nat: z.boolean().default(false) }).optional(),
});

/** One IPv4 network that is served. */
export const subnetSpec = z.strictObject({
  cidr,
  /** Addresses leased to machines without a reservation; none: only declared hosts get an address. */
  pools: z.array(pool).max(256).default([]),
  routers: subnetParameters.routers.default([]),
  dnsServers: subnetParameters.dnsServers.default([]),
  domainName: subnetParameters.domainName.optional(),
  domainSearch: subnetParameters.domainSearch.default([]),
  ntpServers: subnetParameters.ntpServers.default([]),
  classlessRoutes: subnetParameters.classlessRoutes.default([]),
  options: subnetOptions.default({}),
  ...bootHeader,
  /** Seconds; 4294967295 is for ever. What clients get that ask for no time. */
  leaseTime: leaseSeconds.default(3600),
  /** What a client gets at least, seconds. Default: 120, or the lease time if that is less. */
  minLeaseTime: leaseSeconds.optional(),
  /** What a client gets at most, seconds. Default: the lease time. */
  maxLeaseTime: leaseSeconds.optional(),
  /** T1 as a share of the lease, T2 as another (RFC 2131 section 4.4.5). */
  renewAt: z.number().gt(0).lt(1).default(0.5),
  rebindAt: z.number().gt(0).lt(1).default(0.875),
  classes: z.array(clientClass).max(64).default([]),
  /** `deny`: machines that are not declared get no address; `known-only`: they get no answer at all. */
  unknownClients: z.enum(["allow", "deny", "known-only"]).default("allow"),
  /** Whether BOOTP clients without a reservation get an address of the pools, for ever (RFC 1534 section 2). */
  dynamicBootp: z.boolean().default(false),
  /** Whether a new address is pinged before it is offered (RFC 2131 section 2.2); costs half a second. */
  probe: z.boolean().default(false),
  /** Addresses of the relays that may speak for this subnet. With any, also a subnet that no interface of the server lies in is served. */
  relays: z.array(ip).max(64).default([]),
  /** Default: what the server says. */
  dhcpMode: dhcpMode.optional(),
  limits: subnetLimits.prefault({}),
});

/** A file held by content on the agent, served as `/a/<sha256>/<name>`. A loader's name goes into the 128 bytes of BOOTP's `file`. */
export const assetSpec = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9._-]{1,100}$/, { error: "is not a file name: letters, digits, dot, dash, underscore; 100 at most" }),
  sha256,
  /** Bytes. */
  size: z.int().min(0),
});

/** The firmware families that a profile can have a loader for. */
export const firmwareFamilies = ["bios"] as const;
export type FirmwareFamily = (typeof firmwareFamilies)[number];

const loader = z.strictObject({
  /** The network boot program that the firmware fetches. */
  program: assetSpec,
  /** What the program fetches from beside itself, by file name. */
  modules: z.array(assetSpec).default([]),
});

export const answerFormats = ["kickstart", "preseed"] as const;
export type AnswerFormat = (typeof answerFormats)[number];

/** How a machine is installed: kernel, initrd, loader. The answer file is rendered for each host and stands in its document. */
export const profileSpec = z.strictObject({
  distro: z.strictObject({
    family: z.enum(["debian", "rhel"]),
    release: z.string().max(32),
    /** Where the installer finds its packages: Anaconda's `inst.repo`. */
    repository: oneLine.optional(),
  }),
  architecture: z.enum(["x86_64"]).default("x86_64"),
  kernel: assetSpec,
  initrd: z.array(assetSpec).min(1, { error: "names no initrd" }),
  loaders: z.strictObject({ bios: loader.optional() }),
});

/** A path in `rendered` and the text served under it, with placeholders (render/placeholders.ts). */
const rendered = z.record(z.string().max(256), z.string().max(1024 * 1024));

/** One machine. */
export const hostSpec = z.strictObject({
  /** The first is the one it boots from. */
  macs: z.array(mac).min(1, { error: "names no MAC address" }).max(16),
  uuid: uuid.optional(),
  ip: ip.optional(),
  hostname: hostLabel,
  subnet: documentName,
  profile: documentName,
  /** `once`: installed when first declared; `never`: only ever boots from its disk. */
  install: z.enum(["once", "never"]).default("once"),
  /** DHCP options for this machine alone. */
  options: dhcpOptions.default({}),
  ...bootHeader,
  rendered,
  secrets: z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/), z.string().max(64 * 1024)).default({}),
});

export const specSchemas = { server: serverSpec, subnet: subnetSpec, profile: profileSpec, host: hostSpec } as const;

export type ServerSpec = z.output<typeof serverSpec>;
export type SubnetSpec = z.output<typeof subnetSpec>;
export type AssetSpec = z.output<typeof assetSpec>;
export type ProfileSpec = z.output<typeof profileSpec>;
export type HostSpec = z.output<typeof hostSpec>;

interface Specs {
  server: ServerSpec;
  subnet: SubnetSpec;
  profile: ProfileSpec;
  host: HostSpec;
}

/** What is pushed: a document without its revision. */
export interface DocumentOf<K extends DocumentKind> {
  readonly kind: K;
  readonly name: string;
  readonly owner: string;
  readonly schemaVersion: typeof schemaVersion;
  readonly spec: Specs[K];
}
export type ServerDocument = DocumentOf<"server">;
export type SubnetDocument = DocumentOf<"subnet">;
export type ProfileDocument = DocumentOf<"profile">;
export type HostDocument = DocumentOf<"host">;
export type Document = ServerDocument | SubnetDocument | ProfileDocument | HostDocument;

/** What is held: `rev` is the store's revision at which the document last changed. */
export type Stored<D extends Document = Document> = D & { readonly rev: number };

/** A document as an agent of this version holds it: one that an older agent tells lacks the properties that came later. */
export function completed<D extends Document>(doc: D): D {
  const parsed = specSchemas[doc.kind].safeParse(doc.spec);
  return parsed.success ? { ...doc, spec: parsed.data } : doc;
}

/** `host/db1`: how a document is called in findings. */
export function documentLabel(doc: { readonly kind: DocumentKind; readonly name: string }): string {
  return `${doc.kind}/${doc.name}`;
}

const envelope = {
  name: documentName,
  owner: ownerName,
  schemaVersion: z.literal(schemaVersion).default(schemaVersion),
};

/** One document of any kind, as pushed or read from a file. */
export const documentSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("server"), ...envelope, spec: serverSpec }),
  z.strictObject({ kind: z.literal("subnet"), ...envelope, spec: subnetSpec }),
  z.strictObject({ kind: z.literal("profile"), ...envelope, spec: profileSpec }),
  z.strictObject({ kind: z.literal("host"), ...envelope, spec: hostSpec }),
]);

/** A file for `pxe-agent run --config` and `pxe-agent apply`; its JSON schema is published as documents.schema.json. */
export const documentsFile = z.strictObject({
  documents: z.array(documentSchema),
  /** Names of hosts to install if nothing is known of them yet. */
  arm: z.array(documentName).default([]),
});
export type DocumentsFile = z.output<typeof documentsFile>;
