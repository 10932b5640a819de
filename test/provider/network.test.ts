import assert from "node:assert/strict";
import { test } from "node:test";
import { asking, db1, db2, ended, withRack, type Rack } from "../support/rack";

/** The rack's program with all of it in one component, its second host with a profile of its own. */
function asNetwork(rack: Rack, name = "rack1", options = ""): void {
  rack.program(`
const before = new pulumi.ComponentResource("lab:index:Before", "before");
const files = {
  ...pxe.distro.debian(12, { installer: "." }),
  loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } },
};
const rack = new pxe.ProvisioningNetwork("${name}", {
  target: "local", interfaces: ["lo"], ...${rack.portsText}, cidr: "127.77.0.0/24", dnsServers: ["127.77.0.254"], leaseTime: "1h",
  profile: { ...files, answer: pxe.preseed({ template: "d-i a string <%= host.hostname %>\\n" }) },
  profiles: { other: { ...files, answer: pxe.preseed({ template: "d-i b string <%= preseed(secrets.word) %>\\n" }) } },
  secrets: { word: "the word of all" },
  hosts: {
    db1: { macs: ["${db1.mac}"], ip: "${db1.ip ?? ""}" },
    db2: { macs: ["${db2.mac}"], ip: "${db2.ip ?? ""}", profile: "other", secrets: { word: "the word of db2" } },
  },
}, { dependsOn: before, ${options} });
exports.state = rack.hosts.db1.state;`);
}

const everything = ["host/db1", "host/db2", "profile/rack1", "profile/rack1-other", "server/rack1", "subnet/rack1"];

test("a program whose resources move into a ProvisioningNetwork keeps its machines as they were, and arms none", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [db1, db2] });
    ended(await rack.up());
    await asking(rack, (agent) => agent.installed("db1"));
    await asking(rack, (agent) => agent.installed("db2"));

    asNetwork(rack);
    assert.match(ended(await rack.up()), /state: "installed"/);
    await asking(rack, async (agent) => {
      assert.deepEqual(await agent.documents(), everything);
      for (const name of ["db1", "db2"]) assert.equal((await agent.host(name)).state, "installed", name);
      const rendered = async (name: string): Promise<unknown> => {
        const document = await agent.document("host", name);
        return document.kind === "host" ? document.spec.rendered["preseed.cfg"] : undefined;
      };
      assert.equal(await rendered("db1"), "d-i a string db1\n");
      assert.equal(await rendered("db2"), "d-i b string ‹secret:word|preseed›\n");
    });
    const state = rack.state();
    assert.match(state.get("db1")?.deletedWith ?? "", /PxeServer::rack1$/);
    assert.ok([...state.values()].filter((item) => item.type.includes("/pxe:")).every((item) => item.parent?.endsWith("pxe:index:ProvisioningNetwork::rack1")));
    assert.match(ended(await rack.up()), /9 unchanged/);

    // What is said of the component holds for what is in it: protection, and a name that it had before.
    asNetwork(rack, "rack2", 'aliases: [{ name: "rack1" }], protect: true');
    const renamed = ended(await rack.up());
    assert.match(renamed, /~ 6 updated/);
    assert.doesNotMatch(renamed, /created|deleted|replaced/);
    await asking(rack, async (agent) => {
      assert.deepEqual(await agent.documents(), everything.map((name) => name.replace("rack1", "rack2")));
      assert.equal((await agent.host("db1")).state, "installed");
    });
    assert.match((await rack.destroy()).text, /protected/);
    asNetwork(rack, "rack2");
    ended(await rack.up());
    ended(await rack.destroy());
    assert.equal(rack.state().size, 0);
  });
});
