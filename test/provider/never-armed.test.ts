import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { InstallState } from "../../provider/model/control";
import { endAgent } from "../../lab/project";
import { asking, db1, ended, withRack, type Rack } from "../support/rack";

/** Declares db1, which arms it, and has it installed if asked. */
async function declared(rack: Rack, installed: boolean): Promise<void> {
  rack.shape();
  ended(await rack.up());
  await asking(rack, async (agent) => {
    assert.equal((await agent.host("db1")).state, "armed");
    if (installed) await agent.installed("db1");
  });
}

async function assertLocal(rack: Rack, states: readonly InstallState[], name = "db1"): Promise<void> {
  const host = await asking(rack, (agent) => agent.host(name));
  assert.equal(host.nextBoot.action, "local", JSON.stringify(host));
  assert.ok(states.includes(host.state), `${host.state} is none of ${states.join()}`);
}

/** The agent's machine was installed anew. */
function wipe(rack: Rack): void {
  endAgent(rack.stateHome);
  rmSync(rack.stateHome, { recursive: true });
  assert.ok(!existsSync(join(rack.stateHome, "pulumi-pxe")));
}

describe("a host is never armed", () => {
  for (const installed of [true, false]) {
    const before = installed ? "installed" : "armed";
    const states: readonly InstallState[] = installed ? ["installed"] : ["adopted"];

    test(`when it was ${before} and is declared again after destroy`, async () => {
      await withRack(async (rack) => {
        await declared(rack, installed);
        ended(await rack.destroy());
        ended(await rack.up());
        await assertLocal(rack, states);
      });
    });

    test(`when it was ${before} and its agent is a fresh one`, async () => {
      await withRack(async (rack) => {
        await declared(rack, installed);
        ended(await rack.refresh());
        assert.equal(rack.state().get("db1")?.outputs["state"], installed ? "installed" : "armed");
        wipe(rack);
        ended(await rack.refresh());
        assert.match(ended(await rack.up()), /~ 4 updated/);
        await assertLocal(rack, states);
        assert.match(ended(await rack.up()), /5 unchanged/);
      });
    });
  }

  test("when it was installed and the state file was lost", async () => {
    await withRack(async (rack) => {
      await declared(rack, true);
      await rack.loseState();
      assert.match(ended(await rack.up()), /\+ 5 created/);
      await assertLocal(rack, ["installed"]);
    });
  });

  test("when it is renamed, with an alias and without", async () => {
    await withRack(async (rack) => {
      await declared(rack, true);
      rack.shape({ hosts: [{ ...db1, name: "db7", options: 'aliases: [{ name: "db1" }]' }] });
      assert.match(ended(await rack.up()), /~ 1 updated/);
      await assertLocal(rack, ["installed"], "db7");
      rack.shape({ hosts: [{ ...db1, name: "db8" }] });
      assert.match(ended(await rack.up()), /\+ 1 created\n\s+- 1 deleted/);
      await assertLocal(rack, ["installed"], "db8");
      const documents = await asking(rack, (agent) => agent.documents());
      assert.deepEqual(documents.filter((name) => name.startsWith("host/")), ["host/db8"]);
    });
  });

  test("when its MAC changes", async () => {
    await withRack(async (rack) => {
      await declared(rack, true);
      rack.shape({ hosts: [{ ...db1, mac: "52:54:00:12:34:99" }] });
      assert.match(ended(await rack.up()), /~ 1 updated/);
      await assertLocal(rack, ["installed"]);
      assert.deepEqual((await asking(rack, (agent) => agent.host("db1"))).macs, ["52:54:00:12:34:99"]);
    });
  });
});
