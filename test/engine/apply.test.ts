import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DocumentView } from "../../provider/engine/view";
import type { Stored } from "../../provider/model/documents";
import { base, codes, create, otherMac, started } from "../support/apply-model";
import { hostDocument, owner, profileDocument, serverDocument, subnetDocument } from "../support/documents";

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

describe("claims and renamed owners", () => {
  test("a claimed document gets a new revision, so that its old holder's delete does nothing", () => {
    const model = started();
    model.apply({ put: [hostDocument()] });
    const old = model.state.documents.find((doc) => doc.kind === "host")?.rev ?? 0;
    model.apply({ put: [hostDocument()], claim: [{ kind: "host", name: "db1" }] });
    model.apply({ delete: [{ kind: "host", name: "db1", rev: old }] });
    assert.ok(model.state.documents.some((doc) => doc.kind === "host"));
  });

  test("a renamed stack takes its documents and their history along", () => {
    const model = started();
    model.apply({ put: [hostDocument()], arm: create("db1") });
    model.install("db1");
    const of = "lab/renamed";
    const all = [serverDocument({}, "rack1", of), subnetDocument({}, "provisioning", of), profileDocument({}, "debian12", of), hostDocument({}, "db1", of)];
    for (const doc of all) model.apply({ owner: of, previousOwner: owner, put: [doc] });
    assert.deepEqual([...new Set(model.state.documents.map((doc) => doc.owner))], [of]);
    assert.equal(model.facts("db1", of).state, "installed");
  });

  test("a rename does not touch what the batch does not name", () => {
    const model = started();
    model.apply({ put: [hostDocument()] });
    model.apply({ owner: "lab/renamed", previousOwner: owner, put: [serverDocument({}, "rack1", "lab/renamed")] });
    assert.equal(model.state.documents.filter((doc) => doc.owner === owner).length, 3);
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
