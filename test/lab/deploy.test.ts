import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { Lab, type Target as LabTarget } from "../../lab";
import { changedTarget, ensureAgent, observeAgent, removeAgent, type DeployRequest } from "../../provider/deploy/agent";
import { connectionOf } from "../../provider/deploy/connection";
import { closeAll, controlClient } from "../../provider/deploy/control";
import { generateControlKey, openSshKey } from "../../provider/deploy/keys";
import { layout } from "../../provider/deploy/layout";
import { openSshShell } from "../../provider/deploy/ssh-shell";
import { PxeError } from "../../provider/errors";
import { serverSpec, type DocumentKind } from "../../provider/model/documents";
import type { RemoteTarget } from "../../provider/model/target";
import { fakeBundle } from "../support/fake-bundle";
import { targetListing } from "./deploy-listing";

const run = promisify(execFile);
const owner = "demo/dev";
const controlKey = generateControlKey();
const server = serverSpec.parse({ interfaces: ["prov0"] });
let lab: Lab;
let machine: LabTarget;
let lines: string[] = [];

before(async () => {
  lab = await Lab.create({ name: "deploy" });
  machine = await lab.target();
});
after(async () => {
  await closeAll();
  await lab.down();
});

const target = (): RemoteTarget => ({ host: machine.host, privateKey: machine.privateKey, hostKey: machine.hostKeyFingerprint });

function request(bundle: { version?: string; behaviour?: "serve" | "die" } = {}, more: Partial<DeployRequest> = {}): DeployRequest {
  lines = [];
  const bundleFolder = fakeBundle(join(lab.folder, `${bundle.version ?? "1.0.0"}-${bundle.behaviour ?? "serve"}`), bundle);
  return { target: target(), owner, controlKey, server, bundleFolder, progress: (line) => lines.push(line), ...more };
}

async function change(by: string, batch: { put?: string; delete?: string }): Promise<void> {
  const client = controlClient(connectionOf(target()), controlKey);
  const kind: DocumentKind = "server";
  const put = batch.put === undefined ? [] : [{ kind, name: batch.put, owner: by, spec: { interfaces: ["prov0"] } }];
  await client.apply({ owner: by, put, delete: batch.delete === undefined ? [] : [{ kind, name: batch.delete }] });
  client.close();
}

// The tests follow one target through its life: each takes up where the one before it left off.
describe("a target's life", { concurrency: 1 }, () => {
  let pristine: string[] = [];

  test("first deployment: Node, bundle, user, unit; it serves within 30 s", async () => {
    pristine = await targetListing(machine);
    const started = Date.now();
    const deployed = await ensureAgent(request());
    const elapsed = Date.now() - started;
    assert.ok(elapsed < 30_000, `${elapsed} ms`);
    assert.deepEqual({ ...deployed, bundle: "", nodeVersion: "" }, {
      bundle: "", agentVersion: "1.0.0", nodeVersion: "", nodeSource: "uploaded", hostKey: machine.hostKeyFingerprint, architecture: "x64", init: "systemd",
    });
    const observed = await observeAgent({ target: target(), controlKey });
    assert.equal(observed.bundle, deployed.bundle);
  });

  test("a second run changes nothing, on a new connection too", async () => {
    const first = await targetListing(machine);
    const pid = (await machine.exec("systemctl show -p MainPID --value 'pulumi-pxe@*'")).stdout;
    await ensureAgent(request());
    assert.deepEqual(lines, []);
    await closeAll();
    await ensureAgent(request());
    assert.deepEqual(await targetListing(machine), first);
    assert.equal((await machine.exec("systemctl show -p MainPID --value 'pulumi-pxe@*'")).stdout, pid);
  });

  test("the service is closed in: exposure 2.0 at most, its own user, data for nobody else", async () => {
    const { stdout } = await machine.exec("systemd-analyze security --no-pager $(systemctl list-units --plain --no-legend 'pulumi-pxe@*' | cut -d' ' -f1) | tail -n 1");
    const score = Number(/level for .*: ([\d.]+)/.exec(stdout)?.[1]);
    assert.ok(score <= 2, stdout);
    assert.equal((await machine.exec(`stat -c '%U %a' ${layout.data} ${layout.socket}`)).stdout, "pulumi-pxe 700\npulumi-pxe 600\n");
  });

  test("the control key opens the control socket and nothing else", () => {
    const key = join(lab.folder, "control-key");
    execFileSync("sh", ["-c", "umask 077; cat >\"$0\"", key], { input: openSshKey(controlKey) });
    const command = ["-F", "none", "-i", key, "-o", "BatchMode=yes", "-o", `UserKnownHostsFile=${machine.knownHostsPath}`, "-o", "LogLevel=ERROR", `pulumi-pxe@${machine.host}`, "cat /etc/passwd"];
    const said = execFileSync("ssh", command, { input: "GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", encoding: "utf8" });
    assert.match(said, /^HTTP\/1\.1 200 OK/);
    assert.ok(!said.includes("root:x"));
  });

  test("many calls share one SSH connection for control and one for deployment", async () => {
    const client = controlClient(connectionOf(target()), controlKey);
    await Promise.all([...Array.from({ length: 12 }, () => client.status()), ensureAgent(request()), ensureAgent(request())]);
    client.close();
    const { stdout } = await machine.exec("ss -Htn state established 'sport = :22' | wc -l");
    assert.equal(stdout.trim(), "2");
  });

  test("the end of a command is told however short it is", async () => {
    const shell = await openSshShell(target());
    for (let round = 0; round < 300; round++) assert.equal((await shell.run(`exit ${round % 7}`)).code, round % 7);
  });

  test("idle connections don't keep a process alive", async () => {
    const file = (name: string): string => JSON.stringify(require.resolve(`../../provider/deploy/${name}`));
    const program = `const { controlClient } = require(${file("control")});
      const { ensureAgent } = require(${file("agent")});
      const { request } = JSON.parse(process.argv[1]);
      ensureAgent({ ...request, progress: console.log })
        .then(() => controlClient({ kind: "ssh", host: request.target.host, port: 22, hostKey: request.target.hostKey }, request.controlKey).status())
        .then((status) => console.log("ready", status.ready))`;
    const { stdout } = await run(process.execPath, ["-e", program, JSON.stringify({ request: request() })], { timeout: 20_000 });
    assert.equal(stdout, "ready true\n");
  });

  test("with password and sudo, and with key and sudo", async () => {
    const plain: RemoteTarget = { host: machine.host, user: "deploy", sudo: true, hostKey: "trust-first" };
    await ensureAgent(request({}, { target: { ...plain, password: machine.passwords.deploy } }));
    await ensureAgent(request({}, { target: { ...plain, privateKeyPath: machine.privateKeyPath }, expectedHostKey: machine.hostKeyFingerprint }));
    assert.deepEqual(lines, []);
  });

  test("an agent that was stopped, a file that was changed and a key that was taken away are mended", async () => {
    await machine.exec(`systemctl stop 'pulumi-pxe@*'; echo broken >>${layout.launcher}; : >${layout.authorizedKeys}; echo x >>$(ls ${layout.bundles}/*/koffi.node)`);
    const observed = await observeAgent({ target: target(), controlKey });
    assert.deepEqual({ installed: observed.installed, running: observed.running }, { installed: true, running: false });
    await ensureAgent(request());
    assert.equal((await observeAgent({ target: target(), controlKey })).running, true);
  });

  test("it comes back after a power cut", async () => {
    await closeAll();
    await machine.stop("kill");
    await machine.start();
    const client = controlClient(connectionOf(target()), controlKey);
    const deadline = Date.now() + 20_000;
    const answers = async (): Promise<boolean> => client.status().then(() => true, () => false);
    while (!(await answers())) assert.ok(Date.now() < deadline, "no agent 20 s after the start");
    client.close();
  });

  test("an upgrade keeps the version before it; an agent that dies gives its last lines and the old one serves on", async () => {
    const upgraded = await ensureAgent(request({ version: "1.1.0" }));
    assert.equal((await machine.exec(`ls ${layout.bundles} | wc -l`)).stdout.trim(), "2");
    await assert.rejects(ensureAgent(request({ version: "1.2.0", behaviour: "die" })), (error: unknown) => {
      assert.ok(error instanceof PxeError);
      assert.equal(error.code, "PXE_AGENT_DIED");
      assert.match(error.message, /the database is a teapot/);
      return true;
    });
    const observed = await observeAgent({ target: target(), controlKey });
    assert.equal(observed.bundle, upgraded.bundle);
    await ensureAgent(request({ version: "1.1.0" }));
    await ensureAgent(request({ version: "1.3.0" }));
    assert.equal((await machine.exec(`ls ${layout.bundles} | wc -l`)).stdout.trim(), "2");
    assert.equal((await machine.exec("systemctl list-units --plain --no-legend --state=active 'pulumi-pxe@*' | wc -l")).stdout.trim(), "1");
  });

  test("an older package does not replace a newer agent unless it is told to", async () => {
    await assert.rejects(ensureAgent(request({ version: "1.2.9" })), { code: "PXE_AGENT_NEWER" });
    assert.equal((await ensureAgent(request({ version: "1.2.9" }, { allowDowngrade: true }))).agentVersion, "1.2.9");
  });

  test("where sshd refuses the agent's user, it says so and what sshd is set to", async () => {
    await machine.exec("echo 'AllowUsers root deploy' >/etc/ssh/sshd_config.d/allow.conf; systemctl restart ssh");
    await closeAll();
    await machine.waitForSsh();
    try {
      await assert.rejects(ensureAgent(request({ version: "1.2.9" })), (error: unknown) => {
        assert.ok(error instanceof PxeError);
        assert.equal(error.code, "PXE_CONTROL_KEY_REFUSED");
        assert.match(error.message, /user pulumi-pxe .*allowusers root/);
        return true;
      });
    } finally {
      await machine.exec("rm /etc/ssh/sshd_config.d/allow.conf; systemctl restart ssh");
      await machine.waitForSsh();
    }
  });

  test("a rotated control key: the one before stays while it is named, then goes", async () => {
    const next = generateControlKey();
    await ensureAgent(request({ version: "1.2.9" }, { controlKey: next, previousControlKey: controlKey }));
    assert.equal((await machine.readFile(layout.authorizedKeys)).trim().split("\n").length, 2);
    const asked = { target: target(), owner, controlKey: next, bundleFolder: request({ version: "1.2.9" }).bundleFolder ?? "" };
    assert.deepEqual((await observeAgent({ ...asked, previousControlKey: controlKey })).edited, []);
    assert.deepEqual((await observeAgent(asked)).edited, [`the control key of ${owner}`]);
    await ensureAgent(request({ version: "1.2.9" }));
    assert.equal((await machine.readFile(layout.authorizedKeys)).trim().split("\n").length, 1);
  });

  test("what is changed by hand on the target is named, over two connections at most, and mended by the next deployment", async () => {
    const asked = { target: target(), owner, controlKey, bundleFolder: request({ version: "1.2.9" }).bundleFolder ?? "" };
    assert.deepEqual((await observeAgent(asked)).edited, []);
    await machine.exec(`echo '# by hand' >>${layout.unit}; echo '# by hand' >>${layout.launcher}; sed -i s/restrict,// ${layout.authorizedKeys}`);
    await closeAll();
    const before = Number((await machine.exec("journalctl -u ssh -o cat | grep -c '^Accepted '")).stdout);
    const { running, edited } = await observeAgent(asked);
    assert.equal(running, true);
    assert.deepEqual(edited, [`the control key of ${owner}`, `the launcher ${layout.launcher}`, `the unit ${layout.unit}`]);
    const after = Number((await machine.exec("journalctl -u ssh -o cat | grep -c '^Accepted '")).stdout);
    assert.ok(after > before && after - before <= 2, `${String(after - before)} connections`);
    assert.deepEqual((await observeAgent({ ...asked, bundleFolder: request().bundleFolder ?? "" })).edited, [], "of another package's agent nothing can be said");
    await ensureAgent(request({ version: "1.2.9" }));
    assert.deepEqual((await observeAgent(asked)).edited, []);
  });

  test("a second stack's deployment is refused before it touches anything, and its removal takes its own key alone", async () => {
    await change(owner, { put: "rack1" });
    const before = await targetListing(machine);
    const otherKey = generateControlKey();
    const other = { owner: "other/prod", controlKey: otherKey };
    await assert.rejects(ensureAgent(request({ version: "1.4.0" }, { ...other, document: { name: "rack9" } })), (error: unknown) => error instanceof PxeError && error.code === "PXE_OWNED_BY_OTHER" && !changedTarget(error));
    assert.deepEqual(await targetListing(machine), before);
    await ensureAgent(request({ version: "1.2.9" }, other));
    assert.equal((await machine.readFile(layout.authorizedKeys)).trim().split("\n").length, 2);
    await removeAgent({ target: target(), ...other, progress: () => undefined });
    const [line = "", ...more] = (await machine.readFile(layout.authorizedKeys)).trim().split("\n");
    assert.deepEqual([line.endsWith(`pulumi-pxe:${owner}`), more], [true, []]);
    assert.equal((await observeAgent({ target: target(), controlKey })).running, true);
  });

  test("two deployments at the same time leave both keys and one agent", async () => {
    const otherKey = generateControlKey();
    const program = `const { ensureAgent } = require(${JSON.stringify(require.resolve("../../provider/deploy/agent"))});
      ensureAgent({ ...JSON.parse(process.argv[1]), progress: () => undefined }).then(() => console.log("done"))`;
    const apart = (changes: Partial<DeployRequest>) => run(process.execPath, ["-e", program, JSON.stringify(request({ version: "1.2.9" }, changes))], { timeout: 60_000 });
    await Promise.all([apart({ owner: "other/prod", controlKey: otherKey }), apart({ owner: "third/prod", controlKey: otherKey })]);
    const lines = (await machine.readFile(layout.authorizedKeys)).trim().split("\n");
    assert.deepEqual(lines.map((line) => line.replace(/^.* pulumi-pxe:/, "")).sort(), [owner, "other/prod", "third/prod"].sort());
    assert.equal((await machine.exec("systemctl list-units --plain --no-legend --state=active 'pulumi-pxe@*' | wc -l")).stdout.trim(), "1");
    for (const name of ["other/prod", "third/prod"]) await removeAgent({ target: target(), owner: name, controlKey: otherKey, progress: () => undefined });
  });

  test("what another resource of the owner has taken over stays", async () => {
    await change(owner, { put: "rack1-renamed" });
    const before = await targetListing(machine, layout.root);
    await removeAgent({ target: target(), owner, controlKey, document: { name: "rack1", rev: 1 }, progress: (line) => lines.push(line) });
    assert.ok(lines.some((line) => /server\/rack1-renamed of demo\/dev has taken it over/.test(line)), lines.join("\n"));
    assert.deepEqual(await targetListing(machine, layout.root), before);
    await change(owner, { delete: "rack1-renamed" });
  });

  test("removal is refused while another owner has documents, by their keys where the agent is silent", async () => {
    const otherKey = generateControlKey();
    await ensureAgent(request({ version: "1.2.9" }, { owner: "other/prod", controlKey: otherKey }));
    await change(owner, { put: "rack1" });
    await change("other/prod", { put: "rack2" });
    const removal = { target: target(), owner, controlKey, progress: (line: string) => lines.push(line) };
    const shared = (pattern: RegExp) => (error: unknown): boolean => error instanceof PxeError && error.code === "PXE_SERVER_SHARED" && pattern.test(error.message);
    await assert.rejects(removeAgent(removal), shared(/other\/prod \(server\/rack2\)/));
    await machine.exec("systemctl stop 'pulumi-pxe@*'");
    await assert.rejects(removeAgent(removal), shared(/other\/prod.*does not answer/));
    await ensureAgent(request({ version: "1.2.9" }));
    await change("other/prod", { delete: "rack2" });
  });

  test("removal leaves nothing but what is kept on purpose; again, it changes nothing; the next deployment carries on", async () => {
    const removal = { target: target(), owner, controlKey, progress: (line: string) => lines.push(line) };
    await machine.exec(`mkdir ${layout.assets}; echo kernel >${layout.assets}/x; touch ${layout.data}/left.part`);
    await removeAgent(removal);
    const left = (await targetListing(machine)).map((line) => line.split(" ")[0] ?? "");
    const before = new Set(pristine.map((line) => line.split(" ")[0]));
    assert.deepEqual(left.filter((path) => !before.has(path)), [layout.home, layout.kept, layout.data, `${layout.data}/documents.json`].sort());
    assert.equal((await machine.exec(`stat -c '%U %a' ${layout.data}; ls /run/pulumi-pxe 2>&1; getent passwd pulumi-pxe`, { allowFailure: true })).stdout, "root 700\nls: cannot access '/run/pulumi-pxe': No such file or directory\n");
    assert.equal((await machine.exec("systemctl list-units --all --plain --no-legend 'pulumi-pxe@*' | wc -l")).stdout.trim(), "0");
    const unchanged = await targetListing(machine);
    await removeAgent(removal);
    assert.deepEqual(await targetListing(machine), unchanged);
    await ensureAgent(request());
    assert.ok(!(await targetListing(machine, layout.home)).some((line) => line.includes("KEPT")));
    await removeAgent(removal);
  });
});
