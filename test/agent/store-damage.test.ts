import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { AgentState } from "../../provider/agent/state";
import { openStore } from "../../provider/agent/store/open";
import { decideBoot } from "../../provider/engine/boot";
import { hostDocument } from "../support/documents";
import { asideOf, edit, factsOf, fill, leaseOf, now, overwrite, page, pagesOf, ruin, states } from "../support/stored";

const folder = mkdtempSync(join(tmpdir(), "pxe-damage-"));
after(() => { rmSync(folder, { recursive: true, force: true }); });

async function filled(name: string, leases?: number): Promise<string> {
  const data = join(folder, name);
  await fill(data, leases);
  return data;
}

describe("a damaged database", () => {
  test("a file of garbage is set aside; documents and records come from the copy, and no order to install does", async () => {
    const data = await filled("garbage");
    writeFileSync(join(data, "agent.db"), "no database".repeat(1000));
    const opened = openStore(data, now);
    assert.match(opened.problems.join("\n"), /damaged and is set aside as \S+agent\.db\.corrupt-\S+: 4 documents, 2 install records and 0 leases were saved/);
    assert.deepEqual(states(opened), { db1: "adopted", db2: "installed" });
    assert.deepEqual(opened.snapshot.facts.map((facts) => facts.token), [null, null]);
    assert.deepEqual(opened.snapshot.facts.map((facts) => facts.consumed), [["1"], ["1"]]);
    assert.equal(opened.snapshot.revision, 5);
    assert.equal(asideOf(data).length, 1);
    assert.equal(statSync(join(data, "agent.db")).mode & 0o077, 0);
    assert.equal(statSync(join(data, "documents.db")).mode & 0o077, 0);
    assert.equal(await opened.store.commit([{ type: "lease.put", lease: leaseOf(1) }]), "ok");
    await opened.close();
    const again = openStore(data, now);
    assert.deepEqual([again.problems, again.leases.size, again.snapshot.documents.length], [[], 1, 4]);
    await again.close();
  });

  test("A19 a header that is gone costs no lease: their text is still in the file, and in its log", async () => {
    const data = await filled("header");
    overwrite(join(data, "agent.db"), 0, Buffer.alloc(512, 0xa5));
    const opened = openStore(data, now);
    assert.equal(opened.leases.size, 600);
    assert.deepEqual(opened.leases.byAddress(leaseOf(77).address), leaseOf(77));
    assert.equal(opened.snapshot.documents.length, 4);
    await opened.close();
  });

  test("A19 a page of leases that can't be read costs the leases of that page at most, and orders stand", async () => {
    const data = await filled("leases");
    const pages = pagesOf(data, "leases");
    assert.ok(pages.length > 5, pages.join(" "));
    ruin(data, pages[2] ?? 1);
    const opened = openStore(data, now);
    assert.equal(opened.problems.length, 1);
    assert.ok(opened.leases.size >= 575 && opened.leases.size < 600, String(opened.leases.size));
    assert.deepEqual(states(opened), { db1: "armed", db2: "installed" });
    await opened.close();
  });

  test("a page of documents that can't be read is made good from the copy", async () => {
    const data = await filled("documents");
    for (const damaged of pagesOf(data, "documents")) ruin(data, damaged);
    const opened = openStore(data, now);
    assert.equal(opened.problems.length, 1);
    assert.deepEqual([opened.snapshot.documents.length, opened.leases.size], [4, 600]);
    await opened.close();
  });

  test("a file that was cut, or is empty, is noticed", async () => {
    for (const [name, size] of [["cut", 3 * page], ["empty", 0]] as const) {
      const data = await filled(name);
      truncateSync(join(data, "agent.db"), size);
      const opened = openStore(data, now);
      assert.equal(opened.problems.length, 1, name);
      assert.equal(opened.snapshot.documents.length, 4, name);
      assert.equal(opened.snapshot.facts.some((facts) => facts.state === "armed"), false, name);
      await opened.close();
    }
  });

  test("without a copy hosts whose documents could be read, but not their records, are known not to be new", async () => {
    const data = await filled("no-copy");
    rmSync(join(data, "documents.db"));
    for (const damaged of pagesOf(data, "facts")) ruin(data, damaged);
    const opened = openStore(data, now);
    assert.deepEqual(states(opened), { db1: "adopted", db2: "adopted" });
    assert.match(opened.snapshot.facts[0]?.reason ?? "", /lost/);
    await opened.close();
  });

  test("a replacement that a power cut interrupted is finished, at whichever step it was", async () => {
    for (const step of ["before", "log", "file"]) {
      const data = await filled(`cut-${step}`);
      const path = join(data, "agent.db");
      const made = await filled(`made-${step}`, 3);
      renameSync(join(made, "agent.db"), `${path}.new`);
      writeFileSync(`${path}-wal`, "the log of the damaged one");
      if (step !== "before") renameSync(`${path}-wal`, `${path}.corrupt-1-wal`);
      if (step === "file") renameSync(path, `${path}.corrupt-1`);
      const opened = openStore(data, now);
      assert.deepEqual([opened.leases.size, opened.problems], [3, []], step);
      await opened.close();
    }
  });

  test("no more than three damaged files are kept", async () => {
    const data = await filled("many", 3);
    for (let round = 0; round < 5; round++) {
      writeFileSync(join(data, "agent.db"), "no database".repeat(1000));
      await openStore(data, now + round * 1000).close();
    }
    assert.equal(asideOf(data).filter((name) => !/-(wal|shm)$/.test(name)).length, 3);
  });

  test("an order never goes to the machine of an older document: the copy may be behind, and a sound record says nothing of that", async () => {
    const data = await filled("older-copy");
    const [before, after] = ["52:54:00:12:34:aa", "52:54:00:12:34:bb"] as const;
    const put = (mac: string, rev: number): string => `UPDATE documents SET json = '${JSON.stringify({ ...hostDocument({ macs: [mac] }), rev })}' WHERE name = 'db1'`;
    edit(data, "documents.db", put(before, 3));
    edit(data, "agent.db", `${put(after, 5)}; UPDATE meta SET value = 5`);
    for (const damaged of pagesOf(data, "documents")) ruin(data, damaged);
    const opened = openStore(data, now);
    const state = new AgentState(opened.snapshot, opened.store, () => now, () => undefined);
    assert.equal(opened.snapshot.documents.length, 4);
    assert.equal(decideBoot(state.hostByMac(before), { mac: before, firmware: "bios" }, now).action, "local");
    assert.deepEqual(states(opened), { db1: "adopted", db2: "installed" });
    await opened.close();
  });

  test("a database that is behind its copy has lost what came after: nothing in it is an order", async () => {
    const data = await filled("behind");
    edit(data, "documents.db", `UPDATE meta SET value = 7; DELETE FROM documents WHERE name = 'db2'; UPDATE facts SET json = '${JSON.stringify({ ...factsOf("db1", "installed"), since: now })}' WHERE id = 'id-db1'`);
    const opened = openStore(data, now);
    assert.match(opened.problems.join("\n"), /it is older than its copy/);
    assert.deepEqual(opened.snapshot.documents.filter((doc) => doc.kind === "host").map((doc) => doc.name), ["db1"], "what was deleted since stays so");
    assert.deepEqual([states(opened), opened.leases.size, opened.snapshot.revision], [{ db1: "installed", db2: "installed" }, 600, 8]);
    await opened.close();
    const again = openStore(data, now);
    assert.deepEqual(again.problems, []);
    await again.close();
  });

  test("any damage at all leaves a store that opens, takes writes and arms nobody anew, nor the machine of an older document", async () => {
    const data = await filled("any", 200);
    const older = { ...hostDocument({ macs: ["52:54:00:12:34:aa"] }), rev: 2 };
    edit(data, "documents.db", `UPDATE documents SET json = '${JSON.stringify(older)}' WHERE name = 'db1'`);
    const [good, behind] = [readFileSync(join(data, "agent.db")), readFileSync(join(data, "documents.db"))];
    let seed = 12345;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % below;
    };
    for (let round = 0; round < 40; round++) {
      const bytes = Buffer.from(good.subarray(0, round % 4 === 0 ? random(good.length) : good.length));
      for (let hit = 0; hit < 1 + random(40); hit++) {
        const at = random(Math.max(1, bytes.length));
        bytes.fill(random(256), at, at + 1 + random(200));
      }
      writeFileSync(join(data, "agent.db"), bytes);
      writeFileSync(join(data, "documents.db"), behind);
      for (const name of asideOf(data)) rmSync(join(data, name));
      const opened = openStore(data, now + round);
      assert.equal(await opened.store.commit([{ type: "lease.put", lease: leaseOf(1) }]), "ok", String(round));
      const armed = opened.snapshot.facts.filter((facts) => facts.state === "armed");
      const isOlder = opened.snapshot.documents.some((doc) => doc.kind === "host" && doc.spec.macs.includes("52:54:00:12:34:aa"));
      assert.deepEqual([armed.filter((facts) => facts.token !== "secret"), armed.length > 0 && isOlder], [[], false], String(round));
      await opened.close();
    }
  });
});
