import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApplyInput } from "../../provider/model/control";
import { asking, db1, db2, ended, withRack } from "../support/rack";

const owner = "other/prod";
type Put = NonNullable<ApplyInput["put"]>[number];
const subnet: Put = { kind: "subnet", owner, name: "theirs", spec: { cidr: "127.78.0.0/24", dnsServers: ["127.78.0.254"] } };
const taken: Put = {
  kind: "host", owner, name: "taken", spec: { macs: [db1.mac], hostname: "taken", subnet: "theirs", profile: "theirs", install: "never", rendered: {} },
};

test("of hosts pushed together only the one fails that another stack owns, and the server can't be destroyed under the other", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [] });
    ended(await rack.up());
    await asking(rack, async (agent) => {
      const debian = await agent.document("profile", "debian");
      assert.ok(debian.kind === "profile");
      const profile: Put = { kind: "profile", owner, name: "theirs", spec: debian.spec };
      await agent.apply({ owner, put: [subnet, profile, taken] });
    });

    rack.shape({ hosts: [db1, db2, { name: "db3", mac: "52:54:00:12:34:03" }] });
    const result = await rack.up();
    assert.notEqual(result.status, 0, result.text);
    assert.match(result.text, /PXE_OWNED_BY_OTHER: the MAC 52:54:00:12:34:01 belongs to host\/taken of other\/prod \(host\/db1 macs\[0\]; host\/taken macs\[0\]\)/);
    const documents = await asking(rack, (agent) => agent.documents());
    assert.deepEqual(documents.filter((name) => name.startsWith("host/")), ["host/db2", "host/db3", "host/taken"]);
    assert.deepEqual([...rack.state().keys()].filter((name) => name.startsWith("db")).sort(), ["db2", "db3"]);

    const destroy = await rack.destroy();
    assert.notEqual(destroy.status, 0, destroy.text);
    assert.match(destroy.text, /PXE_SERVER_SHARED: .*other\/prod/);
    await asking(rack, (agent) =>
      agent.apply({ owner, delete: [{ kind: "host", name: "taken" }, { kind: "subnet", name: "theirs" }, { kind: "profile", name: "theirs" }] }),
    );
    // The engine has forgotten what is `deletedWith` the server, though that was not deleted: declared again, it is what it was.
    assert.match(ended(await rack.up()), /\+ 5 created\n\s+2 unchanged/);
    assert.equal((await asking(rack, (agent) => agent.host("db2"))).state, "armed");
    assert.equal((await asking(rack, (agent) => agent.host("db1"))).state, "adopted", "another stack knew this machine: it boots from its disk");
    ended(await rack.destroy());
  });
});
