import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Lab, type Target as LabTarget } from "../../lab";
import { changedTarget, ensureAgent, observeAgent, removeAgent, type DeployRequest } from "../../provider/deploy/agent";
import { closeAll } from "../../provider/deploy/control";
import { generateControlKey } from "../../provider/deploy/keys";
import { PxeError } from "../../provider/errors";
import { serverSpec } from "../../provider/model/documents";
import type { RemoteTarget } from "../../provider/model/target";
import { fakeBundle } from "../support/fake-bundle";
import { targetListing } from "./deploy-listing";

const controlKey = generateControlKey();
const server = serverSpec.parse({ interfaces: ["prov0"] });
let lab: Lab;
let machine: LabTarget;
let bundleFolder = "";
const savedKnownHosts = process.env["PXE_KNOWN_HOSTS"];

before(async () => {
  lab = await Lab.create({ name: "deploy-refusals" });
  machine = await lab.target();
  bundleFolder = fakeBundle(join(lab.folder, "bundle"));
  process.env["PXE_KNOWN_HOSTS"] = join(lab.folder, "no-known-hosts");
});
after(async () => {
  if (savedKnownHosts === undefined) delete process.env["PXE_KNOWN_HOSTS"];
  else process.env["PXE_KNOWN_HOSTS"] = savedKnownHosts;
  await closeAll();
  await lab.down();
});

function request(target: Partial<RemoteTarget>, more: Partial<DeployRequest> = {}): DeployRequest {
  const where: RemoteTarget = { host: machine.host, hostKey: machine.hostKeyFingerprint, ...target };
  return { target: where, owner: "demo/dev", controlKey, server, bundleFolder, progress: () => undefined, ...more };
}

/** Runs a deployment that must be refused, and checks that nothing was changed on the target. */
async function refused(deployment: DeployRequest): Promise<PxeError> {
  const before = await targetListing(machine);
  let refusal: unknown;
  await ensureAgent(deployment).catch((error: unknown) => (refusal = error));
  assert.ok(refusal instanceof PxeError, `it was not refused: ${String(refusal)}`);
  assert.deepEqual(await targetListing(machine), before);
  assert.ok(!changedTarget(refusal));
  return refusal;
}

/** A program that sits on all the ports that an agent needs. */
const squatter = `use IO::Socket::INET;
my $dhcp = IO::Socket::INET->new(LocalPort => 67, Proto => "udp") or die;
my $tftp = IO::Socket::INET->new(LocalPort => 69, Proto => "udp") or die;
my $http = IO::Socket::INET->new(LocalPort => 80, Listen => 1) or die;
sleep 600;
`;

const byKey = (): Partial<RemoteTarget> => ({ privateKey: machine.privateKey });

describe("a deployment that can't be", () => {
  test("wrong key: refused with the user, the key's fingerprint and what the server takes", async () => {
    const error = await refused(request({ privateKey: generateControlKey() }));
    assert.equal(error.code, "PXE_AUTH_FAILED");
    assert.match(error.message, /root@.* refused target\.privateKey \(ssh-ed25519 SHA256:.*server takes .*publickey/);
  });

  test("wrong password", async () => {
    const error = await refused(request({ user: "deploy", password: "wrong" }));
    assert.equal(error.code, "PXE_AUTH_FAILED");
    assert.ok(!error.message.includes("wrong"));
  });

  test("no credential to be found, a key file that isn't there, an agent that isn't there", async () => {
    assert.equal((await refused(request({ privateKeyPath: join(lab.folder, "absent") }))).code, "PXE_AUTH_FAILED");
    assert.equal((await refused(request({ agent: join(lab.folder, "no-agent") }))).code, "PXE_AUTH_FAILED");
  });

  test("unknown host key: refused, shown, with how to pin it", async () => {
    const { host } = machine;
    const error = await refused({ ...request({}), target: { host, privateKey: machine.privateKey } });
    assert.equal(error.code, "PXE_HOST_KEY_UNKNOWN");
    assert.ok(error.message.includes(`target.hostKey = "${machine.hostKeyFingerprint}"`));
  });

  test("another host key than the one pinned, known or trusted first", async () => {
    const other = `SHA256:${"A".repeat(43)}`;
    assert.equal((await refused(request({ ...byKey(), hostKey: other }))).code, "PXE_HOST_KEY_CHANGED");
    assert.equal((await refused(request({ ...byKey(), hostKey: "trust-first" }, { expectedHostKey: other }))).code, "PXE_HOST_KEY_CHANGED");
    const known = join(lab.folder, "other-known-hosts");
    writeFileSync(known, `${machine.host} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n`);
    process.env["PXE_KNOWN_HOSTS"] = known;
    try {
      const { host } = machine;
      assert.equal((await refused({ ...request({}), target: { host, privateKey: machine.privateKey } })).code, "PXE_HOST_KEY_CHANGED");
    } finally {
      process.env["PXE_KNOWN_HOSTS"] = join(lab.folder, "no-known-hosts");
    }
  });

  test("nothing listens, no such name, no route", async () => {
    assert.match((await refused(request({ ...byKey(), port: 1 }))).message, /PXE_HOST_UNREACHABLE.*refuses the connection/);
    assert.match((await refused(request({ ...byKey(), host: "nosuchhost.invalid" }))).message, /PXE_HOST_UNREACHABLE.*can't be resolved/);
    const island = await lab.netns("island");
    const program = `require(${JSON.stringify(require.resolve("../../provider/deploy/ssh"))})
      .connectSsh({ host: "10.77.9.9", port: 22, user: "root", credentials: [] }).catch((error) => console.log(error.message))`;
    const { stdout } = await island.exec(process.execPath, ["-e", program], { timeoutMs: 20_000 });
    assert.match(stdout, /PXE_HOST_UNREACHABLE: 10\.77\.9\.9:22 can't be reached: no route \(ENETUNREACH\)/);
  });

  test("sudo refused, and a user who needs it without it", async () => {
    const refusedSudo = await refused(request({ user: "nosudo", password: machine.passwords.nosudo, sudo: true }));
    assert.equal(refusedSudo.code, "PXE_SUDO_REFUSED");
    assert.match(refusedSudo.message, /sudo: /);
    assert.match((await refused(request({ user: "deploy", ...byKey() }))).message, /PXE_SUDO_REFUSED.*target\.sudo is not set/);
  });

  test("ports taken by whom, an interface that isn't there, no sudo: all at once", async () => {
    await machine.writeFile("/run/squatter.pl", squatter);
    await machine.exec(["systemd-run", "--quiet", "--unit=squatter", "/usr/bin/perl", "/run/squatter.pl"]);
    try {
      const { stdout } = await machine.exec("until ss -Hltn 'sport = :80' | grep -q .; do sleep 0.05; done; systemctl show -p MainPID --value squatter", { timeoutMs: 10_000 });
      const pid = stdout.trim();
      const error = await refused(request(byKey(), { server: serverSpec.parse({ interfaces: ["prov0", "eth9"] }) }));
      assert.deepEqual(error.findings.map((item) => item.code).sort(), ["PXE_NO_INTERFACE", "PXE_PORT_TAKEN", "PXE_PORT_TAKEN", "PXE_PORT_TAKEN"]);
      assert.equal(error.findings.filter((item) => item.what.includes(`perl (pid ${pid}`)).length, 3);
      assert.match(error.message, /no interface eth9; there are lo, mgmt0, prov0/);
      const plain = await refused(request({ user: "nosudo", password: machine.passwords.nosudo, sudo: true }));
      assert.deepEqual(plain.findings.map((item) => item.code).sort(), ["PXE_PORT_TAKEN", "PXE_PORT_TAKEN", "PXE_PORT_TAKEN", "PXE_SUDO_REFUSED"]);
    } finally {
      await machine.exec("systemctl stop squatter");
    }
  });

  test("full disk: told before anything is uploaded", async () => {
    await machine.mountSmall("/opt", 8000);
    try {
      const error = await refused(request(byKey()));
      assert.equal(error.code, "PXE_DISK_FULL");
      assert.match(error.message, /\/opt on .* has \d+ MiB free, \d+ MiB are needed/);
    } finally {
      await machine.unmountSmall("/opt");
    }
  });

  test("a target that can't be reached is no target without an agent", async () => {
    const gone: RemoteTarget = { host: machine.host, port: 1, privateKey: machine.privateKey, hostKey: machine.hostKeyFingerprint };
    await assert.rejects(observeAgent({ target: gone, controlKey }), { code: "PXE_HOST_UNREACHABLE" });
    await assert.rejects(removeAgent({ target: gone, owner: "demo/dev", controlKey, progress: () => undefined }), { code: "PXE_HOST_UNREACHABLE" });
    const reached: RemoteTarget = { host: machine.host, privateKey: machine.privateKey, hostKey: machine.hostKeyFingerprint };
    const { installed, running } = await observeAgent({ target: reached, controlKey });
    assert.deepEqual({ installed, running }, { installed: false, running: false });
    await removeAgent({ target: reached, owner: "demo/dev", controlKey, progress: () => undefined });
  });

  test("PXE_SSH_* go before the state in read and delete", async () => {
    const stale: RemoteTarget = { host: machine.host, port: 1, privateKey: generateControlKey(), hostKey: machine.hostKeyFingerprint };
    Object.assign(process.env, { PXE_SSH_PORT: "22", PXE_SSH_PRIVATE_KEY_PATH: machine.privateKeyPath });
    try {
      await removeAgent({ target: stale, owner: "demo/dev", controlKey, progress: () => undefined });
    } finally {
      for (const name of ["PXE_SSH_PORT", "PXE_SSH_PRIVATE_KEY_PATH"]) Reflect.deleteProperty(process.env, name);
    }
  });
});
