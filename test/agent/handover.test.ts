import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Site } from "../support/handover-site";

const clients = 8;
let site: Site;

beforeEach(async () => { site = await Site.create(clients); });
afterEach(() => site.close());

describe("a hand-over between two agents", () => {
  test("no boot fails through three of them, and transfers under way come to their end with the right bytes", { timeout: 60_000 }, async () => {
    const first = await site.boot(0);
    const initrd = first.files.find((file) => file.via === "tftp" && file.size === site.initrd.length)?.name ?? assert.fail("the initrd went another way");
    let going = true;
    const failures: string[] = [];
    let boots = 0;
    const loops = Array.from({ length: clients }, async (_item, index) => {
      while (going) {
        await site.boot(index).then((result) => { assert.equal(result.action, "install"); }, (error: unknown) => failures.push(String(error)));
        boots += 1;
      }
    });
    const kept = site.keptAlive(() => going);
    const transfers = Promise.all([site.slowHttp(8), site.slowTftp(initrd, 5)]);
    const before = boots;
    const replaced = [];
    for (let round = 0; round < 3; round++) replaced.push(await site.handOver());
    const during = boots - before;
    const [http, tftp] = await transfers;
    assert.ok(http.equals(site.big));
    assert.ok(tftp.equals(site.initrd));
    going = false;
    await Promise.all(loops);
    const { count, failures: refused } = await kept;
    assert.deepEqual([...failures, ...refused], []);
    assert.ok(during > 10 && count > 20, `${String(during)} boots and ${String(count)} requests while three agents took over`);
    for (const child of replaced.slice(0, -1)) if (child.exitCode === null) await once(child, "exit", { signal: AbortSignal.timeout(25_000) });
    assert.deepEqual(replaced.map((child) => child.exitCode), [0, 0, null]);
    // What the agents before served is told by the one that serves now.
    const events = await site.events();
    assert.ok(events.some((text) => text.includes("file fetched: 25165824 bytes")), events.filter((text) => !/leased|answer file|stored|sent:/.test(text)).join("\n"));
    assert.equal((await site.hosts()).filter((host) => host.state === "armed").length, clients);
  });

  test("an agent that another one serves beside ends unless it is to take over, with a status that its service doesn't retry", async () => {
    const { pid } = await site.status();
    const child = site.start([], { PXE_TAKE_OVER: join(site.base, "no-order") });
    const [code] = await once(child, "exit") as [number];
    assert.equal(code, 75, site.said(child));
    assert.equal((await site.status()).pid, pid);
    assert.ok(existsSync(join(site.data, "take")));
  });

  test("one that is killed at any stage, or hangs, has the old one serve on, and nothing that was sent meanwhile is lost", { timeout: 60_000 }, async () => {
    const { pid } = await site.status();
    for (const stage of ["asked", "given", "locked", "opened", "hung"]) {
      const child = spawn(process.execPath, [require.resolve("../support/dying-taker"), site.data, stage], { stdio: ["ignore", "inherit", "inherit"] });
      const ended = once(child, "exit");
      const boots = Promise.all([site.boot(0), site.boot(1)]);
      const [, signal] = await ended as [unknown, string];
      assert.equal(signal, "SIGKILL", stage);
      for (const boot of await boots) assert.equal(boot.action, "install", stage);
      assert.equal((await site.untilBundleServes((status) => status.ready)).pid, pid, stage);
    }
    assert.ok((await site.events()).some((text) => /did not take over, and this one \(.*\) serves on: /.test(text)));
    await site.handOver();
    await site.boot(2);
  });

  test("one that fails its check leaves the old one alone: a document that it refuses, a database that it can't read", async () => {
    const { pid, uptimeSeconds } = await site.status();
    site.edit((db) => db.exec("UPDATE documents SET json = json_set(json, '$.spec.unheardOf', 1) WHERE name = 'h3'"));
    const child = site.start([], { PXE_TAKE_OVER: site.order() });
    const [code] = await once(child, "exit") as [number];
    assert.equal(code, 75);
    assert.match(site.said(child), /PXE_HANDOVER_FAILED: a stored document is refused: host\/h3: .*unheardOf/);
    const after = await site.status();
    assert.deepEqual([after.pid, after.uptimeSeconds >= uptimeSeconds], [pid, true]);
    assert.equal((await site.boot(0)).action, "install");
  });

  test("a transfer that began before one that failed comes to its end through the next", { timeout: 60_000 }, async () => {
    const transfer = site.slowHttp(8);
    const child = spawn(process.execPath, [require.resolve("../support/dying-taker"), site.data, "given"], { stdio: ["ignore", "inherit", "inherit"] });
    await once(child, "exit");
    const { pid } = await site.untilBundleServes((status) => status.ready);
    await site.handOver();
    assert.ok((await transfer).equals(site.big));
    await site.until(() => !existsSync(`/proc/${String(pid)}`));
  });

  test("on a full disk nothing is handed over: whether its database can be opened again is not certain", { timeout: 60_000, skip: process.getuid?.() !== 0 }, async () => {
    const mounted = await Site.create(1, 4);
    try {
      const { pid } = await mounted.status();
      mounted.fill();
      const child = mounted.start([], { PXE_TAKE_OVER: mounted.order() });
      const [code] = await once(child, "exit") as [number];
      assert.deepEqual([code, /PXE_DISK_FULL: .*can't be written to/.test(mounted.said(child))], [75, true], mounted.said(child));
      const after = await mounted.status();
      assert.deepEqual([after.pid, after.ready], [pid, true]);
    } finally {
      await mounted.close();
    }
  });

  test("where the old one is killed in the middle, the new one serves", { timeout: 60_000 }, async () => {
    const { pid } = await site.status();
    const child = site.start(["--take-over"]);
    // It has stopped taking in once its way to be asked is gone.
    await site.until(() => !existsSync(join(site.data, "take")));
    process.kill(pid, "SIGKILL");
    await site.untilBundleServes((status) => status.pid === child.pid && status.ready);
    assert.equal((await site.boot(0)).action, "install");
    const next = await site.handOver();
    assert.equal((await site.status()).pid, next.pid);
  });
});
