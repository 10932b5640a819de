import assert from "node:assert/strict";
import { test } from "node:test";
import { endAgent } from "../../lab/project";
import { asking, ended, withRack } from "../support/rack";

test("documents that were removed by hand show as drift, and the next up mends just those", async () => {
  await withRack(async (rack) => {
    rack.shape();
    ended(await rack.up());
    await asking(rack, async (agent) => {
      await agent.installed("db1");
      await agent.forget("lab/dev", "host", "db1");
      await agent.forget("lab/dev", "subnet", "net");
    });
    assert.match(ended(await rack.refresh()), /~ 2 updated\n\s+3 unchanged/);
    assert.equal(rack.state().get("db1")?.outputs["drift"], "it is missing on the agent");
    assert.match(ended(await rack.up()), /~ 2 updated/);
    const host = await asking(rack, (agent) => agent.host("db1"));
    assert.equal(host.state, "installed");
    assert.match(ended(await rack.up()), /5 unchanged/);
  });
});

test("an agent that was ended by hand shows as drift, and the next up starts it again", async () => {
  await withRack(async (rack) => {
    rack.shape();
    ended(await rack.up());
    endAgent(rack.stateHome);
    ended(await rack.refresh());
    assert.equal(rack.state().get("rack1")?.outputs["drift"], "the agent doesn't run");
    ended(await rack.up());
    assert.equal((await asking(rack, (agent) => agent.host("db1"))).nextBoot.action, "install", "a restart neither arms nor disarms");
    assert.match(ended(await rack.up()), /5 unchanged/);
  });
});
