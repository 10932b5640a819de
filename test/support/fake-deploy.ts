import { createHash } from "node:crypto";
import { PxeError, pxeError, throwFindings } from "../../provider/errors";
import { applyRequest, type ApplyInput, type ApplyResult, type HostStatus } from "../../provider/model/control";
import type { Stored } from "../../provider/model/documents";
import { checkRules } from "../../provider/model/rules";
import type { Deployed, Observed } from "../../provider/deploy/request";
import type { ControlPort, DeployPort } from "../../provider/resources/ports";

/** An agent and its target, in memory: what the resources see of them, and a record of what they were told. */
export class FakeDeploy implements DeployPort {
  documents: Stored[] = [];
  readonly batches: ApplyInput[] = [];
  readonly assets = new Map<string, Buffer>();
  installed: Deployed | undefined;
  clients = 0;
  revision = 0;
  /** What every call to the agent fails with, if set. */
  failure: PxeError | undefined;
  hostState: HostStatus["state"] = "armed";

  async ensureAgent(): Promise<Deployed> {
    this.installed = { bundle: "b1", agentVersion: "0.1.0", nodeVersion: "24.0.0", nodeSource: "target", hostKey: null, architecture: "x86_64", init: "systemd" };
    return this.installed;
  }

  async observeAgent(): Promise<Observed> {
    const there = this.installed !== undefined;
    return { installed: there, running: there, bundle: this.installed?.bundle ?? null, version: null, status: null };
  }

  async removeAgent(): Promise<void> {
    this.installed = undefined;
  }

  generateControlKey(): string {
    return "a new control key";
  }

  bundled(): { bundle: string; version: string } {
    return { bundle: "b1", version: "0.1.0" };
  }

  async controlClient(): Promise<ControlPort> {
    this.clients++;
    const answer = <T>(work: () => T): Promise<T> => (this.failure === undefined ? Promise.resolve().then(work) : Promise.reject(this.failure));
    return {
      status: () => answer(() => { throw pxeError("PXE_INTERNAL", "not asked for"); }),
      apply: (input) => answer(() => this.apply(input)),
      documents: () => answer(() => this.documents),
      hosts: () => answer(() => this.hosts()),
      missingAssets: (sums) => answer(() => sums.filter((sum) => !this.assets.has(sum))),
      putAsset: async (sha256, _size, open) => {
        const parts: Buffer[] = [];
        for await (const part of open() as AsyncIterable<Buffer>) parts.push(part);
        const bytes = Buffer.concat(parts);
        if (createHash("sha256").update(bytes).digest("hex") !== sha256) throw pxeError("PXE_ASSET_HASH", "other bytes");
        this.assets.set(sha256, bytes);
      },
      close: () => undefined,
    };
  }

  /** Every arming that was ever sent, as `reason host`. */
  armings(): string[] {
    return this.batches.flatMap((batch) => (batch.arm ?? []).map((arming) => `${arming.reason} ${arming.host}`));
  }

  private apply(input: ApplyInput): ApplyResult {
    this.batches.push(input);
    const batch = applyRequest.parse(input);
    throwFindings(checkRules(batch.put));
    this.revision++;
    for (const item of batch.delete) {
      this.documents = this.documents.filter((doc) => doc.kind !== item.kind || doc.name !== item.name || (item.rev !== undefined && doc.rev !== item.rev));
    }
    for (const doc of batch.put) {
      this.documents = [...this.documents.filter((old) => old.kind !== doc.kind || old.name !== doc.name), { ...doc, rev: this.revision }];
    }
    const revisions = batch.put.map((doc) => ({ kind: doc.kind, name: doc.name, rev: this.revision }));
    return { revision: this.revision, documents: revisions, hosts: this.hosts() };
  }

  private hosts(): HostStatus[] {
    return this.documents.flatMap((doc) =>
      doc.kind !== "host" ? [] : [{
        name: doc.name, owner: doc.owner, macs: doc.spec.macs, state: this.hostState, since: 0, reason: "", installedAt: null,
        address: doc.spec.ip ?? null, sshHostKeys: [], consumed: [], nextBoot: { action: "local" as const, reason: "" }, declared: true,
      }],
    );
  }
}
