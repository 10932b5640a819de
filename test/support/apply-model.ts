import assert from "node:assert/strict";
import { PxeError } from "../../provider/errors";
import { planApply } from "../../provider/engine/apply";
import { decideBoot } from "../../provider/engine/boot";
import { DocumentIndex, documentKey, ownedKey } from "../../provider/engine/document-index";
import type { InstallFacts } from "../../provider/engine/facts";
import { FactsIndex } from "../../provider/engine/facts-index";
import { reportProgress, type Randomness } from "../../provider/engine/lifecycle";
import { DocumentView } from "../../provider/engine/view";
import { applyRequest, type ApplyInput } from "../../provider/model/control";
import type { Stored } from "../../provider/model/documents";
import { owner, profileDocument, serverDocument, subnetDocument } from "./documents";

/** Applies batches one after the other, as the agent does, without a disk. */
export class Model {
  state: { readonly revision: number; readonly documents: readonly Stored[]; readonly facts: readonly InstallFacts[] } = { revision: 0, documents: [], facts: [] };
  now = 1_000_000;
  private count = 0;
  private readonly random: Randomness = { id: () => `id${String(++this.count)}`, token: () => `token${String(++this.count)}` };

  apply(input: Omit<ApplyInput, "owner"> & { owner?: string }): void {
    const { revision } = this.state;
    const held = { revision, documents: new DocumentIndex(this.state.documents), facts: new FactsIndex(this.state.facts) };
    const plan = planApply(held, applyRequest.parse({ owner, ...input }), this.now++, this.random);
    const documents = new Map(this.state.documents.map((doc) => [documentKey(doc), doc]));
    for (const doc of plan.deleted) documents.delete(documentKey(doc));
    for (const doc of plan.put) documents.set(documentKey(doc), doc);
    const facts = new Map(this.state.facts.map((item) => [item.id, item]));
    for (const id of plan.forgottenFacts) facts.delete(id);
    for (const item of plan.facts) facts.set(item.id, item);
    this.state = { revision: plan.revision, documents: [...documents.values()], facts: [...facts.values()] };
  }

  facts(name: string, of = owner): InstallFacts {
    const found = this.state.facts.find((item) => ownedKey(item) === ownedKey({ owner: of, name }));
    assert.ok(found, `no facts of ${name}`);
    return found;
  }

  /** What the machine with this MAC gets at a network boot. */
  boot(mac: string): string {
    const view = new DocumentView(
      this.state.documents,
      (host) => this.facts(host.name, host.owner),
      (token) => this.state.facts.find((item) => item.token === token),
    );
    return decideBoot(view.hostByMac(mac), { mac, firmware: "bios" }, this.now).action;
  }

  progress(name: string, progress: Parameters<typeof reportProgress>[1]): void {
    const change = reportProgress(this.facts(name), progress, this.now++);
    this.state = { ...this.state, facts: this.state.facts.map((item) => (item.id === change.facts.id ? change.facts : item)) };
  }

  install(name: string): void {
    this.progress(name, { kind: "stage", stage: "installing", text: "" });
    this.progress(name, { kind: "done", sshHostKeys: [] });
  }
}

/** What every host refers to. */
export const base = [serverDocument(), subnetDocument(), profileDocument()];
/** The MAC of `hostDocument`, and another. */
export const mac = "52:54:00:12:34:56";
export const otherMac = "52:54:00:00:00:02";
/** The arming of a first declaration. */
export const create = (host: string): ApplyInput["arm"] => [{ host, reason: "create" }];

/** A model with a server, a subnet and a profile. */
export function started(): Model {
  const model = new Model();
  model.apply({ put: base });
  return model;
}

/** The codes of what a call refuses; none when it doesn't. */
export function codes(run: () => void): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof PxeError) return error.findings.map((item) => item.code);
    throw error;
  }
  return [];
}
