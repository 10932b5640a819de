import assert from "node:assert/strict";
import { test } from "node:test";
import { asking, db1, db2, ended, withRack, type Rack } from "../support/rack";

async function hosts(rack: Rack): Promise<string[]> {
  const documents = await asking(rack, (agent) => agent.documents());
  return documents.filter((name) => name.startsWith("host/"));
}

test("protect keeps a host, retainOnDelete its document, and declaring it again adopts it", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [{ ...db1, options: "protect: true" }, { ...db2, options: "retainOnDelete: true" }] });
    ended(await rack.up());
    await asking(rack, (agent) => agent.installed("db2"));

    rack.shape({ hosts: [] });
    const refused = await rack.up();
    assert.notEqual(refused.status, 0);
    assert.match(refused.text, /"urn:[^"]*db1" cannot be deleted\s+because it is protected/);
    assert.deepEqual(await hosts(rack), ["host/db1", "host/db2"]);

    rack.shape({ hosts: [db1] });
    ended(await rack.up());
    assert.deepEqual(await hosts(rack), ["host/db1", "host/db2"], "the document stays");
    assert.equal(rack.state().get("db2"), undefined);

    rack.shape({ hosts: [db1, db2] });
    assert.match(ended(await rack.up()), /\+ 1 created/);
    const adopted = await asking(rack, (agent) => agent.host("db2"));
    assert.deepEqual({ state: adopted.state, action: adopted.nextBoot.action }, { state: "installed", action: "local" });
    assert.match(ended(await rack.refresh()), /6 unchanged/);

    // A server on another target, made new before or after: the engine asks for both in a plan.
    const server = 'target: { host: "127.77.0.1", user: "root", password: "x", hostKey: "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU" },';
    rack.program(rack.source({ hosts: [db1, db2], server }).replace(/(new pxe\.PxeServer\(.*)\);/, "$1, { deleteBeforeReplace: true });"));
    const plan = ended(await rack.preview());
    assert.match(plan, /\+-1 to replace/);
    assert.match(plan, /PxeServer: \(delete-replaced\)[^]*PxeServer: \(create-replacement\)|PxeServer: \(replace\)/);
  });
});

test("--target changes what it names and leaves the rest as it was planned last", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [db1] });
    ended(await rack.up());
    const template = "d-i debian-installer/locale string de_AT\nd-i netcfg/get_hostname string <%= host.hostname %>\n";
    rack.shape({ hosts: [{ ...db1, ip: "127.77.0.21" }, db2], template, server: "authoritative: false," });

    const host = rack.urn("db1");
    const plan = ended(await rack.preview("--target", host));
    assert.match(plan, /~ ip\s*: "127\.77\.0\.11" => "127\.77\.0\.21"/);
    assert.ok(!plan.includes("de_AT"), plan);
    assert.match(ended(await rack.up("--target", host)), /~ 1 updated/);
    const document = await asking(rack, (agent) => agent.document("host", "db1"));
    assert.ok(document.kind === "host");
    assert.equal(document.spec.ip, "127.77.0.21");
    assert.match(document.spec.rendered["preseed.cfg"] ?? "", /locale string C$/m);

    const fresh = host.replace(/db1$/, "db2");
    assert.match(ended(await rack.preview("--target", fresh)), /‹not planned: (subnet net|profile debian) not in this run›/);
    const refused = await rack.up("--target", fresh);
    assert.notEqual(refused.status, 0);
    assert.match(refused.text, /PXE_UNKNOWN_REFERENCE: host\/db2 can't be declared: its profile or subnet is not part of this run/);
    assert.deepEqual(await hosts(rack), ["host/db1"]);

    assert.match(ended(await rack.up("--target", rack.urn("rack1"))), /~ 1 updated/);
    const server = await asking(rack, (agent) => agent.document("server", "rack1"));
    assert.equal(server.kind === "server" && server.spec.authoritative, false);

    assert.match(ended(await rack.up()), /\+ 1 created\n\s+~ 2 updated/);
    const planned = await asking(rack, (agent) => agent.document("host", "db1"));
    assert.match(planned.kind === "host" ? (planned.spec.rendered["preseed.cfg"] ?? "") : "", /de_AT/);

    const kept = await rack.exported();
    await rack.loseState();
    await rack.imported(kept);
    assert.match(ended(await rack.refresh()), /6 unchanged/);
    assert.match(ended(await rack.up()), /6 unchanged/);
  });
});
