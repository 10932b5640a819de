import assert from "node:assert/strict";
import { test } from "node:test";
import { asking, ended, withRack } from "../support/rack";

test("what a preview can't know makes only what depends on it unknown", async () => {
  await withRack(async (rack) => {
    rack.shape({
      more: `
const later = new pxe.KickstartHost("later", { server, subnet, profile, macs: ["52:54:00:12:34:21"], ip: "127.77.0.21" });
const second = new pxe.BootProfile("second", {
  server, ...pxe.distro.debian(12, { installer: "." }), loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } },
  answer: pxe.preseed({ template: "first at <%= vars.address %>\\nsecond here\\n", vars: { address: later.address } }),
});
new pxe.KickstartHost("db2", { server, subnet, profile: second, macs: ["52:54:00:12:34:22"] });`,
    });
    const plan = ended(await rack.preview());
    assert.match(plan, /first at ‹known after apply›\\?n?/);
    assert.match(plan, /\+ 8 to create/);
    ended(await rack.up());
    const document = await asking(rack, (agent) => agent.document("host", "db2"));
    assert.equal(document.kind === "host" ? document.spec.rendered["preseed.cfg"] : "", "first at 127.77.0.21\nsecond here\n");
    assert.match(ended(await rack.run("up", "--yes")), /8 unchanged/);
  });
});
