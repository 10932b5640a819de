import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Lab, type Target } from "../../lab";
import { layout } from "../../provider/deploy/layout";
import { asking, db1, ended, Rack } from "../support/rack";

let lab: Lab;
let machine: Target;
let rack: Rack;

before(async () => {
  lab = await Lab.create({ name: "server-life" });
  machine = await lab.target();
  rack = await Rack.create();
  // What a deployment uploads is fetched once for all tests.
  if (process.env["XDG_CACHE_HOME"] === undefined) delete rack.env["XDG_CACHE_HOME"];
  else rack.env["XDG_CACHE_HOME"] = process.env["XDG_CACHE_HOME"];
});
after(async () => {
  rack.close();
  await lab.down();
});

function shape(more = ""): void {
  const target = JSON.stringify({ host: machine.host, privateKey: machine.privateKey, hostKey: machine.hostKeyFingerprint });
  rack.shape({
    hosts: [{ ...db1, ip: "10.77.0.11", more: 'secrets: { root: "correct-horse-battery" }' }],
    server: `target: ${target}, interfaces: ["prov0"], ${more}`, subnet: 'cidr: "10.77.0.0/24", dnsServers: ["10.77.0.254"]',
  });
}

/** The same rack with its server on this machine. */
function shapeHere(): void {
  rack.shape({ hosts: [{ ...db1, more: 'secrets: { root: "correct-horse-battery" }' }], server: 'controlKeyRotation: "a"' });
}

/** Says at the target, as a person would, that the installation ended. */
async function sayInstalled(): Promise<void> {
  const request = `{ socketPath: "${layout.socket}", method: "POST", path: "/v1/hosts/db1/done" }`;
  const told = await machine.exec(`${layout.nodeLink} -e 'require("http").request(${request}, (answer) => { console.log(answer.statusCode); process.exit(); }).end()'`);
  assert.equal(told.stdout.trim(), "200");
}

/** That no form of a secret stands in a text, and that only the server has the target's credentials. */
function assertNoSecrets(text: string): void {
  const seed = machine.privateKey.split("\n").slice(1, -2);
  for (const line of [...seed, "correct-horse-battery", Buffer.from("correct-horse-battery").toString("base64").slice(0, 24)]) {
    assert.ok(!text.includes(line), `a secret stands in it: ${line}`);
  }
  assert.doesNotMatch(text, /PRIVATE KEY|ed25519:/);
}

const keyLines = async (): Promise<string[]> => (await machine.readFile(layout.authorizedKeys)).trim().split("\n");

test("a server over SSH: its state tells no secret, hand-made changes show, its key rotates, and a dead target blocks nothing for ever", async () => {
  shape();
  ended(await rack.up());
  assertNoSecrets(readFileSync(rack.stateFile, "utf8"));
  assertNoSecrets(ended(await rack.run("stack", "export")));
  const holders = [...rack.state()].filter(([, { inputs, outputs }]) => "target" in { ...inputs, ...outputs }).map(([name]) => name);
  assert.deepEqual(holders, ["rack1"]);
  const [first] = await keyLines();

  await machine.exec(`echo '# by hand' >>${layout.unit}`);
  shape('controlKeyRotation: "a"');
  const plan = ended(await rack.run("preview", "--diff", "--refresh"));
  assert.match(plan, new RegExp(`- drift\\s*: "changed by hand on the target: the unit ${layout.unit}"`));
  assert.match(plan, /\+ controlKeyRotation: "a"/);
  assert.match(plan, /\+ keyRotation\s*: "the previous control key works until the next update"/);
  ended(await rack.run("up", "--yes", "--skip-preview", "--refresh"));
  assert.doesNotMatch(await machine.readFile(layout.unit), /by hand/);
  assert.equal((await keyLines()).length, 2);
  assertNoSecrets(readFileSync(rack.stateFile, "utf8"));

  assert.match(ended(await rack.refresh()), /5 unchanged/);
  const up = ended(await rack.run("up", "--yes", "--skip-preview", "--diff"));
  assert.match(up, /- keyRotation\s*: "the previous control key works until the next update"/);
  assert.match(up, /~ 1 updated\n\s+4 unchanged/);
  const [second, ...none] = await keyLines();
  assert.deepEqual(none, []);
  assert.notEqual(second, first);
  assert.match(ended(await rack.run("up", "--yes", "--skip-preview", "--refresh")), /5 unchanged/);

  await sayInstalled();
  ended(await rack.refresh());
  shapeHere();
  assert.match(ended(await rack.preview()), /\+-1 to replace/, "only another target host replaces, and only the server");
  assert.match(ended(await rack.up()), /~ 3 updated\n\s+\+-1 replaced/);
  await asking(rack, async (agent) => {
    assert.deepEqual(await agent.documents(), ["host/db1", "profile/debian", "server/rack1", "subnet/net"]);
    assert.equal((await agent.host("db1")).state, "installed", "what the state knows goes along to another server");
  });
  assert.equal((await machine.exec("systemctl list-units --plain --no-legend 'pulumi-pxe@*'")).stdout, "", "the old server is gone");
  shape('controlKeyRotation: "a"');
  assert.match(ended(await rack.up()), /\+-1 replaced/);
  assert.equal(rack.state().get("db1")?.outputs["state"], "installed");

  await machine.stop("kill");
  const refresh = await rack.refresh();
  assert.notEqual(refresh.status, 0, refresh.text);
  assert.match(refresh.text, /PXE_HOST_UNREACHABLE/);
  const destroy = await rack.destroy();
  assert.notEqual(destroy.status, 0, destroy.text);
  assert.match(destroy.text, /PXE_HOST_UNREACHABLE/);
  assert.ok(rack.state().has("rack1"), "a server that can't be reached is not forgotten");
  rack.env["PXE_DELETE_UNREACHABLE"] = "1";
  assert.match(ended(await rack.destroy()), /server\/rack1 is forgotten, but not removed from its target \(PXE_DELETE_UNREACHABLE\)/);
  assert.equal(rack.state().size, 0);
});
