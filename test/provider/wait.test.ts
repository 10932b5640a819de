import assert from "node:assert/strict";
import { test } from "node:test";
import { asking, db1, db2, ended, withRack, type Rack } from "../support/rack";
import { eventually } from "../support/eventually";
import { whileUp } from "../support/running";

const racked = `new pxe.InstallWait("racked", { hosts: [db1, db2], timeout: "5m" });`;

/** Two hosts, of which the first is waited for by itself too. */
function shape(rack: Rack, reinstall = "", more = racked): void {
  const host = (name: string, { mac, ip }: typeof db1, args: string): string =>
    `const ${name} = new pxe.KickstartHost("${name}", { server, subnet, profile, macs: ["${mac}"], ip: "${ip ?? ""}", ${args} });`;
  rack.shape({ hosts: [], more: `${host("db1", db1, `waitFor: "installed", ${reinstall}`)}\n${host("db2", db2, "")}\n${more}` });
}

async function install(rack: Rack, ...names: readonly string[]): Promise<void> {
  await asking(rack, async (agent) => {
    for (const name of names) await agent.installed(name);
  });
}

test("up waits for its hosts, stops at Ctrl-C, goes on at the next one, and waits again for a reinstall", async () => {
  await withRack(async (rack) => {
    shape(rack);
    await whileUp(rack, async (up) => {
      await up.says("db2: armed (it installs at its next network boot)");
      await up.says("db1: armed");
      const from = Date.now();
      up.interrupt();
      const { status, text } = await up.ended;
      assert.ok(Date.now() - from < 10_000, "Ctrl-C ends it quickly");
      assert.notEqual(status, 0);
      assert.match(text, /PXE_INTERRUPTED: stopped waiting after .*: 0 of 2 installed, 2 armed/);
    });
    const armedAt = (await asking(rack, (agent) => agent.host("db1"))).since;

    await whileUp(rack, async (up) => {
      await up.says("db2: armed");
      await up.says("db1: armed");
      assert.equal((await asking(rack, (agent) => agent.host("db1"))).since, armedAt, "it was not armed anew");
      await install(rack, "db1", "db2");
      const text = ended(await up.ended);
      assert.match(text, /db2: armed → installed after \d+ s/);
      assert.match(text, /~ 2 updated\n\s+6 unchanged/);
    });
    const { outputs } = rack.state().get("racked") ?? assert.fail("no racked in the state");
    assert.deepEqual(Object.keys(outputs["hosts"] as object), ["db1", "db2"]);
    assert.match(ended(await rack.up()), /8 unchanged/);

    shape(rack, `reinstall: "2026-11",`);
    await whileUp(rack, async (up) => {
      await up.says("db1: armed");
      assert.ok(up.isRunning);
      await install(rack, "db1");
      assert.match(ended(await up.ended), /~ 3 updated\n\s+5 unchanged/);
    });
    assert.match(ended(await rack.refresh()), /8 unchanged/);
    assert.match(ended(await rack.preview()), /8 unchanged/);
  });
});

test("up that waits too long or for a failed host says so, and forgets nothing", async () => {
  await withRack(async (rack) => {
    shape(rack, "", `new pxe.InstallWait("racked", { hosts: [db2], timeout: 3 });`);
    const first = await whileUp(rack, async (up) => {
      await up.says("PXE_WAIT_TIMEOUT");
      await install(rack, "db1");
      return up.ended;
    });
    assert.notEqual(first.status, 0);
    assert.match(first.text, /PXE_WAIT_TIMEOUT: 1 of 1 hosts not installed after 3 s: db2 is armed for \d+ s \(it installs at its next network boot\)/);
    await install(rack, "db2");
    assert.match(ended(await rack.up()), /~ [12] updated|\+ 1 created/);
    assert.match(ended(await rack.up()), /8 unchanged/);
  });
});

const fleet = `
for (let n = 1; n <= 40; n++) {
  const name = "n" + n;
  new pxe.KickstartHost(name, { server, subnet, profile, macs: ["52:54:00:77:00:" + (n + 16).toString(16)], waitFor: "installed" });
}`;

test("forty hosts that are each waited for are all declared before the first is installed", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [], subnet: 'pools: [{ from: "127.77.0.100", to: "127.77.0.199" }]', more: fleet });
    await whileUp(rack, async (up) => {
      await up.says(/n\d+: armed/, 100_000);
      const names = await asking(rack, async (agent) => (await agent.documents()).filter((name) => name.startsWith("host/")));
      assert.equal(names.length, 40);
      await install(rack, ...names.map((name) => name.slice("host/".length)));
      assert.match(ended(await up.ended), /\+ 84 created/);
    });
  });
});
