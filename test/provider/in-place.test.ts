import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "../../lab/process";
import { asking, db1, db2, ended, withRack, type RackHost } from "../support/rack";

const second = 'const second = new pxe.DhcpSubnet("second", { server, cidr: "127.77.1.0/24", dnsServers: ["127.77.0.254"] });';
const rocky = `
const rocky = new pxe.BootProfile("rocky", {
  server, ...pxe.distro.rocky(9, { mirror: "http://127.77.1.254/rocky" }), kernel: { path: "linux" }, initrd: [{ path: "initrd.gz" }],
  loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } }, answer: pxe.kickstart({ template: "text\\n" }),
});`;
const elsewhere = 'target: { host: "127.77.0.1", user: "root", password: "x", hostKey: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU" },';

test("everything changes in place but for a server's target host", async () => {
  await withRack(async (rack) => {
    rack.shape({ before: second });
    ended(await rack.up());
    const changed: RackHost = {
      name: "db7", mac: db2.mac, ip: "127.77.1.12",
      more: 'subnet: second, profile: rocky, hostname: "seven", uuid: "11111111-2222-3333-4444-555555555555", install: "never", secrets: { root: "x" }',
      options: 'aliases: [{ name: "db1" }]',
    };
    const server = "authoritative: false, allowDowngrade: true, ";
    const subnet = 'cidr: "127.77.2.0/24", leaseTime: "2h", pools: [{ from: "127.77.2.100", to: "127.77.2.110" }],';
    rack.shape({ hosts: [changed], before: second + rocky, server, subnet });
    const plan = ended(await rack.preview());
    assert.match(plan, /\+ 1 to create\n\s+~ 3 to update\n.*3 unchanged/, plan);
    assert.ok(!/replace/.test(plan), plan);

    rack.shape({ before: second, server: elsewhere });
    const moved = ended(await rack.preview());
    assert.match(moved, /\+-1 to replace/);
    assert.match(moved, /pulumi-nodejs:dynamic\/pxe:PxeServer: \(replace\)/);
    assert.equal(moved.match(/\(replace\)/g)?.length, 1, moved);
  });
});

test("an order to reinstall whose update was killed, or whose state went back, is carried out once", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [db1] });
    ended(await rack.up());
    await asking(rack, (agent) => agent.installed("db1"));
    ended(await rack.refresh());
    const before = await rack.exported();

    rack.shape({ hosts: [{ ...db1, more: 'reinstall: "one"' }] });
    const update = rack.start("up", "--yes", "--skip-preview");
    try {
      await waitFor(async () => (await asking(rack, (agent) => agent.host("db1"))).state === "armed", { what: "the arming", timeoutMs: 60_000, intervalMs: 2 });
    } finally {
      update.kill();
      await update.done;
    }
    await rack.run("cancel", "--yes");
    await asking(rack, (agent) => agent.installed("db1"));
    // Whether the engine had written it down already is chance.
    await rack.imported(before);
    assert.match(ended(await rack.up()), /~ 1 updated/);
    assert.equal((await asking(rack, (agent) => agent.host("db1"))).state, "installed");
    assert.deepEqual(rack.state().get("db1")?.outputs["consumed"], ["one"]);

    for (const [order, state] of [["two", "armed"], ["one", "installed"]] as const) {
      rack.shape({ hosts: [{ ...db1, more: `reinstall: "${order}"` }] });
      assert.match(ended(await rack.up()), /~ 1 updated/);
      assert.equal((await asking(rack, (agent) => agent.host("db1"))).state, state, order);
      if (state === "armed") await asking(rack, (agent) => agent.installed("db1"));
    }
  });
});
