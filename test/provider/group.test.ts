import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { asking, db1, db2, ended, withRack, type RackHost } from "../support/rack";

const db3: RackHost = { name: "db3", mac: "52:54:00:12:34:03", ip: "127.77.0.13" };

/** Source text of a group of these hosts. */
function group(hosts: readonly RackHost[], more = ""): string {
  const entries = hosts.map((host) => `${host.name}: { macs: ["${host.mac}"], ip: "${host.ip ?? ""}", ${host.more ?? ""} }`);
  return `const rack = new pxe.KickstartHostGroup("rack", { server, subnet, profile, hosts: { ${entries.join(", ")} }, ${more} });
module.exports.states = rack.hosts.apply((hosts) => Object.entries(hosts).map(([name, host]) => name + " " + host.state + " " + host.address).join());`;
}

const template = "d-i netcfg/get_hostname string <%= host.hostname %>\nd-i passwd/root-password-crypted password <%= secrets.root %>\n";

test("a group is declared, unchanged, shows what changes of each host, arms just what is added and removes just what goes", async () => {
  await withRack(async (rack) => {
    const secrets = 'secrets: { root: "correct-horse-battery" },';
    const own = { ...db2, more: 'secrets: { root: "staple-of-horses" }' };
    const shape = (hosts: readonly RackHost[]): void => {
      rack.shape({ hosts: [], template, more: group(hosts, secrets) });
    };
    shape([db1, own]);
    assert.match(ended(await rack.up()), /states: "db1 armed 127\.77\.0\.11,db2 armed 127\.77\.0\.12"/);
    const state = readFileSync(rack.stateFile, "utf8");
    assert.ok(!/correct-horse-battery|staple-of-horses|PRIVATE KEY/.test(state), "the state file holds a secret in plain text");
    const { inputs } = rack.state().get("rack") ?? assert.fail();
    assert.deepEqual(Object.keys(inputs["arming"] as object), ["db1", "db2"]);
    assert.match(JSON.stringify([inputs["secretDigests"], inputs["hostSecretDigests"]]), /^\[\{"root":"hmac:\w+"\},\{"db2":\{"root":"hmac:\w+"\}\}\]$/);
    await asking(rack, (agent) => agent.installed("db1"));
    ended(await rack.refresh());
    assert.match(JSON.stringify(rack.state().get("rack")?.outputs["status"]), /"db1":\{[^}]*"state":"installed"/);
    assert.match(ended(await rack.up()), /5 unchanged/);

    shape([{ ...db1, more: 'hostname: "first"' }, own, db3]);
    const plan = ended(await rack.preview());
    assert.match(plan, /~ db1\s*: \{\s+.*"?bios\/pxelinux\.cfg"?/s);
    assert.match(plan, /-\s+d-i netcfg\/get_hostname string db1/);
    assert.match(plan, /\+\s+d-i netcfg\/get_hostname string first/);
    assert.match(plan, /\+ db3\s*: "WILL INSTALL at its next network boot: first declaration/);
    assert.ok(!/correct-horse-battery|staple-of-horses/.test(plan));
    assert.ok(!/get_hostname string db2/.test(plan), "a host that stays shows in the plan");
    assert.match(plan, /~ 1 to update/);
    assert.match(ended(await rack.up()), /~ 1 updated/);
    await asking(rack, async (agent) => {
      assert.equal((await agent.host("db1")).state, "installed");
      assert.equal((await agent.host("db3")).nextBoot.action, "install");
    });

    shape([{ ...db1, more: 'hostname: "first"' }, db3]);
    assert.match(ended(await rack.up()), /~ 1 updated/);
    await asking(rack, async (agent) => {
      assert.deepEqual((await agent.documents()).filter((name) => name.startsWith("host/")), ["host/db1", "host/db3"]);
      await agent.forget("lab/dev", "host", "db3");
    });
    ended(await rack.refresh());
    assert.equal(rack.state().get("rack")?.outputs["drift"], "db3: it is missing on the agent");
    assert.match(ended(await rack.up()), /~ 1 updated/);
    assert.equal((await asking(rack, (agent) => agent.host("db3"))).nextBoot.action, "local", "mending arms nothing");
    assert.match(ended(await rack.up()), /5 unchanged/);
    ended(await rack.destroy());
    assert.equal(rack.state().size, 0);
  });
});

test("hosts that move from resources of their own to a group and back keep their documents and what is known of them", async () => {
  await withRack(async (rack) => {
    const all = [db1, db2];
    rack.shape({ hosts: all });
    ended(await rack.up());
    await asking(rack, (agent) => agent.installed("db1"));
    const kept = async (where: string): Promise<void> => {
      await asking(rack, async (agent) => {
        assert.deepEqual((await agent.documents()).filter((name) => name.startsWith("host/")), ["host/db1", "host/db2"], where);
        assert.deepEqual([(await agent.host("db1")).state, (await agent.host("db2")).state], ["installed", "armed"], where);
      });
    };
    rack.shape({ hosts: [], more: group(all, 'renderedDetail: "digest"') });
    assert.match(ended(await rack.up("--parallel", "1")), /\+ 1 created\n\s+- 2 deleted/);
    await kept("in a group");
    const { rendered } = rack.state().get("rack")?.inputs ?? assert.fail();
    assert.match((rendered as { db1: Record<string, string> }).db1["preseed.cfg"] ?? "", /^sha256:[0-9a-f]{32} \d+ bytes$/);
    const served = await asking(rack, (agent) => agent.document("host", "db1"));
    assert.match(served.kind === "host" ? (served.spec.rendered["preseed.cfg"] ?? "") : "", /^d-i netcfg\/get_hostname string db1\n/);
    assert.match(ended(await rack.refresh()), /5 unchanged/);
    assert.match(ended(await rack.up()), /5 unchanged/);

    rack.shape({ hosts: [db1], more: group(all) });
    const twice = await rack.preview();
    assert.notEqual(twice.status, 0, twice.text);
    assert.match(twice.text.replaceAll(/\s+/g, " "), /PXE_DUPLICATE: two resources declare host\/db1: KickstartHost(Group)?::\w+ and KickstartHost(Group)?::\w+/);

    rack.shape({ hosts: all });
    assert.match(ended(await rack.up("--parallel", "1")), /\+ 2 created\n\s+- 1 deleted/);
    await kept("in resources of their own");
    assert.match(ended(await rack.refresh()), /6 unchanged/);
    ended(await rack.destroy());
  });
});
