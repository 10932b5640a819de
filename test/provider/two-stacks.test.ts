import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { PulumiProject, userProgram } from "../../lab/project";
import { asking, db1, ended, withRack } from "../support/rack";

/** A second program's own subnet, profile and machine on the first one's server. */
function tenant(mac: string): string {
  return `
const stack = new pulumi.StackReference("organization/lab/dev");
const server = stack.requireOutput("server");
const subnet = new pxe.DhcpSubnet("their-net", { server, cidr: "127.78.0.0/24", dnsServers: ["127.78.0.254"] });
const profile = new pxe.BootProfile("theirs", {
  server, ...pxe.distro.debian(12, { installer: "." }),
  loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } },
  answer: pxe.preseed({ template: "d-i b string <%= host.hostname %>\\n" }),
});
exports.state = new pxe.KickstartHost("web1", { server, subnet, profile, macs: ["${mac}"], ip: "127.78.0.11" }).state;`;
}

const first = ["host/db1", "profile/debian", "server/rack1", "subnet/net"];
const second = ["host/web1", "profile/theirs", "subnet/their-net"];

test("a second stack declares its machines on a server by its ref: it owns them, can't take the first one's, and leaves it whole", async () => {
  await withRack(async (rack) => {
    rack.shape({ more: "exports.server = server.ref;" });
    ended(await rack.up());
    const controlKey = await keyOf(rack);
    const other = new PulumiProject("tenant", userProgram, rack);
    try {
      for (const file of ["linux", "initrd.gz", "pxelinux.0", "ldlinux.c32"]) other.file(file, `another ${file}\n`);
      other.program(tenant("52:54:00:12:34:21"));
      const plan = ended(await other.preview());
      assert.match(plan, /\+ 4 to create/);
      assert.match(plan, /server\s*: "PxeServer::rack1"/);
      assert.match(plan, /controlKey: \[secret\]/);
      assert.match(ended(await other.up()), /state: "armed"/);
      await asking(rack, async (agent) => {
        assert.deepEqual(await agent.documents(), [...first, ...second].sort());
        assert.deepEqual([(await agent.host("db1")).owner, (await agent.host("web1")).owner], ["lab/dev", "tenant/dev"]);
      });
      const state = readFileSync(other.stateFile, "utf8");
      assert.ok(controlKey.length > 40 && !state.includes(controlKey) && !state.includes("PRIVATE KEY"), "the tenant's state holds the control key");

      // Across owners a MAC stays where it is, and the server stays while anybody uses it.
      other.program(tenant(db1.mac));
      const taken = await other.up();
      assert.notEqual(taken.status, 0, taken.text);
      assert.match(taken.text, /PXE_OWNED_BY_OTHER: the MAC 52:54:00:12:34:01 belongs to host\/db1 of lab\/dev \(host\/web1 macs\[0\]; host\/db1 macs\[0\]\)/);
      const shared = await rack.destroy();
      assert.notEqual(shared.status, 0, shared.text);
      assert.match(shared.text, /PXE_SERVER_SHARED: .*tenant\/dev/);

      ended(await other.destroy());
    } finally {
      other.close();
    }
    ended(await rack.up());
    assert.deepEqual(await asking(rack, (agent) => agent.documents()), first);
    ended(await rack.destroy());
  });
});

/** The line of the control key's text that is nobody else's. */
async function keyOf(project: PulumiProject): Promise<string> {
  const { server } = JSON.parse(ended(await project.run("stack", "output", "--json", "--show-secrets"))) as { server: { controlKey: string } };
  return server.controlKey.split("\n").at(-3) ?? server.controlKey;
}
