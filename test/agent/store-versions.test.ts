import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { openStore } from "../../provider/agent/store/open";
import type { StoreWrite } from "../../provider/agent/store/port";
import { DocumentIndex } from "../../provider/engine/document-index";
import type { InstallFacts } from "../../provider/engine/facts";
import { FactsIndex } from "../../provider/engine/facts-index";
import type { Lease } from "../../provider/engine/leases";
import { planApply } from "../../provider/engine/apply";
import { applyRequest } from "../../provider/model/control";
import type { Stored } from "../../provider/model/documents";
import { hostDocument, subnetDocument } from "../support/documents";

const folder = mkdtempSync(join(tmpdir(), "pxe-versions-"));
after(() => { rmSync(folder, { recursive: true, force: true }); });

/** A data folder as release 0.2.0 leaves it. */
function oldData(name: string): string {
  const data = join(folder, name);
  mkdirSync(data);
  edit(data, (db) => { db.exec(readFileSync(join(process.cwd(), "test/fixtures/database-0.2.0.sql"), "utf8")); });
  return data;
}

function edit(data: string, work: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(join(data, "agent.db"));
  work(db);
  db.close();
}

/** How release 0.2.0 reads the file. */
function readAsBefore(data: string): { revision: number; documents: Stored[]; facts: InstallFacts[]; leases: Lease[]; events: unknown[] } {
  const db = new DatabaseSync(join(data, "agent.db"));
  const rows = <T>(sql: string): T[] => db.prepare(sql).all().map((row) => JSON.parse(String(row["json"])) as T);
  const read = {
    revision: Number(db.prepare("SELECT value FROM meta WHERE key = 'revision'").get()?.["value"] ?? 0),
    documents: rows<Stored>("SELECT json FROM documents ORDER BY kind, owner, name"),
    facts: rows<InstallFacts>("SELECT json FROM facts ORDER BY id"),
    leases: rows<Lease>("SELECT json FROM leases ORDER BY address"),
    events: rows("SELECT json FROM (SELECT id, json FROM events ORDER BY id DESC LIMIT 20000) ORDER BY id"),
  };
  db.exec("INSERT OR REPLACE INTO leases VALUES ('10.77.0.199', '{}'); DELETE FROM leases WHERE address = '10.77.0.199'");
  db.close();
  return read;
}

describe("a database of release 0.2.0", () => {
  test("loads with every default filled in, and keeps its revisions, records, leases and events", async () => {
    const opened = openStore(oldData("loads"), Date.now());
    const { revision, documents, facts, events } = opened.snapshot;
    assert.deepEqual(opened.problems, []);
    assert.equal(revision, 4);
    assert.deepEqual(documents.map((doc) => [doc.kind, doc.name, doc.rev]), [["host", "db1", 4], ["profile", "debian12", 3], ["server", "rack1", 1], ["subnet", "provisioning", 2]]);
    const subnet = documents.find((doc) => doc.kind === "subnet");
    assert.deepEqual(subnet, { ...subnetDocument({}, "provisioning", "lab/old"), rev: 2 });
    assert.equal(documents.find((doc) => doc.kind === "server")?.spec.dhcpMode, "full");
    assert.deepEqual([facts[0]?.state, facts[0]?.consumed, events.length, opened.leases.size], ["installed", ["1"], 2, 2]);
    assert.equal(opened.leases.byAddress("10.77.0.100")?.clientId, "ff0001000123456789525400aa0001");
    await opened.close();
  });

  test("the same documents pushed again by this release change nothing", async () => {
    const opened = openStore(oldData("pushed"), Date.now());
    const put = [subnetDocument({}, "provisioning", "lab/old"), hostDocument({}, "db1", "lab/old")];
    const { revision, documents, facts } = opened.snapshot;
    const held = { revision, documents: new DocumentIndex(documents), facts: new FactsIndex(facts) };
    const plan = planApply(held, applyRequest.parse({ owner: "lab/old", put }), Date.now(), { id: () => "id", token: () => "token" });
    assert.deepEqual([plan.revision, plan.put], [4, []]);
    await opened.close();
  });

  test("a document that parses no more is left out and named, the others are served; one of a later release is served without what is new", async () => {
    const data = oldData("broken");
    edit(data, (db) => {
      db.exec("UPDATE documents SET json = json_set(json, '$.spec.cidr', 'nowhere') WHERE kind = 'subnet'");
      db.exec("UPDATE documents SET json = json_set(json, '$.spec.later', json('{\"a\":1}'), '$.spec.kernel.signature', 'x') WHERE kind = 'profile'");
      db.exec("INSERT INTO documents VALUES ('host', 'lab/old', 'torn', '{\"kind\":')");
      db.exec("INSERT INTO leases VALUES ('nowhere', '{\"address\":\"nowhere\"}')");
    });
    const opened = openStore(data, Date.now());
    assert.deepEqual(opened.snapshot.documents.map((doc) => doc.kind), ["host", "profile", "server"]);
    assert.equal(opened.problems.length, 2);
    assert.match(opened.problems.join("\n"), /subnet\/provisioning of lab\/old: spec\.cidr/);
    assert.equal(opened.leases.size, 2);
    await opened.close();
  });

  test("what this release writes is read by 0.2.0's queries, with the leases given since", async () => {
    const data = oldData("back");
    const opened = openStore(data, Date.now());
    const lease: Lease = { address: "10.77.0.101", mac: "52:54:00:aa:00:02", clientId: null, owner: "lab/old", subnet: "provisioning", state: "active", expiresAt: 4102444800000, port: "10.0.0.1 01" };
    const writes: StoreWrite[] = [{ type: "lease.put", lease }, { type: "document.put", document: { ...subnetDocument({ leaseTime: 600 }, "provisioning", "lab/old"), rev: 5 } }, { type: "revision", from: 4, to: 5 }];
    assert.equal(await opened.store.commit(writes), "ok");
    await opened.close();
    const before = readAsBefore(data);
    assert.deepEqual([before.revision, before.documents.length, before.facts.length, before.events.length], [5, 4, 1, 2]);
    assert.deepEqual(before.leases.map((one) => one.address), ["10.77.0.100", "10.77.0.101", "10.77.0.11"]);
    const again = openStore(data, Date.now());
    assert.deepEqual(again.leases.byAddress("10.77.0.101"), lease);
    await again.close();
  });
});
