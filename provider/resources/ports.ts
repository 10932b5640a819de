import type { Readable } from "node:stream";
import type { Connection } from "../deploy/connection";
import type { Deployed, DeployRequest, Init, Observed, ObserveRequest, RemoveRequest } from "../deploy/request";
import type { AgentStatus, ApplyInput, ApplyResult, HostStatus } from "../model/control";
import type { Stored } from "../model/documents";

/** An agent's control API, as far as resources use it. */
export interface ControlPort {
  status(): Promise<AgentStatus>;
  apply(input: ApplyInput): Promise<ApplyResult>;
  documents(): Promise<readonly Stored[]>;
  hosts(): Promise<readonly HostStatus[]>;
  /** Those of the SHA-256 sums that the agent doesn't hold. */
  missingAssets(sha256: readonly string[]): Promise<readonly string[]>;
  putAsset(sha256: string, size: number, open: () => Readable): Promise<void>;
  close(): void | Promise<void>;
}

/** Agents on targets: what `provider/deploy` does, and what tests stand in for. */
export interface DeployPort {
  /** Makes the agent run on the target, whatever is there now. */
  ensureAgent(request: DeployRequest): Promise<Deployed>;
  /** What runs there. Throws where the target can't be reached. */
  observeAgent(request: ObserveRequest): Promise<Observed>;
  /** Removes the agent and keeps what it remembers of machines. */
  removeAgent(request: RemoveRequest): Promise<void>;
  /** @param expectedHostKey fingerprint that binds where the connection says `trust-first` */
  controlClient(connection: Connection, controlKey: string, expectedHostKey: string | undefined): Promise<ControlPort>;
  generateControlKey(): string;
  /** What would run the agent of the target "local". */
  localInit(): Init;
  /** SHA-256 of the bundle that `ensureAgent` would install, and this package's version. */
  bundled(): { readonly bundle: string; readonly version: string };
}
