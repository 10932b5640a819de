import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { asking, db1, db2, ended, withRack } from "../support/rack";

const template = (line: string): string => `d-i netcfg/get_hostname string <%= host.hostname %>\n${line}\nd-i passwd/root-password-crypted password <%= secrets.root %>\n`;
const withSecret = { ...db1, more: 'secrets: { root: "correct-horse-battery" }' };

test("up, unchanged, refresh unchanged, edit, preview shows it, update, destroy", async () => {
  await withRack(async (rack) => {
    const hosts = [withSecret, { ...db2, more: 'install: "never", secrets: { root: pulumi.secret("staple-of-horses") }' }];
    rack.shape({ hosts, template: template("d-i time/zone string UTC") });

    assert.match(ended(await rack.up()), /\+ 6 created/);
    const expected = ["host/db1", "host/db2", "profile/debian", "server/rack1", "subnet/net"];
    await asking(rack, async (agent) => {
      assert.deepEqual(await agent.documents(), expected);
      assert.equal((await agent.host("db1")).nextBoot.action, "install");
      assert.equal((await agent.host("db2")).nextBoot.action, "local");
    });

    const secrets = ["correct-horse-battery", "staple-of-horses"].flatMap((secret) => [secret, Buffer.from(secret).toString("base64").slice(0, -3), Buffer.from(secret).toString("hex")]);
    for (const state of [readFileSync(rack.stateFile, "utf8"), ended(await rack.run("stack", "export"))]) {
      for (const secret of [...secrets, "PRIVATE KEY", "ed25519:"]) assert.ok(!state.includes(secret), `a secret stands in plain text: ${secret}`);
    }
    assert.equal(rack.state().get("db1")?.outputs["state"], "armed");
    assert.deepEqual(rack.state().get("db1")?.outputs["rendered"], undefined);
    const downloads = rack.state().get("debian")?.outputs["downloads"] as object;
    assert.ok("4dabf18193072939515e22adb298388d" in downloads, "what a profile remembers of its downloads is no secret");

    assert.match(ended(await rack.run("up", "--yes")), /6 unchanged/);
    assert.match(ended(await rack.refresh()), /6 unchanged/);
    assert.match(ended(await rack.up()), /6 unchanged/);

    rack.shape({ hosts, template: template("d-i time/zone string Europe/Vienna") });
    const plan = ended(await rack.preview());
    assert.match(plan, /-\s+d-i time\/zone string UTC/);
    assert.match(plan, /\+\s+d-i time\/zone string Europe\/Vienna/);
    assert.match(plan, /‹secret:root›/);
    assert.ok(!/correct-horse-battery|staple-of-horses/.test(plan));
    assert.match(plan, /~ 3 to update\n\s+3 unchanged/);
    assert.match(ended(await rack.up()), /~ 3 updated/);
    assert.equal((await asking(rack, (agent) => agent.host("db1"))).nextBoot.action, "install", "an edit before the first boot disarms");
    assert.match(ended(await rack.up()), /6 unchanged/);

    assert.match(ended(await rack.destroy()), /- 6 deleted/);
    const agent = join(rack.stateHome, "pulumi-pxe", "agent");
    assert.deepEqual(readdirSync(agent).sort(), ["KEPT.txt", "data"]);
    assert.ok(!existsSync(join(agent, "agent.json")));
    assert.equal(rack.state().size, 0);
  });
});
