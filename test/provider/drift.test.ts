import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Document } from "../../provider/model/documents";
import { endAgent } from "../../lab/project";
import { asking, db1, db2, ended, withRack, type LocalAgent } from "../support/rack";

const owner = "lab/dev";
const password = "correct-horse-battery";

/** Changes a document on the agent as somebody might by hand. */
async function edit<K extends Document["kind"]>(agent: LocalAgent, kind: K, name: string, change: (spec: Extract<Document, { kind: K }>["spec"]) => object): Promise<void> {
  const { rev: _rev, ...document } = await agent.document(kind, name);
  await agent.apply({ owner, put: [{ ...document, spec: change(document.spec as never) } as never] });
}

test("what was changed by hand shows property by property in the next plan, and the next up mends just that", async () => {
  await withRack(async (rack) => {
    const host = { ...db1, more: `install: "once", secrets: { root: "${password}" }` };
    const template = "d-i netcfg/get_hostname string <%= host.hostname %>\nd-i time/zone string UTC\nd-i passwd/root-password-crypted password <%= secrets.root %>\n";
    rack.shape({ hosts: [host], template });
    ended(await rack.up());
    await asking(rack, async (agent) => {
      await agent.installed("db1");
      await edit(agent, "subnet", "net", (spec) => ({ ...spec, dnsServers: ["127.77.0.253"], domainName: "by.hand" }));
      await edit(agent, "host", "db1", (spec) => ({
        ...spec, ip: "127.77.0.99", secrets: { root: "by-hand-and-secret" },
        rendered: { ...spec.rendered, "preseed.cfg": spec.rendered["preseed.cfg"]?.replace("UTC", "Mars/Olympus") },
      }));
    });
    rmSync(join(rack.stateHome, "pulumi-pxe", "agent", "data", "assets", createHash("sha256").update("stands in for linux\n").digest("hex")));

    assert.match(ended(await rack.refresh()), /~ 3 updated\n\s+2 unchanged/);
    const drifted = rack.state();
    assert.equal(drifted.get("net")?.outputs["drift"], "it was changed on the agent: dnsServers, domainName");
    assert.equal(drifted.get("db1")?.outputs["drift"], "it was changed on the agent");
    assert.equal(drifted.get("debian")?.outputs["drift"], "the file linux is missing on the agent");
    const raw = readFileSync(rack.stateFile, "utf8");
    assert.ok(!/correct-horse-battery|by-hand-and-secret|ed25519:/.test(raw), "the state file holds a secret in plain text");

    const plan = ended(await rack.preview());
    const shown = plan.split("\n").filter((line) => /^\s+[-+~] /.test(line) && !/root: "hmac:/.test(line)).map((line) => line.trim().replaceAll(/\s+/g, " "));
    // What a host is told by DHCP follows from the rest.
    const consequences = /^[-+] (address|option) /;
    assert.deepEqual(shown.filter((line) => !consequences.test(line)).toSorted(), [
      "~ pulumi-nodejs:dynamic/pxe:DhcpSubnet: (update)", "~ dnsServers: [", '~ [0]: "127.77.0.253" => "127.77.0.254"', '- domainName: "by.hand"',
      "~ pulumi-nodejs:dynamic/pxe:BootProfile: (update)", '- drift : "the file linux is missing on the agent"',
      "~ pulumi-nodejs:dynamic/pxe:KickstartHost: (update)", '~ ip : "127.77.0.99" => "127.77.0.11"', "~ rendered : {", "~ dhcp :",
      "~ preseed.cfg :", "- d-i time/zone string Mars/Olympus", "+ d-i time/zone string UTC", "+ secretDigests: {", "~ 3 to update",
    ].toSorted(), plan);
    assert.match(plan, /~ 3 to update\n\s+2 unchanged/);
    assert.ok(!/by-hand-and-secret/.test(plan));

    assert.match(ended(await rack.up()), /~ 3 updated/);
    await asking(rack, async (agent) => {
      assert.equal((await agent.host("db1")).state, "installed");
      const { spec } = await agent.document("host", "db1");
      assert.ok("ip" in spec && spec.ip === "127.77.0.11");
    });
    assert.match(ended(await rack.run("up", "--yes", "--refresh")), /5 unchanged/);
  });
});

test("documents that were removed by hand show as drift, and so does an agent that was ended; the next up mends just that", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [{ ...db1, more: 'reinstall: "v1"' }, db2] });
    ended(await rack.up());
    await asking(rack, async (agent) => {
      await agent.installed("db1");
      await agent.forget(owner, "host", "db1");
      await agent.forget(owner, "subnet", "net");
    });
    assert.match(ended(await rack.refresh()), /~ 2 updated\n\s+4 unchanged/);
    assert.equal(rack.state().get("db1")?.outputs["drift"], "it is missing on the agent");
    const plan = ended(await rack.preview());
    assert.match(plan, /\+ cidr\s*: "127\.77\.0\.0\/24"/);
    assert.match(plan, /- drift\s*: "it is missing on the agent"/);
    assert.doesNotMatch(plan, /WILL INSTALL|[-+~] reinstall|[-+~] generations/);
    assert.match(ended(await rack.up()), /~ 2 updated/);
    const host = await asking(rack, (agent) => agent.host("db1"));
    assert.equal(host.state, "installed");
    assert.equal(host.nextBoot.action, "local");

    endAgent(rack.stateHome);
    ended(await rack.refresh());
    assert.equal(rack.state().get("rack1")?.outputs["drift"], "the agent doesn't run");
    assert.match(ended(await rack.preview()), /- drift\s*: "the agent doesn't run"/);
    ended(await rack.up());
    const actions = await asking(rack, async (agent) => [(await agent.host("db1")).nextBoot.action, (await agent.host("db2")).nextBoot.action]);
    assert.deepEqual(actions, ["local", "install"], "a restart neither arms nor disarms");
    assert.match(ended(await rack.up()), /6 unchanged/);
  });
});
