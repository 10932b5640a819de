import assert from "node:assert/strict";
import { test } from "node:test";
import { asking, db1, db2, ended, withRack, type Rack, type RackShape } from "../support/rack";

const everything = ["host/db1", "profile/debian", "server/rack1", "subnet/net"];

/** The rack's program inside a component of its own. */
function inComponent(rack: Rack, shape: RackShape = {}): void {
  rack.program(`
const site = new pulumi.ComponentResource("lab:index:Site", "site");
const inside = Object.fromEntries(Object.entries(pxe).filter(([name]) => /^[A-Z]/.test(name)).map(([name, Class]) =>
  [name, class extends Class { constructor(name, args, options) { super(name, args, { parent: site, ...options }); } }]));
declare({ ...pxe, ...inside });
function declare(pxe) {
${rack.source(shape)}
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

test("a host that is taken out while its server moves stays on the agent, which is told; declared once more it can be taken out", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [db1, db2] });
    ended(await rack.up());
    inComponent(rack, { hosts: [db1] });
    assert.match(ended(await rack.up()), /server\/rack1 moved; its agent still holds and serves what this run doesn't declare: host\/db2\. /);
    assert.deepEqual(await asking(rack, (agent) => agent.documents()), everything.toSpliced(1, 0, "host/db2"));
    inComponent(rack, { hosts: [db1, db2] });
    ended(await rack.up());
    inComponent(rack, { hosts: [db1] });
    assert.match(ended(await rack.up()), /- 1 deleted/);
    assert.deepEqual(await asking(rack, (agent) => agent.documents()), everything);
  });
});
