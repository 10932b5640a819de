import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, test } from "node:test";
import { openStore } from "../../provider/agent/store/open";
import { SqliteStore } from "../../provider/agent/store/sqlite";
import type { StoreWrite } from "../../provider/agent/store/port";
import { PxeError } from "../../provider/errors";
import type { AgentEvent } from "../../provider/model/control";
import type { Lease } from "../../provider/engine/leases";

const folder = mkdtempSync(join(tmpdir(), "pxe-store-"));
after(() => { rmSync(folder, { recursive: true, force: true }); });

function lease(address: string): Lease {
  return { address, mac: "52:54:00:12:34:56", clientId: null, owner: "lab/test", subnet: "provisioning", state: "active", expiresAt: 1 };
}

function longEvent(id: number): AgentEvent {
  return { id, at: 1, kind: "alert", host: null, mac: null, address: null, text: "x".repeat(500) };
}

const put = (address: string): StoreWrite => ({ type: "lease.put", lease: lease(address) });

describe("the SQLite store", () => {
  test("what was committed is there after it was closed and opened again", async () => {
    const path = join(folder, "reopened", "agent.db");
    const store = new SqliteStore(path);
    assert.equal(await store.commit([put("10.77.0.100"), { type: "revision", from: 0, to: 1 }]), "ok");
    await store.commit([{ type: "lease.put", lease: { ...lease("10.77.0.100"), state: "released" } }, put("10.77.0.101")]);
    await store.commit([{ type: "lease.delete", address: "10.77.0.101" }]);
    await store.close();
    const again = new SqliteStore(path);
    const { revision, leases } = again.load();
    assert.deepEqual({ revision, leases }, { revision: 1, leases: [{ ...lease("10.77.0.100"), state: "released" }] });
    await again.close();
  });

  test("A19 what comes alone is stored after 2 ms, what comes in a crowd after 6 ms with all that came meanwhile, and none is told before", async (t) => {
    const path = join(folder, "groups", "agent.db");
    const store = new SqliteStore(path);
    const other = new SqliteStore(path);
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const told: string[] = [];
    const commit = (address: string): void => { void store.commit([put(address)]).then(() => { told.push(address); }); };
    const stored = (): string[] => other.load().leases.map((item) => item.address);
    const after = async (milliseconds: number): Promise<{ told: number; stored: number }> => {
      t.mock.timers.tick(milliseconds);
      await Promise.resolve();
      return { told: told.length, stored: stored().length };
    };
    commit("10.77.0.1");
    assert.deepEqual(await after(1), { told: 0, stored: 0 });
    assert.deepEqual(await after(1), { told: 1, stored: 1 });
    for (let index = 2; index <= 5; index++) commit(`10.77.0.${String(index)}`);
    assert.deepEqual(await after(2), { told: 5, stored: 5 });
    commit("10.77.0.6");
    assert.deepEqual(await after(5), { told: 5, stored: 5 });
    commit("10.77.0.7");
    assert.deepEqual(await after(1), { told: 7, stored: 7 });
    // Two are no crowd: the next one waits as one alone does.
    commit("10.77.0.8");
    assert.deepEqual(await after(2), { told: 8, stored: 8 });
    t.mock.timers.reset();
    await Promise.all([store.close(), other.close()]);
  });

  test("its folder is its user's alone", async () => {
    const path = join(folder, "private", "agent.db");
    await new SqliteStore(path).close();
    assert.equal(statSync(join(folder, "private")).mode & 0o077, 0);
  });

  test("a commit on an old revision is a conflict and changes nothing, also beside others of its group", async () => {
    const path = join(folder, "conflict", "agent.db");
    const one = new SqliteStore(path);
    const other = new SqliteStore(path);
    assert.equal(await one.commit([{ type: "revision", from: 0, to: 1 }]), "ok");
    const results = await Promise.all([
      other.commit([{ type: "revision", from: 0, to: 1 }, put("10.77.0.100")]),
      other.commit([put("10.77.0.101")]),
    ]);
    assert.deepEqual(results, ["conflict", "ok"]);
    assert.deepEqual(other.load().leases.map((item) => item.address), ["10.77.0.101"]);
    assert.deepEqual(one.leasesOf(["10.77.0.100", "10.77.0.101"]), [lease("10.77.0.101")], "what the other one has stored");
    await Promise.all([one.close(), other.close()]);
  });

  test("one write that can't be stored fails alone, and others of its group are stored", async () => {
    const path = join(folder, "alone", "agent.db");
    const store = new SqliteStore(path);
    const bad: StoreWrite = { type: "lease.put", lease: { ...lease("10.77.0.101"), expiresAt: 1n as unknown as number } };
    const results = await Promise.allSettled([store.commit([put("10.77.0.100")]), store.commit([put("10.77.0.102"), bad]), store.commit([put("10.77.0.103")])]);
    assert.deepEqual(results.map((result) => result.status), ["fulfilled", "rejected", "fulfilled"]);
    assert.deepEqual(store.load().leases.map((item) => item.address), ["10.77.0.100", "10.77.0.103"]);
    await store.close();
  });

  test("F1 events on disk are bounded, whichever ids the stored ones have: offers have ids too and aren't stored", async () => {
    for (const [name, first, step] of [["even", 2, 2], ["odd", 1, 2], ["all", 1, 1]] as const) {
      const path = join(folder, `events-${name}`, "agent.db");
      const store = new SqliteStore(path);
      const events = Array.from({ length: 30_000 }, (_, index): StoreWrite => ({ type: "event.put", event: { ...longEvent(first + index * step), text: "x" } }));
      for (let from = 0; from < events.length; from += 500) await store.commit(events.slice(from, from + 500));
      await store.close();
      const db = new DatabaseSync(path);
      const { count, newest } = db.prepare("SELECT count(*) AS count, max(id) AS newest FROM events").get() as { count: number; newest: number };
      db.close();
      assert.equal(newest, first + 29_999 * step, name);
      assert.ok(count <= 21_000, `${name}: ${String(count)}`);
    }
  });

  test("a full disk is told by its code and fails the group; with room again it stores", async () => {
    const mount = join(folder, "tmpfs");
    mkdirSync(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", mount]);
    try {
      const store = new SqliteStore(join(mount, "data", "agent.db"));
      const filler = join(mount, "filler");
      const room = statfsSync(mount);
      writeFileSync(filler, Buffer.alloc(room.bavail * room.bsize));
      const results = await Promise.allSettled(Array.from({ length: 200 }, (_, index) => store.commit([put(`10.77.${String(index)}.1`), { type: "event.put", event: longEvent(index + 1) }])));
      for (const result of results) assert.ok(result.status === "rejected" && result.reason instanceof PxeError && result.reason.code === "PXE_DISK_FULL", JSON.stringify(result));
      rmSync(filler);
      assert.equal(await store.commit([put("10.77.0.100")]), "ok");
      await store.close();
    } finally {
      execFileSync("umount", [mount]);
    }
  });

  test("what was stored can be read on a full disk, also after the process was killed, and is stored to again with room", async () => {
    const mount = join(folder, "full-start");
    mkdirSync(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=768k", "tmpfs", mount]);
    try {
      const data = join(mount, "data");
      const script = `
        const { openStore } = require(${JSON.stringify(require.resolve("../../provider/agent/store/open"))});
        openStore(${JSON.stringify(data)}, 1).store.commit([${JSON.stringify(put("10.77.0.100"))}]).then(() => process.kill(process.pid, "SIGKILL"));`;
      const child = spawn(process.execPath, ["--no-warnings", "-e", script], { stdio: "inherit" });
      await once(child, "exit");
      const filler = join(mount, "filler");
      rmSync(join(data, "agent.db-shm"));
      const room = statfsSync(mount);
      writeFileSync(filler, Buffer.alloc(room.bavail * room.bsize));
      const opened = openStore(data, 1);
      assert.equal(opened.leases.size, 1);
      await assert.rejects(opened.store.commit([put("10.77.0.101"), { type: "event.put", event: longEvent(1) }]), { code: "PXE_DISK_FULL" });
      assert.match(opened.trouble().join("\n"), /nothing can be stored: PXE_DISK_FULL/);
      rmSync(filler);
      assert.equal(await opened.store.commit([put("10.77.0.102")]), "ok");
      assert.deepEqual(opened.trouble(), []);
      await opened.close();
    } finally {
      execFileSync("umount", [mount]);
    }
  });

  test("a file that is no database, and a folder that can't be made, are told by their path", () => {
    const path = join(folder, "damaged.db");
    writeFileSync(path, "no database".repeat(1000));
    assert.throws(() => new SqliteStore(path), { code: "PXE_STORE_FAILED", message: /damaged\.db/ });
    assert.throws(() => new SqliteStore(join(path, "below", "agent.db")), { code: "PXE_STORE_FAILED" });
  });

  test("a store that cannot write rejects, and the process goes on", async () => {
    const store = new SqliteStore(join(folder, "closed", "agent.db"));
    await store.close();
    await assert.rejects(store.commit([put("10.77.0.100")]));
  });

  test("A19 a lease that was committed survives SIGKILL", async () => {
    const path = join(folder, "killed", "agent.db");
    const module = require.resolve("../../provider/agent/store/sqlite");
    const script = `
      const { SqliteStore } = require(${JSON.stringify(module)});
      const store = new SqliteStore(${JSON.stringify(path)});
      store.commit([${JSON.stringify(put("10.77.0.100"))}]).then(() => process.stdout.write("committed"));
      setInterval(() => undefined, 1000);`;
    const child = spawn(process.execPath, ["--no-warnings", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
    const store = new SqliteStore(path);
    assert.equal(store.load().leases.length, 1);
    await store.close();
  });
});
