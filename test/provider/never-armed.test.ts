import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { endAgent } from "../../lab/project";
import { asking, db1, db2, ended, withRack, type Rack } from "../support/rack";

/** Declares db1 and db2, which arms them, and has db1 installed. */
async function declared(rack: Rack): Promise<void> {
  rack.shape({ hosts: [db1, db2] });
  ended(await rack.up());
  await asking(rack, async (agent) => {
    assert.deepEqual([(await agent.host("db1")).state, (await agent.host("db2")).state], ["armed", "armed"]);
    await agent.installed("db1");
  });
}

/** That hosts boot from their disks: by name, the state that each is in. */
async function assertLocal(rack: Rack, states: Readonly<Record<string, "installed" | "adopted">>): Promise<void> {
  await asking(rack, async (agent) => {
    for (const [name, state] of Object.entries(states)) {
      const host = await agent.host(name);
      assert.deepEqual([host.nextBoot.action, host.state], ["local", state], JSON.stringify(host));
    }
  });
}

/** The agent's machine was installed anew. */
function wipe(rack: Rack): void {
  endAgent(rack.stateHome);
  rmSync(rack.stateHome, { recursive: true });
  assert.ok(!existsSync(join(rack.stateHome, "pulumi-pxe")));
}

describe("hosts, installed and not yet, are never armed", () => {
  test("when they are declared again after destroy", async () => {
    await withRack(async (rack) => {
      await declared(rack);
      ended(await rack.destroy());
      ended(await rack.up());
      await assertLocal(rack, { db1: "installed", db2: "adopted" });
    });
  });

  test("when their agent is a fresh one", async () => {
    await withRack(async (rack) => {
      await declared(rack);
      ended(await rack.refresh());
      assert.deepEqual(["db1", "db2"].map((name) => rack.state().get(name)?.outputs["state"]), ["installed", "armed"]);
      wipe(rack);
      ended(await rack.refresh());
      assert.match(ended(await rack.up()), /~ 5 updated/);
      await assertLocal(rack, { db1: "installed", db2: "adopted" });
      assert.match(ended(await rack.up()), /6 unchanged/);
    });
  });
});

test("an installed host is never armed: when its MAC changes, it is renamed with an alias and without, and the state file is lost", async () => {
  await withRack(async (rack) => {
    await declared(rack);
    const mac = "52:54:00:12:34:99";
    rack.shape({ hosts: [{ ...db1, mac }] });
    assert.match(ended(await rack.up()), /~ 1 updated\n\s+- 1 deleted/);
    await assertLocal(rack, { db1: "installed" });
    assert.deepEqual((await asking(rack, (agent) => agent.host("db1"))).macs, [mac]);

    rack.shape({ hosts: [{ ...db1, mac, name: "db7", options: 'aliases: [{ name: "db1" }]' }] });
    assert.match(ended(await rack.up()), /~ 1 updated/);
    await assertLocal(rack, { db7: "installed" });
    rack.shape({ hosts: [{ ...db1, mac, name: "db8" }] });
    assert.match(ended(await rack.up()), /\+ 1 created\n\s+- 1 deleted/);
    await assertLocal(rack, { db8: "installed" });

    await rack.loseState();
    assert.match(ended(await rack.up()), /\+ 5 created/);
    await assertLocal(rack, { db8: "installed" });
    const documents = await asking(rack, (agent) => agent.documents());
    assert.deepEqual(documents.filter((name) => name.startsWith("host/")), ["host/db8"]);
  });
});
