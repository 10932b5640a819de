import type { InstallState } from "../model/control";
import type { HostDocument, ProfileDocument, Stored } from "../model/documents";

/**
 * What is remembered of a machine's installation. It lives beside the documents and outlives them: a host that is declared
 * again finds its facts by name, by any of its MACs, or by UUID.
 */
export interface InstallFacts {
  /** Random, stable: the key of this record. */
  readonly id: string;
  readonly owner: string;
  readonly name: string;
  readonly macs: readonly string[];
  readonly uuids: readonly string[];
  readonly state: InstallState;
  /** Unix time in milliseconds of the last change of state. */
  readonly since: number;
  readonly reason: string;
  /** The secret of this arming, part of its URLs; null when no install is under way. */
  readonly token: string | null;
  /** Unix time in milliseconds after which the arming is void; null: never. */
  readonly armedUntil: number | null;
  readonly installedAt: number | null;
  /** `reinstall` strings that were used up. */
  readonly consumed: readonly string[];
  readonly sshHostKeys: readonly string[];
}

/** A declared host with all that a decision about it needs. */
export interface HostRecord {
  readonly document: Stored<HostDocument>;
  readonly profile: Stored<ProfileDocument> | undefined;
  readonly facts: InstallFacts;
  /** The label of the document that took over one of its identities (`host/db2`); it is then served nothing. */
  readonly supersededBy: string | undefined;
}
