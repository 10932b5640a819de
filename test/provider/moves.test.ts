import assert from "node:assert/strict";
import { test } from "node:test";
import { asking, ended, withRack, type Rack } from "../support/rack";

const everything = ["host/db1", "profile/debian", "server/rack1", "subnet/net"];

/** The rack's program inside a component of its own. */
function inComponent(rack: Rack): void {
  rack.program(`
const site = new pulumi.ComponentResource("lab:index:Site", "site");
const inside = Object.fromEntries(Object.entries(pxe).filter(([name]) => /^[A-Z]/.test(name)).map(([name, Class]) =>
  [name, class extends Class { constructor(name, args, options) { super(name, args, { parent: site, ...options }); } }]));
declare({ ...pxe, ...inside });
function declare(pxe) {
${rack.source()}
}`);
}

test("resources that move under a component, server included, and then a stack that is renamed, keep their documents, and hosts what is known of them", async () => {
  await withRack(async (rack) => {
    rack.shape();
    ended(await rack.up());
    await asking(rack, (agent) => agent.installed("db1"));
    inComponent(rack);
    ended(await rack.up());
    await asking(rack, async (agent) => {
      assert.deepEqual(await agent.documents(), everything);
      assert.equal((await agent.host("db1")).state, "installed");
    });
    assert.match(ended(await rack.refresh()), /6 unchanged/);
    assert.match(ended(await rack.up()), /6 unchanged/);

    ended(await rack.run("stack", "rename", "prod"));
    ended(await rack.up());
    await asking(rack, async (agent) => {
      assert.deepEqual(await agent.documents(), everything);
      assert.equal((await agent.host("db1")).owner, "lab/prod");
      assert.equal((await agent.host("db1")).state, "installed");
    });
    assert.match(ended(await rack.up()), /6 unchanged/);
    assert.match(ended(await rack.destroy()), /- 6 deleted/);
  });
});
