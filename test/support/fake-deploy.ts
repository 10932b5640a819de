import { createHash } from "node:crypto";
import { pxeError, type PxeError } from "../../provider/errors";
import { planApply } from "../../provider/engine/apply";
import { DocumentIndex } from "../../provider/engine/document-index";
import type { InstallFacts } from "../../provider/engine/facts";
import { FactsIndex } from "../../provider/engine/facts-index";
import { applyRequest, type ApplyInput, type ApplyResult, type HostStatus } from "../../provider/model/control";
import type { Stored } from "../../provider/model/documents";
import type { Deployed, DeployRequest, Init, Observed, ObserveRequest, RemoveRequest } from "../../provider/deploy/request";
import type { ControlPort, DeployPort } from "../../provider/resources/ports";

/** An agent and its target, in memory, deciding batches as the real one does; and a record of what they were told. */
export class FakeDeploy implements DeployPort {
  documents: Stored[] = [];
  facts: InstallFacts[] = [];
  readonly batches: ApplyInput[] = [];
  readonly assets = new Map<string, Buffer>();
  readonly deployments: DeployRequest[] = [];
  readonly removals: RemoveRequest[] = [];
  /** The host key that every control connection was told to expect. */
  readonly expectedKeys: (string | undefined)[] = [];
  installed: Deployed | undefined;
  running = true;
  /** What the target "local" gets. */
  init: Init = "systemd";
  /** The agent that runs, where it is another than was installed. */
  observedAgent: { readonly bundle: string; readonly version: string } | undefined;
  readonly observations: ObserveRequest[] = [];
  /** Control keys that the target doesn't let in. */
  readonly refusedKeys = new Set<string>();
  private keys = 0;
  /** What was changed by hand on the target. */
  edited: string[] = [];
  clients = 0;
  closed = 0;
  revision = 0;
  hostKey: string | null = null;
  /** What every call to the agent fails with, if set. */
  failure: PxeError | undefined;
  /** What every deployment fails with, if set. */
  deployFailure: Error | undefined;
  private ids = 0;

  async ensureAgent(request: DeployRequest): Promise<Deployed> {
    this.deployments.push(request);
    if (this.deployFailure !== undefined) throw this.deployFailure;
    this.installed = { bundle: "b1", agentVersion: "0.1.0", nodeVersion: "24.0.0", nodeSource: "target", hostKey: this.hostKey, architecture: "x86_64", init: this.init };
    return this.installed;
  }

  async observeAgent(request: ObserveRequest): Promise<Observed> {
    this.observations.push(request);
    const installed = this.installed !== undefined;
    const running = installed && this.running;
    const found = this.observedAgent ?? { bundle: this.installed?.bundle ?? "", version: this.installed?.agentVersion ?? "" };
    return { installed, running, bundle: running ? found.bundle : null, version: installed ? found.version : null, status: null, edited: this.edited };
  }

  async removeAgent(request: RemoveRequest): Promise<void> {
    this.removals.push(request);
    if (this.failure !== undefined) throw this.failure;
    this.installed = undefined;
  }

  generateControlKey(): string {
    return `control key ${String(++this.keys)}`;
  }

  localInit(): Init {
    return this.init;
  }

  bundled(): { bundle: string; version: string } {
    return { bundle: "b1", version: "0.1.0" };
  }

  async controlClient(_connection: unknown, controlKey: string, expectedHostKey: string | undefined): Promise<ControlPort> {
    if (this.refusedKeys.has(controlKey)) throw pxeError("PXE_CONTROL_KEY_REFUSED", "the key isn't let in");
    this.clients++;
    this.expectedKeys.push(expectedHostKey);
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
      close: () => {
        this.closed++;
      },
    };
  }

  /** Every arming that was ever sent, as `reason host`. */
  armings(): string[] {
    return this.batches.flatMap((batch) => (batch.arm ?? []).map((arming) => `${arming.reason} ${arming.host}`));
  }

  /** Everything held, as `kind/name`. */
  held(): string[] {
    return this.documents.map((doc) => `${doc.kind}/${doc.name}`);
  }

  private apply(input: ApplyInput): ApplyResult {
    this.batches.push(input);
    const random = { id: () => `id${String(++this.ids)}`, token: () => `token${String(++this.ids)}` };
    const plan = planApply({ revision: this.revision, documents: new DocumentIndex(this.documents), facts: new FactsIndex(this.facts) }, applyRequest.parse(input), 1000, random);
    const key = (doc: { kind: string; name: string; owner: string }): string => `${doc.owner} ${doc.kind} ${doc.name}`;
    const gone = new Set([...plan.deleted, ...plan.put].map(key));
    this.revision = plan.revision;
    this.documents = [...this.documents.filter((doc) => !gone.has(key(doc))), ...plan.put];
    const changed = new Set([...plan.facts.map((item) => item.id), ...plan.forgottenFacts]);
    this.facts = [...this.facts.filter((item) => !changed.has(item.id)), ...plan.facts];
    return { revision: plan.revision, documents: plan.revisions, hosts: this.hosts() };
  }

  private hosts(): HostStatus[] {
    return this.documents.flatMap((doc): HostStatus[] => {
      const facts = this.facts.find((item) => item.owner === doc.owner && item.name === doc.name);
      if (doc.kind !== "host" || facts === undefined) return [];
      const { state, since, reason, installedAt, sshHostKeys, consumed } = facts;
      const { macs, ip } = doc.spec;
      const nextBoot = { action: "local" as const, reason: "" };
      return [{ name: doc.name, owner: doc.owner, macs, state, since, reason, installedAt, address: ip ?? null, sshHostKeys, consumed, nextBoot, declared: true }];
    });
  }
}
