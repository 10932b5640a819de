import assert from "node:assert/strict";
import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { promisify } from "node:util";
import { Lab, type Target as LabTarget } from "../../lab";
import { waitFor } from "../../lab/process";
import { fingerprintOf, makeKeyPair } from "../../lab/sshkeys";
import { closeAll } from "../../provider/deploy/control";
import { generateControlKey } from "../../provider/deploy/keys";
import { openSshShell } from "../../provider/deploy/ssh-shell";
import { PxeError } from "../../provider/errors";
import { serverSpec } from "../../provider/model/documents";
import type { RemoteTarget } from "../../provider/model/target";
import { fakeBundle } from "../support/fake-bundle";
import { ended, Rack } from "../support/rack";

const run = promisify(execFile);
const saved = { PXE_SSH_CONFIG: process.env["PXE_SSH_CONFIG"], SSH_AUTH_SOCK: process.env["SSH_AUTH_SOCK"] };
let lab: Lab;
let machine: LabTarget;
let bastion: LabTarget;
let agent: ChildProcess;
let agentSocket = "";
let configPath = "";

before(async () => {
  lab = await Lab.create({ name: "ssh-paths" });
  [machine, bastion] = [await lab.target(), await lab.target({ name: "bastion" })];
  agentSocket = join(lab.folder, "agent.sock");
  configPath = join(lab.folder, "ssh-config");
  // An agent as people have it: more keys than sshd lets anybody try (MaxAuthTries 6), the right one last.
  agent = spawn("ssh-agent", ["-D", "-a", agentSocket], { stdio: "ignore" });
  await waitFor(() => existsSync(agentSocket), { what: "the SSH agent", timeoutMs: 5000, intervalMs: 20, evidence: () => "" });
  const env = { ...process.env, SSH_AUTH_SOCK: agentSocket };
  for (let index = 0; index < 7; index++) {
    const { privateKeyPath } = await makeKeyPair(join(lab.folder, `other-${index}`), `other ${index}`);
    execFileSync("ssh-add", ["-q", privateKeyPath], { env });
  }
  for (const target of [machine, bastion]) {
    execFileSync("ssh-add", ["-q", target.privateKeyPath], { env });
    writeFileSync(join(lab.folder, `${target.name}.pub`), execFileSync("ssh-keygen", ["-y", "-f", target.privateKeyPath]));
  }
});
after(async () => {
  await closeAll();
  for (const [name, value] of Object.entries(saved)) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
  if (agent.exitCode === null) {
    agent.kill();
    await once(agent, "exit");
  }
  await lab.down();
});
beforeEach(async () => {
  await closeAll();
  process.env["PXE_SSH_CONFIG"] = "none";
  delete process.env["SSH_AUTH_SOCK"];
});

/** The machine at its address on the segment, which only the bastion reaches. */
const hidden = (more: Partial<RemoteTarget> = {}): RemoteTarget => ({
  host: machine.address, privateKey: machine.privateKey, hostKey: machine.hostKeyFingerprint, ...more,
});
const jump = (): NonNullable<RemoteTarget["proxyJump"]>[number] => ({
  host: bastion.host, user: "root", privateKey: bastion.privateKey, hostKey: bastion.hostKeyFingerprint,
});

async function says(target: RemoteTarget, script: string): Promise<string> {
  const shell = await openSshShell(target);
  return (await shell.run(script)).stdout.trim();
}

async function refusal(target: RemoteTarget): Promise<PxeError> {
  let refused: unknown;
  await openSshShell(target).catch((error: unknown) => (refused = error));
  assert.ok(refused instanceof PxeError, `it was not refused: ${String(refused)}`);
  return refused;
}

/** Who has logged in at an sshd so far, in the order of time. */
async function logins(target: LabTarget): Promise<string[]> {
  await target.exec("journalctl --sync");
  const { stdout } = await target.exec("journalctl --no-pager --output cat | grep '^Accepted ' || true");
  return stdout.split("\n").flatMap((line) => /for (\S+) from/.exec(line)?.[1] ?? []);
}

describe("the ways to a target", { concurrency: 1 }, () => {
  test("through a bastion, whose connection is shared", async () => {
    const before = (await logins(bastion)).length;
    assert.equal((await says(hidden({ proxyJump: [jump()] }), 'echo "$SSH_CONNECTION"')).split(" ")[0], bastion.address);
    await says(hidden({ proxyJump: [jump()], user: "deploy" }), "true");
    assert.equal((await logins(bastion)).length, before + 1);
  });

  test("a bastion that breaks off: the next use connects anew", async () => {
    const target = hidden({ proxyJump: [jump()] });
    const shell = await openSshShell(target);
    const lost = assert.rejects(shell.run("touch /var/tmp/asked; sleep 10"), { code: "PXE_CONNECTION_LOST" });
    await waitFor(() => existsSync(join(machine.root, "var/tmp/asked")), { what: "the command on the target", timeoutMs: 5000, intervalMs: 20, evidence: () => "" });
    await bastion.exec("for each in /proc/[0-9]*; do if grep -qas '^sshd[a-z-]*: root' $each/cmdline; then kill -KILL ${each#/proc/}; fi; done");
    await lost;
    assert.equal((await shell.run("echo again")).stdout, "again\n");
  });

  test("what is wrong with a bastion is said of the bastion", async () => {
    const wrongKey = await makeKeyPair(join(lab.folder, "wrong"), "wrong");
    const refused = await refusal(hidden({ proxyJump: [{ ...jump(), privateKey: wrongKey.privateKey }] }));
    assert.equal(refused.code, "PXE_AUTH_FAILED");
    assert.match(refused.message, /the bastion root@\S+ refused target\.proxyJump\[0\]\.privateKey .*target proxyJump\[0\]/);

    const other = `SHA256:${"A".repeat(43)}`;
    const changed = await refusal(hidden({ proxyJump: [{ ...jump(), hostKey: other }] }));
    assert.equal(changed.code, "PXE_HOST_KEY_CHANGED");
    for (const part of ["the bastion", bastion.hostKeyFingerprint, other, "target.proxyJump[0].hostKey"]) assert.ok(changed.message.includes(part), changed.message);

    const nowhere = await refusal(hidden({ proxyJump: [jump()], port: 1 }));
    assert.match(nowhere.message, /PXE_HOST_UNREACHABLE: \S+:1 can't be reached from the bastion root@\S+: Connection refused/);

    await bastion.exec("echo 'AllowTcpForwarding no' >/etc/ssh/sshd_config.d/forward.conf; systemctl restart ssh");
    await bastion.waitForSsh();
    await closeAll();
    try {
      assert.match((await refusal(hidden({ proxyJump: [jump()] }))).message, /PXE_HOST_UNREACHABLE: .*the bastion \S+ forbids it .*AllowTcpForwarding/);
    } finally {
      await bastion.exec("rm /etc/ssh/sshd_config.d/forward.conf; systemctl restart ssh");
      await bastion.waitForSsh();
    }
  });

  test("an alias with bastion, key and hashed known_hosts; an agent with too many keys keeps to the named one", async () => {
    const known = join(lab.folder, "known_hosts");
    const keyOf = (target: LabTarget): string => readFileSync(target.knownHostsPath, "utf8").split(" ").slice(1).join(" ");
    writeFileSync(known, `rack-alias ${keyOf(machine)}${bastion.host} ${keyOf(bastion)}`);
    execFileSync("ssh-keygen", ["-q", "-H", "-f", known], { stdio: "ignore" });
    writeFileSync(configPath, `Host *
  UserKnownHostsFile ${known}
  IdentitiesOnly yes
  ForwardAgent yes
Host rack1
  HostName ${machine.address}
  HostKeyAlias rack-alias
  IdentityFile ${join(lab.folder, "target")}
  ProxyJump gate
Host gate
  HostName ${bastion.host}
  User root
  IdentityFile ${join(lab.folder, "bastion")}
`);
    process.env["PXE_SSH_CONFIG"] = configPath;
    process.env["SSH_AUTH_SOCK"] = agentSocket;
    // The agent of the operator is never lent to a target, whatever the configuration says.
    assert.equal(await says({ host: "rack1" }, 'hostname; echo "${SSH_AUTH_SOCK-unset}"; ls -d /tmp/ssh-* 2>/dev/null'), "target\nunset");
    await closeAll();
    appendFileSync(configPath, "Host all-keys\n  HostKeyAlias rack-alias\n  IdentitiesOnly no\n");
    writeFileSync(configPath, readFileSync(configPath, "utf8").replace("  IdentitiesOnly yes\n", ""));
    assert.equal((await refusal({ host: "rack1" })).code, "PXE_AUTH_FAILED");
  });

  test("an SSH agent as the target says it, and by SSH_AUTH_SOCK; it isn't forwarded", async () => {
    const few = join(lab.folder, "few.sock");
    const process2 = spawn("ssh-agent", ["-D", "-a", few], { stdio: "ignore" });
    try {
      await waitFor(() => existsSync(few), { what: "the second SSH agent", timeoutMs: 5000, intervalMs: 20, evidence: () => "" });
      execFileSync("ssh-add", ["-q", machine.privateKeyPath], { env: { ...process.env, SSH_AUTH_SOCK: few } });
      const target: RemoteTarget = { host: machine.host, hostKey: machine.hostKeyFingerprint };
      assert.equal(await says({ ...target, agent: few }, 'echo "${SSH_AUTH_SOCK-unset}"'), "unset");
      process.env["SSH_AUTH_SOCK"] = few;
      assert.equal(await says({ ...target, agent: true }, 'echo "${SSH_AUTH_SOCK-unset}"; ls -d /tmp/ssh-* 2>/dev/null'), "unset");
    } finally {
      process2.kill();
      await once(process2, "exit");
    }
  });

  test("one `up` of several hosts through a bastion makes three logins, as does a refresh with one that changes nothing", async () => {
    const rack = await Rack.create();
    try {
      const { XDG_CACHE_HOME } = process.env;
      rack.env["XDG_CACHE_HOME"] = XDG_CACHE_HOME ?? join(process.env["HOME"] ?? "/root", ".cache");
      for (const [name, text] of [["key", machine.privateKey], ["jump", bastion.privateKey]] as const) rack.file(name, text);
      const read = (name: string): string => `require("node:fs").readFileSync(${JSON.stringify(join(rack.folder, name))}, "utf8")`;
      const server = `target: { host: "${machine.address}", privateKey: ${read("key")}, hostKey: "${machine.hostKeyFingerprint}",
        proxyJump: { host: "${bastion.host}", user: "root", privateKey: ${read("jump")}, hostKey: "${bastion.hostKeyFingerprint}" } }, interfaces: ["prov0"]`;
      const host = (index: number) => ({ name: `db${index}`, mac: `52:54:00:12:34:0${index}`, ip: `10.77.0.1${index}` });
      const shape = { server, subnet: 'cidr: "10.77.0.0/24", dnsServers: ["10.77.0.254"]' };
      const counted = async (work: () => Promise<unknown>): Promise<string[]> => {
        const [seenThere, seenBetween] = [await logins(machine), await logins(bastion)];
        await work();
        const between = (await logins(bastion)).slice(seenBetween.length).map((user) => `bastion ${user}`);
        return [...between, ...(await logins(machine)).slice(seenThere.length)].sort();
      };
      rack.shape({ ...shape, hosts: [1, 2, 3, 4, 5].map(host) });
      assert.deepEqual(await counted(async () => ended(await rack.up())), ["bastion root", "pulumi-pxe", "root"]);
      assert.deepEqual(await counted(async () => assert.match(ended(await rack.up("--refresh")), /9 unchanged/)), ["bastion root", "pulumi-pxe", "root"]);
      // The bastion's key stands in the state as the server's secret alone.
      const state = readFileSync(rack.stateFile, "utf8");
      assert.ok(!state.includes("PRIVATE KEY"));
      assert.deepEqual(rack.state().get("db1")?.outputs["connection"], {
        kind: "ssh", host: machine.address, port: 22, hostKey: machine.hostKeyFingerprint,
        proxyJump: [{ host: bastion.host, user: "root", hostKey: bastion.hostKeyFingerprint, withheld: true }],
      });
      // A child without its server takes the way into the bastion that the environment tells.
      const alone = ["destroy", "--yes", "--skip-preview", "--target", rack.state().get("db1")?.urn ?? ""];
      rack.env["PXE_SSH_PROXY_JUMP_KEY_PATH"] = bastion.privateKeyPath;
      assert.match(ended(await rack.run(...alone)), /1 deleted/);
      Reflect.deleteProperty(rack.env, "PXE_SSH_PROXY_JUMP_KEY_PATH");
      ended(await rack.destroy());
    } finally {
      rack.close();
    }
  });

  test("two first deployments at the same time: the second waits, and finds all there", async () => {
    const program = `const { ensureAgent } = require(${JSON.stringify(require.resolve("../../provider/deploy/agent"))});
      ensureAgent({ ...JSON.parse(process.argv[1]), progress: console.log }).then(() => console.log("done"))`;
    const target: RemoteTarget = { host: bastion.host, privateKey: bastion.privateKey, hostKey: bastion.hostKeyFingerprint };
    const bundleFolder = fakeBundle(join(lab.folder, "bundle"));
    const deploy = async (owner: string): Promise<string> => {
      const request = { target, owner, controlKey: generateControlKey(), server: serverSpec.parse({ interfaces: ["prov0"] }), bundleFolder };
      return (await run(process.execPath, ["-e", program, JSON.stringify(request)], { timeout: 60_000 })).stdout;
    };
    const [first, second] = await Promise.all([deploy("one/dev"), deploy("two/dev")]);
    const [late, early] = first.includes("waiting for it") ? [first, second] : [second, first];
    assert.match(early, /uploaded.*uploaded.*done/s);
    assert.match(late, /another deployment is at work .*: waiting for it\n.*done/s);
    assert.ok(!late.includes("uploaded"), late);
  });

  test("another host key than the one in known_hosts: both are shown, and nobody logs in", async () => {
    const known = join(lab.folder, "known-before");
    writeFileSync(known, readFileSync(machine.knownHostsPath));
    writeFileSync(configPath, `Host *\n  UserKnownHostsFile ${known}\n`);
    process.env["PXE_SSH_CONFIG"] = configPath;
    const target: RemoteTarget = { host: machine.host, privateKey: machine.privateKey };
    assert.equal(await says(target, "hostname"), "target");
    await closeAll();
    await machine.exec("rm /etc/ssh/ssh_host_ed25519_key*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh");
    await machine.waitForSsh();
    const seen = fingerprintOf(await machine.readFile("/etc/ssh/ssh_host_ed25519_key.pub"));
    const before = await logins(machine);
    const changed = await refusal(target);
    assert.equal(changed.code, "PXE_HOST_KEY_CHANGED");
    for (const part of [seen, machine.hostKeyFingerprint, `ssh-keygen -R '${machine.host}'`, `target.hostKey = "${seen}"`]) assert.ok(changed.message.includes(part), changed.message);
    assert.deepEqual(await logins(machine), before);
    execFileSync("ssh-keygen", ["-q", "-R", machine.host, "-f", known], { stdio: "ignore" });
    assert.equal((await refusal(target)).code, "PXE_HOST_KEY_UNKNOWN");
    assert.equal(await says({ ...target, hostKey: seen }, "hostname"), "target");
  });
});
