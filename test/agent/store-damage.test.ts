import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, readdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { openStore, type OpenStore } from "../../provider/agent/store/open";
import type { StoreWrite } from "../../provider/agent/store/port";
import type { InstallFacts } from "../../provider/engine/facts";
import type { Lease } from "../../provider/engine/leases";
import { formatIpv4, ipv4 } from "../../provider/model/ip";
import { hostDocument, owner, profileDocument, subnetDocument } from "../support/documents";

const folder = mkdtempSync(join(tmpdir(), "pxe-damage-"));
after(() => { rmSync(folder, { recursive: true, force: true }); });

const now = 1_790_000_000_000;
const page = 4096;

function leaseOf(index: number): Lease {
  const mac = `52:54:00:aa:${(index >> 8).toString(16).padStart(2, "0")}:${(index & 255).toString(16).padStart(2, "0")}`;
  return { address: formatIpv4(ipv4("10.77.8.0") + index), mac, clientId: null, owner, subnet: "provisioning", state: "active", expiresAt: now + 3_600_000 };
}

function factsOf(name: string, state: InstallFacts["state"]): InstallFacts {
  return {
    id: `id-${name}`, owner, name, macs: ["52:54:00:12:34:56"], uuids: [], state, since: now - 1000, reason: "test", token: state === "armed" ? "secret" : null,
    armedUntil: null, installedAt: null, consumed: ["1"], sshHostKeys: [],
  };
}

/** A folder whose agent held documents, records and leases, ended as its process is killed or as it stops. */
async function filled(name: string, leases = 600): Promise<string> {
  const data = join(folder, name);
  const opened = openStore(data, now);
  const documents = [subnetDocument(), profileDocument(), hostDocument(), hostDocument({ macs: ["52:54:00:12:34:99"], ip: "10.77.0.12" }, "db2")];
  const writes: StoreWrite[] = [
    ...documents.map((document, index): StoreWrite => ({ type: "document.put", document: { ...document, rev: index + 1 } })),
    { type: "facts.put", facts: factsOf("db1", "armed") }, { type: "facts.put", facts: factsOf("db2", "installed") },
    { type: "revision", from: 0, to: 4 },
    ...Array.from({ length: leases }, (_, index): StoreWrite => ({ type: "lease.put", lease: leaseOf(index) })),
  ];
  assert.equal(await opened.store.commit(writes), "ok");
  await opened.close();
  return data;
}

function asideOf(data: string): string[] {
  return readdirSync(data).filter((name) => name.includes("corrupt"));
}

const states = (opened: OpenStore): unknown => Object.fromEntries(opened.snapshot.facts.map((facts) => [facts.name, facts.state]));

/** Which pages a table's rows are on (sqlite.org/fileformat2.html, 1.6). */
function pagesOf(data: string, table: string): number[] {
  const db = new DatabaseSync(join(data, "agent.db"));
  const root = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table)?.["rootpage"]);
  db.close();
  return leavesBelow(readFileSync(join(data, "agent.db")), root);
}

function leavesBelow(bytes: Buffer, number: number): number[] {
  const start = (number - 1) * page;
  // 2: an inner page, whose children its cells name.
  if (bytes[start] !== 2) return [number];
  const children = Array.from({ length: bytes.readUInt16BE(start + 3) }, (_, index) => bytes.readUInt32BE(start + bytes.readUInt16BE(start + 12 + 2 * index)));
  return [...children, bytes.readUInt32BE(start + 8)].flatMap((child) => leavesBelow(bytes, child));
}

function overwrite(path: string, at: number, bytes: Uint8Array): void {
  const fd = openSync(path, "r+");
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
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
    overwrite(join(data, "agent.db"), ((pages[2] ?? 1) - 1) * page, Buffer.alloc(page, 0xff));
    const opened = openStore(data, now);
    assert.equal(opened.problems.length, 1);
    assert.ok(opened.leases.size >= 575 && opened.leases.size < 600, String(opened.leases.size));
    assert.deepEqual(states(opened), { db1: "armed", db2: "installed" });
    await opened.close();
  });

  test("a page of documents that can't be read is made good from the copy", async () => {
    const data = await filled("documents");
    for (const damaged of pagesOf(data, "documents")) overwrite(join(data, "agent.db"), (damaged - 1) * page, Buffer.alloc(page, 0xff));
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
    for (const damaged of pagesOf(data, "facts")) overwrite(join(data, "agent.db"), (damaged - 1) * page, Buffer.alloc(page, 0xff));
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

  test("a copy that is damaged is made again, and one that can't be written is told", async () => {
    const data = await filled("copy");
    writeFileSync(join(data, "documents.db"), "no database".repeat(1000));
    await openStore(data, now).close();
    const db = new DatabaseSync(join(data, "documents.db"), { readOnly: true });
    assert.equal(db.prepare("SELECT count(*) AS n FROM documents").get()?.["n"], 4);
    db.close();
    rmSync(join(data, "documents.db"));
    mkdirSync(join(data, "documents.db"));
    const opened = openStore(data, now);
    await opened.close();
    assert.match(opened.trouble().join("\n"), /documents\.db, the copy of the documents, can't be written/);
  });

  test("any damage at all leaves a store that opens, takes writes and arms nobody anew", async () => {
    const data = await filled("any", 200);
    const good = readFileSync(join(data, "agent.db"));
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
      for (const name of asideOf(data)) rmSync(join(data, name));
      const opened = openStore(data, now + round);
      assert.equal(await opened.store.commit([{ type: "lease.put", lease: leaseOf(1) }]), "ok", String(round));
      assert.deepEqual(opened.snapshot.facts.filter((facts) => facts.state === "armed" && facts.token !== "secret"), []);
      await opened.close();
    }
  });
});
