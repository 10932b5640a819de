import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { endAgent } from "../../lab/project";
import { waitFor } from "../../lab/process";
import { asking, db1, db2, ended, withRack, type Rack } from "../support/rack";

/** Holds a project's HTTP port. */
async function holdPort(rack: Rack): Promise<() => Promise<void>> {
  const server = createServer().listen(rack.ports.httpPort, "0.0.0.0");
  await once(server, "listening");
  return async () => {
    server.close();
    await once(server, "close");
  };
}

test("what fails half-way keeps what it did, and the next up completes it", async () => {
  await withRack(async (rack) => {
    const release = await holdPort(rack);
    try {
      rack.shape();
      const failed = await rack.up();
      assert.notEqual(failed.status, 0);
      assert.match(failed.text, /PXE_PORT_TAKEN/);
      assert.ok(!existsSync(join(rack.stateHome, "pulumi-pxe", "agent", "agent.json")) || rack.state().has("rack1"), "what was made and isn't remembered could never be removed");
    } finally {
      await release();
    }
    assert.match(ended(await rack.up()), /[45] created/);

    endAgent(rack.stateHome);
    rack.shape({ hosts: [db1, db2] });
    const failed = await rack.up();
    assert.notEqual(failed.status, 0);
    assert.match(failed.text, /PXE_AGENT_UNREACHABLE/);
    assert.equal(rack.state().get("db2"), undefined);
    ended(await rack.refresh());
    assert.match(ended(await rack.up()), /\+ 1 created/);
    await asking(rack, async (agent) => {
      assert.equal((await agent.host("db1")).state, "armed");
      assert.equal((await agent.host("db2")).state, "armed");
    });
    assert.match(ended(await rack.up()), /6 unchanged/);
  });
});

test("an up that is killed in the middle of its pushes is continued by the next one", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [] });
    ended(await rack.up());
    const many = Array.from({ length: 12 }, (_, index) => ({ name: `h${String(index)}`, mac: `52:54:00:12:35:${(16 + index).toString(16)}` }));
    rack.shape({ hosts: many });
    const killed = rack.start("up", "--yes", "--skip-preview");
    try {
      await waitFor(async () => (await asking(rack, (agent) => agent.documents())).some((name) => name.startsWith("host/")), { what: "the first host", timeoutMs: 60_000, intervalMs: 2 });
    } finally {
      killed.kill();
      await killed.done;
    }
    await rack.run("cancel", "--yes");
    // Those that the agent took and the engine didn't note are declared again; nobody else knows them, so they keep their order.
    ended(await rack.up());
    const states = await asking(rack, (agent) => Promise.all(many.map(async ({ name }) => (await agent.host(name)).state)));
    assert.deepEqual([...new Set(states)], ["armed"]);
    assert.match(ended(await rack.up()), /16 unchanged/);
  });
});

test("two ups of one stack at once: Pulumi refuses the second, and the first goes on", async () => {
  await withRack(async (rack) => {
    rack.shape();
    const first = rack.start("up", "--yes", "--skip-preview");
    const locks = join(rack.stateFile, "..", "..", "..", "locks");
    await waitFor(() => existsSync(locks) && readdirSync(locks, { recursive: true }).some((name) => String(name).endsWith(".json")), { what: "the stack's lock", timeoutMs: 60_000, intervalMs: 10 });
    const second = await rack.up();
    assert.notEqual(second.status, 0);
    assert.match(second.text, /the stack is currently locked by 1 lock/);
    assert.match(ended(await first.done), /\+ 5 created/);
    assert.match(ended(await rack.up()), /5 unchanged/);
  });
});

test("two stacks on one server at once each get their own", async () => {
  await withRack(async (rack) => {
    const guest = `
const server = new pulumi.StackReference("organization/lab/dev").requireOutput("server");
const subnet = new pxe.DhcpSubnet("guests", { server, cidr: "127.78.0.0/24", dnsServers: ["127.78.0.254"] });
const profile = new pxe.BootProfile("guest", {
  server, ...pxe.distro.debian(12, { installer: "." }), loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } },
  answer: pxe.preseed({ template: "d-i debian-installer/locale string C\\n" }),
});
new pxe.KickstartHost("g1", { server, subnet, profile, macs: ["52:54:00:12:36:01"], ip: "127.78.0.11" });`;
    const program = (hosts: readonly typeof db1[]): void => {
      rack.program(`if (pulumi.getStack() === "dev") {${rack.source({ hosts })}\nmodule.exports = { server: server.ref };\n} else {${guest}\n}`);
    };
    program([]);
    ended(await rack.up());
    ended(await rack.run("stack", "init", "guest"));
    program([db1, db2]);
    const [ours, theirs] = await Promise.all([rack.up("--stack", "dev"), rack.up("--stack", "guest")]);
    assert.match(ended(ours), /\+ 2 created/);
    assert.match(ended(theirs), /\+ 4 created/);
    const documents = await asking(rack, (agent) => agent.documents());
    assert.deepEqual(documents, ["host/db1", "host/db2", "host/g1", "profile/debian", "profile/guest", "server/rack1", "subnet/guests", "subnet/net"]);
    for (const stack of ["dev", "guest"]) assert.match(ended(await rack.run("up", "--yes", "--stack", stack)), /unchanged/);
    ended(await rack.run("destroy", "--yes", "--skip-preview", "--stack", "guest"));
    ended(await rack.run("destroy", "--yes", "--skip-preview", "--stack", "dev"));
  });
});
