import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { PxeError } from "../../provider/errors";
import { planApply, type ApplyState } from "../../provider/engine/apply";
import { decideBoot } from "../../provider/engine/boot";
import type { InstallFacts } from "../../provider/engine/facts";
import { armedFor, forgetHost, reportProgress, type Randomness } from "../../provider/engine/lifecycle";
import { DocumentView, documentKey, ownedKey } from "../../provider/engine/view";
import { applyRequest, type ApplyInput, type InstallState } from "../../provider/model/control";
import type { Stored } from "../../provider/model/documents";
import { hostDocument, owner, profileDocument, serverDocument, subnetDocument } from "../support/documents";

/** Applies batches one after the other, as the agent does, without a disk. */
class Model {
  state: ApplyState = { revision: 0, documents: [], facts: [] };
  now = 1_000_000;
  private count = 0;
  private readonly random: Randomness = { id: () => `id${String(++this.count)}`, token: () => `token${String(++this.count)}` };

  apply(input: Omit<ApplyInput, "owner"> & { owner?: string }): void {
    const plan = planApply(this.state, applyRequest.parse({ owner, ...input }), this.now++, this.random);
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

const base = [serverDocument(), subnetDocument(), profileDocument()];
const mac = "52:54:00:12:34:56";
const otherMac = "52:54:00:00:00:02";
const create = (host: string): ApplyInput["arm"] => [{ host, reason: "create" }];

function started(): Model {
  const model = new Model();
  model.apply({ put: base });
  return model;
}

function codes(run: () => void): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof PxeError) return error.findings.map((item) => item.code);
    throw error;
  }
  return [];
}

describe("arming", () => {
  test("the first declaration with a create arms, and the machine installs once", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    assert.equal(model.boot(mac), "install");
    model.install("db1");
    assert.equal(model.boot(mac), "local");
  });

  test("a document without an arming is adopted", () => {
    const model = started();
    model.apply({ put: [hostDocument()] });
    assert.equal(model.facts("db1").state, "adopted");
    assert.equal(model.boot(mac), "local");
  });

  test('install: "never" is never armed', () => {
    const model = started();
    model.apply({ put: [hostDocument({ install: "never" })], arm: create("db1") });
    assert.equal(model.boot(mac), "local");
  });

  const again: Record<string, (model: Model) => void> = {
    "after its document was deleted": (model) => {
      model.apply({ delete: [{ kind: "host", name: "db1" }] });
      model.apply({ put: [hostDocument()], arm: create("db1") });
    },
    "while its document is still there (lost state file)": (model) => {
      model.apply({ put: [hostDocument()], arm: create("db1") });
    },
    "under another name (rename: create, then delete)": (model) => {
      model.apply({ put: [hostDocument({}, "db9")], arm: create("db9") });
      model.apply({ delete: [{ kind: "host", name: "db1" }] });
    },
    "by another stack, after the first let go of it": (model) => {
      model.apply({ delete: [{ kind: "host", name: "db1" }] });
      model.apply({ owner: "lab/two", put: [subnetDocument({ cidr: "10.78.0.0/24", pools: [], routers: [], dnsServers: ["10.78.0.1"] }, "p", "lab/two"), profileDocument({}, "debian12", "lab/two"), hostDocument({ ip: undefined, subnet: "p" }, "x", "lab/two")], arm: create("x") });
    },
  };
  for (const state of ["installed", "wiping", "failed", "adopted"] as const) {
    for (const [how, declare] of Object.entries(again)) {
      test(`a host that is ${state} is not armed when declared again ${how}`, () => {
        const model = started();
        model.apply({ put: [hostDocument()], arm: create("db1") });
        bring(model, state);
        declare(model);
        assert.equal(model.boot(mac), "local");
      });
    }
  }

  function bring(model: Model, state: InstallState): void {
    if (state === "installed") model.install("db1");
    else if (state === "wiping") model.progress("db1", { kind: "stage", stage: "wiping", text: "" });
    else if (state === "failed") model.progress("db1", { kind: "stage", stage: "failed", text: "no disk" });
    else model.apply({ put: [hostDocument({ install: "never" })] });
  }

  test("a host that was removed before it installed is disarmed, and declaring it again does not arm it", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    model.apply({ delete: [{ kind: "host", name: "db1" }] });
    assert.equal(model.facts("db1").state, "adopted");
    model.apply({ put: [hostDocument()], arm: create("db1") });
    assert.equal(model.boot(mac), "local");
  });

  test("a rename of an armed host keeps its arming and its token", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    const { token } = model.facts("db1");
    model.apply({ put: [hostDocument({}, "db9")], arm: create("db9") });
    model.apply({ delete: [{ kind: "host", name: "db1" }] });
    assert.equal(model.facts("db9").token, token);
    assert.equal(model.boot(mac), "install");
  });

  test("a changed MAC changes nothing else", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    model.install("db1");
    model.apply({ put: [hostDocument({ macs: [otherMac] })] });
    assert.equal(model.boot(otherMac), "local");
    assert.deepEqual(model.facts("db1").macs, [mac, otherMac]);
  });

  test("a fresh agent that is told of an installed host keeps it installed", () => {
    const model = started();
    model.apply({ put: [hostDocument()], facts: [{ host: "db1", state: "installed", installedAt: 5, consumed: ["r1"] }] });
    assert.equal(model.facts("db1").state, "installed");
    assert.equal(model.facts("db1").installedAt, 5);
    model.apply({ put: [hostDocument()], arm: [{ host: "db1", reason: "reinstall", generation: "r1" }] });
    assert.equal(model.boot(mac), "local");
  });

  test("a fresh agent that is told of a host that was only armed adopts it", () => {
    const model = started();
    model.apply({ put: [hostDocument()], facts: [{ host: "db1", state: "armed" }], arm: create("db1") });
    assert.equal(model.boot(mac), "local");
  });

  test("what a provider remembers of an installation that is known here does not undo a later order", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    model.install("db1");
    const facts: ApplyInput["facts"] = [{ host: "db1", state: "installed", installedAt: model.facts("db1").installedAt ?? 0 }];
    model.apply({ put: [hostDocument()], arm: [{ host: "db1", reason: "reinstall", generation: "r2" }], facts });
    model.apply({ put: [hostDocument()], facts });
    assert.equal(model.boot(mac), "install");
  });

  test("an edit by a provider that remembers a host as armed leaves it armed", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    model.apply({ put: [hostDocument({ hostname: "db1b" })], facts: [{ host: "db1", state: "armed" }] });
    assert.equal(model.boot(mac), "install");
  });

  test("an agent that lost an installation its provider remembers does not install", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    model.apply({ put: [hostDocument()], facts: [{ host: "db1", state: "installed", installedAt: 5 }] });
    assert.equal(model.boot(mac), "local");
  });

  test("a reinstall string arms once, expires, and never arms again", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    model.install("db1");
    const order: ApplyInput["arm"] = [{ host: "db1", reason: "reinstall", generation: "2026-11" }];
    model.apply({ put: [hostDocument()], arm: order });
    assert.equal(model.boot(mac), "install");
    model.now += armedFor;
    assert.equal(model.boot(mac), "local");
    model.apply({ put: [hostDocument()], arm: order });
    assert.equal(model.boot(mac), "local");
  });

  test("two records that disagree: the safest wins", () => {
    const model = started();
    model.apply({ put: [hostDocument(), hostDocument({ macs: [otherMac], ip: "10.77.0.12" }, "db2")], arm: [...(create("db1") ?? []), ...(create("db2") ?? [])] });
    model.install("db2");
    model.apply({ delete: [{ kind: "host", name: "db2" }] });
    model.apply({ put: [hostDocument({ macs: [otherMac] })] });
    assert.equal(model.boot(otherMac), "local");
  });
});

describe("superseding and owners", () => {
  test("the newest claim to a MAC wins inside one owner, and the loser gets nothing until it gives way", () => {
    const model = started();
    model.apply({ put: [hostDocument()] });
    model.apply({ put: [hostDocument({ ip: "10.77.0.12" }, "db2")] });
    const view = new DocumentView(model.state.documents, (host) => model.facts(host.name === "db1" ? "db2" : host.name), () => undefined);
    const byName = new Map([...view.hosts()].map((host) => [host.document.name, host.supersededBy]));
    assert.deepEqual([...byName].toSorted(), [["db1", "host/db2"], ["db2", undefined]]);
  });

  test("two addresses can be swapped one by one", () => {
    const model = started();
    model.apply({ put: [hostDocument(), hostDocument({ macs: [otherMac], ip: "10.77.0.12" }, "db2")] });
    model.apply({ put: [hostDocument({ ip: "10.77.0.12" })] });
    model.apply({ put: [hostDocument({ macs: [otherMac], ip: "10.77.0.11" }, "db2")] });
    const view = new DocumentView(model.state.documents, (host) => model.facts(host.name), () => undefined);
    assert.equal(view.hostByAddress("10.77.0.11")?.document.name, "db2");
    assert.equal(view.hostByAddress("10.77.0.12")?.document.name, "db1");
    assert.deepEqual([...view.hosts()].map((host) => host.supersededBy), [undefined, undefined]);
  });

  test("another owner's MAC, subnet and server are refused, and nothing is applied", () => {
    const model = started();
    model.apply({ put: [hostDocument()] });
    const before = model.state;
    const theirs = [subnetDocument({}, "provisioning", "lab/two"), profileDocument({}, "debian12", "lab/two"), hostDocument({}, "db1", "lab/two"), serverDocument({}, "rack1", "lab/two")];
    assert.deepEqual(new Set(codes(() => { model.apply({ owner: "lab/two", put: theirs }); })), new Set(["PXE_OWNED_BY_OTHER"]));
    assert.equal(model.state, before);
  });

  test("a batch of one owner cannot carry or delete another's document", () => {
    const model = started();
    assert.deepEqual(codes(() => { model.apply({ owner: "lab/two", put: [subnetDocument({ cidr: "10.99.0.0/24", pools: [], routers: [] })] }); }), ["PXE_OWNED_BY_OTHER"]);
    model.apply({ owner: "lab/two", delete: [{ kind: "subnet", name: "provisioning" }] });
    assert.equal(model.state.documents.length, 3);
  });
});

describe("a batch", () => {
  test("is refused whole, with every finding", () => {
    const model = started();
    const put = [hostDocument({ ip: "10.99.0.1" }), hostDocument({ ip: "10.77.0.254", macs: [otherMac], profile: "none" }, "db2")];
    assert.deepEqual(codes(() => { model.apply({ put, expectedRevision: 7 }); }).toSorted(), ["PXE_OUTSIDE_SUBNET", "PXE_OUTSIDE_SUBNET", "PXE_REVISION_CONFLICT", "PXE_UNKNOWN_REFERENCE"]);
    assert.equal(model.state.documents.length, 3);
  });

  test("put again unchanged keeps revisions", () => {
    const model = started();
    model.apply({ put: [hostDocument()] });
    const before = model.state;
    model.apply({ put: [hostDocument(), ...base] });
    assert.deepEqual(model.state, before);
  });

  test("a delete that names an older revision does nothing", () => {
    const model = started();
    model.apply({ put: [hostDocument()] });
    const old = model.state.documents.find((doc) => doc.kind === "host")?.rev ?? 0;
    model.apply({ put: [hostDocument({ ip: "10.77.0.20" })] });
    model.apply({ delete: [{ kind: "host", name: "db1", rev: old }] });
    assert.ok(model.state.documents.some((doc: Stored) => doc.kind === "host"));
  });
});

test("forgetting an installed host leaves its facts as they are", () => {
  const model = started();
  model.apply({ put: [hostDocument()], arm: create("db1") });
  model.install("db1");
  assert.equal(forgetHost(model.facts("db1"), 0), undefined);
});

test("a late report of installing does not make a host that writes to its disk install again", () => {
  const model = started();
  model.apply({ put: [hostDocument()], arm: create("db1") });
  model.progress("db1", { kind: "stage", stage: "wiping", text: "" });
  model.progress("db1", { kind: "stage", stage: "installing", text: "" });
  assert.equal(model.boot(mac), "local");
});

test("property: after a machine was installed no sequence of declarations without a new reinstall string installs it again", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("create" as const), name: fc.constantFrom("db1", "db2"), mac: fc.constantFrom(mac, otherMac) }),
    fc.record({ do: fc.constant("update" as const), name: fc.constantFrom("db1", "db2"), mac: fc.constantFrom(mac, otherMac) }),
    fc.record({ do: fc.constant("delete" as const), name: fc.constantFrom("db1", "db2"), mac: fc.constant(mac) }),
    fc.record({ do: fc.constant("replay" as const), name: fc.constantFrom("db1", "db2"), mac: fc.constantFrom(mac, otherMac) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const model = started();
      for (const [index, name] of ["db1", "db2"].entries()) {
        model.apply({ put: [hostDocument({ macs: [index === 0 ? mac : otherMac], ip: undefined }, name)], arm: create(name) });
        model.install(name);
      }
      for (const item of steps) {
        const put = [hostDocument({ macs: [item.mac], ip: undefined }, item.name)];
        if (item.do === "delete") model.apply({ delete: [{ kind: "host", name: item.name }] });
        else if (item.do === "create") model.apply({ put, arm: create(item.name) });
        else model.apply({ put });
        for (const each of [mac, otherMac]) {
          const view = model.state.facts.filter((facts) => facts.state === "armed" || facts.state === "installing");
          assert.deepEqual(view, [], `armed after ${item.do} of ${item.name} with ${each}`);
        }
      }
    }),
  );
});
