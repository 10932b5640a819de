import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, describe, test } from "node:test";
import { DocumentsCopy } from "../../provider/agent/store/copy";
import { openStore, type OpenStore } from "../../provider/agent/store/open";
import { SqliteStore } from "../../provider/agent/store/sqlite";
import { hostDocument } from "../support/documents";
import { eventually } from "../support/eventually";
import { ask, edit, fill, leaseOf, now, pagesOf, ruin, states } from "../support/stored";

const folder = mkdtempSync(join(tmpdir(), "pxe-copy-"));
after(() => { rmSync(folder, { recursive: true, force: true }); });

async function filled(name: string): Promise<string> {
  const data = join(folder, name);
  await fill(data, 20);
  return data;
}

const counts = (data: string): unknown[] => ["documents", "facts"].map((table) => ask(data, "documents.db", `SELECT count(*) FROM ${table}`));

/** Has the copy take over what the database holds, whatever state that is in. */
async function follow(data: string): Promise<string | undefined> {
  const store = new SqliteStore(join(data, "agent.db"));
  const copy = new DocumentsCopy(join(data, "documents.db"), store);
  copy.close();
  await store.close();
  return copy.problem;
}

describe("the copy of the documents", () => {
  test("one that is damaged is made again, and one that can't be written is told", async () => {
    const data = await filled("copy");
    writeFileSync(join(data, "documents.db"), "no database".repeat(1000));
    await openStore(data, now).close();
    assert.deepEqual(counts(data), [4, 2]);
    rmSync(join(data, "documents.db"));
    mkdirSync(join(data, "documents.db"));
    const opened = openStore(data, now);
    await opened.close();
    assert.match(opened.trouble().join("\n"), /documents\.db, the copy of the documents, can't be written/);
  });

  test("damage of the database is none of the copy: it is kept, and is what the database is mended from", async () => {
    const data = await filled("live");
    for (const damaged of pagesOf(data, "documents")) ruin(data, damaged);
    assert.match(await follow(data) ?? "", /agent\.db can't be used: database disk image is malformed/);
    assert.deepEqual(counts(data), [4, 2]);
    const opened = openStore(data, now);
    assert.equal(opened.snapshot.documents.length, 4);
    await opened.close();
  });

  test("where both are damaged the copy stays, for what can still be read of it", async () => {
    const data = await filled("both");
    for (const damaged of pagesOf(data, "documents")) ruin(data, damaged);
    for (const damaged of pagesOf(data, "facts", "documents.db")) ruin(data, damaged, "documents.db");
    assert.match(await follow(data) ?? "", /malformed/);
    const opened = openStore(data, now);
    assert.deepEqual([opened.snapshot.documents.length, states(opened)], [4, { db1: "adopted", db2: "installed" }]);
    await opened.close();
    assert.deepEqual(counts(data), [4, 2]);
  });

  test("a row that can't be understood takes no good one's place; what else has changed is copied", async () => {
    const data = await filled("row");
    const changed = JSON.stringify({ ...hostDocument({ macs: ["52:54:00:12:34:77"] }, "db2"), rev: 5 });
    edit(data, "agent.db", `UPDATE documents SET json = '{"kind":' WHERE name = 'db1'; UPDATE documents SET json = '${changed}' WHERE name = 'db2'; UPDATE facts SET json = '{}' WHERE id = 'id-db1'; DELETE FROM facts WHERE id = 'id-db2'`);
    assert.equal(await follow(data), undefined);
    assert.deepEqual(counts(data), [4, 1]);
    assert.equal(ask(data, "documents.db", "SELECT json_extract(json, '$.name') FROM documents WHERE name = 'db1'"), "db1");
    assert.equal(ask(data, "documents.db", "SELECT json FROM documents WHERE name = 'db2'"), changed);
    assert.equal(ask(data, "documents.db", "SELECT json_extract(json, '$.state') FROM facts"), "armed");
  });

  test("started on a full disk, where the database is held for its agent alone, it is made as soon as there is room, and nobody waits for it", { timeout: 30_000 }, async () => {
    const mount = join(folder, "full");
    mkdirSync(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", mount]);
    let opened: OpenStore | undefined;
    try {
      const data = join(mount, "data");
      await fill(data, 20);
      rmSync(join(data, "documents.db"));
      const filler = join(mount, "filler");
      const room = statfsSync(mount);
      writeFileSync(filler, Buffer.alloc(room.bavail * room.bsize));
      const { store, trouble } = opened = openStore(data, now);
      await assert.rejects(store.commit([{ type: "lease.put", lease: leaseOf(1000) }]), { code: "PXE_DISK_FULL" });
      rmSync(filler);
      const held = monitorEventLoopDelay({ resolution: 10 });
      held.enable();
      await eventually(() => Promise.resolve(counted(data) === 4 || trouble().some((text) => text.includes("documents.db"))), () => trouble().join("\n"), 10_000);
      held.disable();
      assert.equal(trouble().find((text) => text.includes("documents.db")), undefined);
      assert.ok(held.max < 1.5e9, `${String(held.max / 1e6)} ms`);
    } finally {
      await opened?.close();
      execFileSync("umount", [mount]);
    }
  });
});

/** Documents in the copy; undefined before it is there. */
function counted(data: string): unknown {
  try {
    return ask(data, "documents.db", "SELECT count(*) FROM documents");
  } catch {
    return undefined;
  }
}

describe("a sound database with rows that can't be understood", () => {
  test("documents are taken from the copy, for good, and no order stands that may go to an older one's machine", async () => {
    const data = await filled("documents");
    edit(data, "agent.db", "UPDATE documents SET json = json_set(json, '$.spec.cidr', 'nowhere') WHERE kind = 'subnet'; UPDATE documents SET json = '{\"kind\":' WHERE name = 'db2'");
    const opened = openStore(data, now);
    assert.deepEqual(opened.snapshot.documents.map((doc) => doc.name).toSorted(), ["db1", "db2", "debian12", "provisioning"]);
    assert.deepEqual(states(opened), { db1: "adopted", db2: "installed" });
    assert.match(opened.problems.join("\n"), /^2 stored rows can't be understood and are as the copy has them: .*subnet\/provisioning of lab\/test: spec\.cidr.*; orders to install that hang on what is lost are void$/);
    await opened.close();
    assert.deepEqual(counts(data), [4, 2]);
    const again = openStore(data, now);
    assert.deepEqual([again.problems, again.snapshot.documents.length, states(again), again.leases.size], [[], 4, { db1: "adopted", db2: "installed" }, 20]);
    await again.close();
  });

  test("an install record is taken from the copy disarmed, others stand; without one there the host counts as known", async () => {
    const data = await filled("facts");
    edit(data, "agent.db", "UPDATE facts SET json = '{}' WHERE id = 'id-db2'");
    edit(data, "documents.db", "UPDATE facts SET json = json_set(json, '$.state', 'armed') WHERE id = 'id-db2'");
    const opened = openStore(data, now);
    assert.deepEqual(states(opened), { db1: "armed", db2: "adopted" });
    await opened.close();
    for (const file of ["agent.db", "documents.db"] as const) edit(data, file, "UPDATE facts SET json = '{}' WHERE id = 'id-db1'");
    const again = openStore(data, now);
    assert.deepEqual(states(again), { db2: "adopted", db1: "adopted" });
    assert.match(again.problems.join("\n"), /orders to install that hang on what is lost are void\na stored document can't be used and is left out: an install record/);
    await again.close();
  });

  test("what neither has stays as it is, for the release that understands it", async () => {
    const data = await filled("later");
    for (const file of ["agent.db", "documents.db"] as const) edit(data, file, "UPDATE documents SET json = json_set(json, '$.spec.cidr', 'of-a-later-release') WHERE kind = 'subnet'");
    const opened = openStore(data, now);
    assert.deepEqual([opened.snapshot.documents.length, states(opened)], [3, { db1: "armed", db2: "installed" }]);
    await opened.close();
    for (const file of ["agent.db", "documents.db"] as const) {
      assert.equal(ask(data, file, "SELECT json_extract(json, '$.spec.cidr') FROM documents WHERE kind = 'subnet'"), "of-a-later-release");
    }
  });
});
