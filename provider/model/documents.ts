import * as z from "zod";
import { parseIpv4, parseNetwork } from "./ip";

/** The four kinds of document that an agent holds. */
export const documentKinds = ["server", "subnet", "profile", "host"] as const;
export type DocumentKind = (typeof documentKinds)[number];

/** Version of the documents' shape. It only grows; an agent accepts every older one. */
export const schemaVersion = 1;

/** `52:54:00:12:34:56`, lower case, is the one form inside the product; dashes and upper case are accepted and folded. */
const mac = z
  .string()
  .transform((text) => text.toLowerCase().replaceAll("-", ":"))
  .refine((text) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(text), { error: "is not a MAC address like 52:54:00:12:34:56" })
  .refine((text) => (Number.parseInt(text.slice(0, 2), 16) & 1) === 0, { error: "is a group (multicast) address" });

const ip = z.string().refine((text) => parseIpv4(text) !== undefined, { error: "is not an IPv4 address" });

const cidr = z
  .string()
  .refine((text) => parseNetwork(text) !== undefined, { error: "is not an IPv4 network like 10.77.0.0/24 (prefix 1 to 30)" });

/** RFC 1123 section 2.1: a label of letters, digits and inner hyphens. */
const hostLabel = z
  .string()
  .regex(/^[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/, { error: "is not a host name label (RFC 1123): letters, digits, inner hyphens, 63 at most" });

const domainName = z
  .string()
  .max(253)
  .regex(/^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$/, { error: "is not a domain name" });

/** RFC 4122 text form, folded to lower case. */
const uuid = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine((text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text), { error: "is not a UUID" });

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: "is not a SHA-256 sum in lower-case hexadecimal" });

/** Linux: at most 15 bytes, no slash, no white space (net/core/dev.c, dev_valid_name). */
const interfaceName = z.string().regex(/^[^\s/:]{1,15}$/, { error: "is not a network interface name" });

const port = z.int().min(1).max(65535);

/** Text that ends up in one line of a loader's configuration. */
const oneLine = z.string().max(2048).regex(/^[^\x00-\x1f\x7f]*$/, { error: "contains a line break or control character" });

/** A document's name: what the program calls the resource. */
export const documentName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, { error: "is not a name: letters, digits, dot, dash, underscore; 128 at most" });

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
});

const pool = z.strictObject({ from: ip, to: ip });

/** One IPv4 network that is served. */
export const subnetSpec = z.strictObject({
  cidr,
  /** Addresses leased to machines without a reservation; none: only declared hosts get an address. */
  pools: z.array(pool).default([]),
  routers: z.array(ip).max(16).default([]),
  dnsServers: z.array(ip).max(16).default([]),
  domainName: domainName.optional(),
  /** Seconds. */
  leaseTime: z.int().min(120, { error: "is shorter than 120 seconds" }).max(0xfffffffe).default(3600),
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
