import * as z from "zod";
import { documentKinds, documentName, documentSchema, ownerName, type DocumentKind } from "./documents";

/**
 * Where a machine stands on its way to being installed.
 * `adopted`: declared when something was known of it, or with `install: "never"`: boots from its disk, is never armed by itself.
 * `armed`: will install at its next network boot. `installing`: its installer has reported in. `wiping`: it is about to write
 * to its disk. `installed`: its installer called `/done`. `up`: the installed system reported. `failed`: see `reason`; boots
 * from its disk.
 */
export const installStates = ["adopted", "armed", "installing", "wiping", "installed", "up", "failed"] as const;
export type InstallState = (typeof installStates)[number];

/** What the provider remembers of a host from its own state file; sent along, so that a fresh agent doesn't know less. */
export const knownFact = z.strictObject({
  host: documentName,
  state: z.enum(installStates),
  /** Unix time in milliseconds. */
  installedAt: z.number().optional(),
  /** `reinstall` strings that have been used up. */
  consumed: z.array(z.string()).default([]),
});
export type KnownFact = z.output<typeof knownFact>;

/**
 * An explicit order to install. `create` takes effect only where nothing is known of the host; `reinstall` once for each string.
 * A `generation` is used up by either, whether it takes effect or not: going back to an old string never installs.
 */
export const arming = z.discriminatedUnion("reason", [
  z.strictObject({ host: documentName, reason: z.literal("create"), generation: z.string().min(1).max(256).optional() }),
  z.strictObject({ host: documentName, reason: z.literal("reinstall"), generation: z.string().min(1).max(256) }),
]);
export type Arming = z.output<typeof arming>;

const deletion = z.strictObject({
  kind: z.enum(documentKinds),
  name: documentName,
  /** Deletes only this revision: a later document of the same name stays. */
  rev: z.int().optional(),
});

/** Body of `POST /v1/apply`: all of it takes effect or none. */
export const applyRequest = z.strictObject({
  owner: ownerName,
  /** Refused with PXE_REVISION_CONFLICT unless it is the store's revision. */
  expectedRevision: z.int().optional(),
  /** Documents of this owner with the kind and name of one that is put become it: a stack or project was renamed. */
  previousOwner: ownerName.optional(),
  put: z.array(documentSchema).default([]),
  /** Documents of the batch that get a new revision even if nothing changes: whoever held them before can no longer delete them. */
  claim: z.array(z.strictObject({ kind: z.enum(documentKinds), name: documentName })).default([]),
  delete: z.array(deletion).default([]),
  arm: z.array(arming).default([]),
  facts: z.array(knownFact).default([]),
  /** `true`: check everything and store nothing. */
  dryRun: z.boolean().default(false),
});
export type ApplyRequest = z.output<typeof applyRequest>;
export type ApplyInput = z.input<typeof applyRequest>;

export interface DocumentRevision {
  readonly kind: DocumentKind;
  readonly name: string;
  readonly rev: number;
}

/** What is known of a host, as `GET /v1/hosts` and `apply` tell it. */
export interface HostStatus {
  readonly name: string;
  readonly owner: string;
  readonly macs: readonly string[];
  readonly state: InstallState;
  /** Unix time in milliseconds of the last change of state. */
  readonly since: number;
  /** Why it is in this state, for a person. */
  readonly reason: string;
  readonly installedAt: number | null;
  /** The address it was last given, if any. */
  readonly address: string | null;
  /** known_hosts-style public key lines, as reported by the installed host. */
  readonly sshHostKeys: readonly string[];
  readonly consumed: readonly string[];
  /** What a netboot would get now, and why. */
  readonly nextBoot: { readonly action: "install" | "local" | "ignore"; readonly reason: string };
  /** False where only history is left of it. */
  readonly declared: boolean;
}

/** Answer of `POST /v1/apply`. */
export interface ApplyResult {
  /** The store's revision after the batch. */
  readonly revision: number;
  readonly documents: readonly DocumentRevision[];
  /** The hosts that the batch put or armed. */
  readonly hosts: readonly HostStatus[];
}

/** One line of the agent's event log. `detail` is JSON-safe and holds no token and no secret. */
export interface AgentEvent {
  readonly id: number;
  /** Unix time in milliseconds. */
  readonly at: number;
  readonly kind: EventKind;
  readonly host: string | null;
  readonly mac: string | null;
  readonly address: string | null;
  /** One line for a person. */
  readonly text: string;
}

export const eventKinds = [
  "agent.started", "agent.stopped", "documents.applied", "asset.stored",
  "dhcp.offer", "dhcp.ack", "dhcp.nak", "dhcp.release", "dhcp.decline", "dhcp.exhausted",
  "boot.install", "boot.local", "boot.ignore",
  "tftp.sent", "tftp.failed", "http.config", "http.asset", "http.answer", "http.failed", "http.refused",
  "host.armed", "host.adopted", "host.installing", "host.wiping", "host.report", "host.installed", "host.up", "host.failed",
  "alert",
] as const;
export type EventKind = (typeof eventKinds)[number];

export type NewEvent = Omit<AgentEvent, "id" | "at">;

/** An interface that the agent serves on, as it is now. */
export interface InterfaceStatus {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly serving: boolean;
  /** Why it isn't serving, if it isn't. */
  readonly problem: string | null;
  /** DHCP packets since its sockets were opened; absent while it isn't serving, and of older agents. */
  readonly packets?: PacketCounters;
}

/** What became of DHCP packets. */
export interface PacketCounters {
  readonly received: number;
  /** Dropped for what they were. */
  readonly malformed: number;
  readonly replied: number;
  /** Not answered because the lease could not be stored. */
  readonly unstored: number;
  /** Dropped because too many came at once; absent of older agents. */
  readonly limited?: number;
}

/** Answer of `GET /v1/status`. */
export interface AgentStatus {
  readonly version: string;
  /** SHA-256 of the running bundle. */
  readonly bundle: string;
  readonly node: string;
  readonly pid: number;
  readonly revision: number;
  readonly uptimeSeconds: number;
  readonly ready: boolean;
  readonly interfaces: readonly InterfaceStatus[];
  /** Every owner that has documents here. */
  readonly owners: readonly string[];
  readonly problems: readonly string[];
  /** Version of the way in which it hands its sockets to the next agent; absent where it can't. */
  readonly handover?: number;
}

/** An element of `GET /v1/leases`. */
export interface LeaseStatus {
  readonly address: string;
  readonly mac: string;
  readonly clientId: string | null;
  readonly host: string | null;
  readonly subnet: string;
  /** Unix time in milliseconds. */
  readonly expiresAt: number;
  readonly state: "active" | "released" | "expired" | "declined";
}
