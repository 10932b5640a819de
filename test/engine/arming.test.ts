import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { armedFor, forgetHost } from "../../provider/engine/lifecycle";
import type { ApplyInput, InstallState } from "../../provider/model/control";
import { create, mac, Model, otherMac, started } from "../support/apply-model";
import { hostDocument, profileDocument, subnetDocument } from "../support/documents";

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

  test("an armed host that is renamed by an update (an alias) loses its order, and the reason says so", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    model.apply({ put: [hostDocument({}, "db9")], delete: [{ kind: "host", name: "db1" }] });
    assert.equal(model.facts("db9").state, "adopted");
    assert.equal(model.facts("db9").reason, "its order was given to it as host/db1: boots from its disk");
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

  test("the reinstall string of the first declaration is used up: going back to it arms nothing", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: [{ host: "db1", reason: "create", generation: "v1" }] });
    assert.equal(model.boot(mac), "install");
    model.install("db1");
    model.apply({ put: [hostDocument()], arm: [{ host: "db1", reason: "reinstall", generation: "v2" }] });
    model.install("db1");
    model.apply({ put: [hostDocument()], arm: [{ host: "db1", reason: "reinstall", generation: "v1" }] });
    assert.equal(model.boot(mac), "local");
  });

  test("a string that was given while install was never is used up too", () => {
    const model = started();
    model.apply({ put: [hostDocument({ install: "never" })], arm: [{ host: "db1", reason: "create", generation: "v1" }] });
    model.apply({ put: [hostDocument()], arm: [{ host: "db1", reason: "reinstall", generation: "v1" }] });
    assert.equal(model.boot(mac), "local");
  });

  test("a document that takes over a MAC of an armed host is not armed without an order of its own", () => {
    const model = started();
    model.apply({ put: [hostDocument({ macs: [mac, otherMac] })], arm: create("db1") });
    model.apply({ put: [hostDocument({ macs: [otherMac], ip: "10.77.0.12" }, "db2")] });
    assert.equal(model.boot(otherMac), "local");
  });

  test("an armed host whose MACs all change is another machine: it boots from its disk", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    model.apply({ put: [hostDocument({ macs: [otherMac] })] });
    assert.equal(model.boot(otherMac), "local");
  });

  test("an armed host that gets the MAC of an installed one besides boots from its disk", () => {
    const model = started();
    model.apply({ put: [hostDocument({ macs: [otherMac], ip: "10.77.0.12" }, "db2")], arm: create("db2") });
    model.install("db2");
    model.apply({ put: [hostDocument()], arm: create("db1") });
    model.apply({ put: [hostDocument({ macs: [mac, otherMac] })] });
    assert.equal(model.boot(otherMac), "local");
  });

  test("an edit during a reinstall goes on with it, though another record knows the MAC as installed", () => {
    const model = started();
    model.apply({ put: [hostDocument({}, "old")], arm: create("old") });
    model.install("old");
    model.apply({ put: [hostDocument({ macs: [otherMac], ip: undefined }, "db1")] });
    model.apply({ put: [hostDocument({ macs: [otherMac] }, "old")] });
    model.apply({ put: [hostDocument()], arm: [{ host: "db1", reason: "reinstall", generation: "r" }] });
    model.progress("db1", { kind: "stage", stage: "installing", text: "" });
    model.apply({ put: [hostDocument({ hostname: "other" })] });
    assert.equal(model.facts("db1").state, "installing");
  });

  test("an install that runs on past its order's end is not cut off", () => {
    const model = started();
    model.apply({ put: [hostDocument({ install: "once" })] });
    model.apply({ put: [hostDocument()], arm: [{ host: "db1", reason: "reinstall", generation: "r" }] });
    model.progress("db1", { kind: "stage", stage: "installing", text: "" });
    model.now += 2 * armedFor;
    assert.equal(model.boot(mac), "install");
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
