import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import fc from "fast-check";
import { connectionOf, overriddenConnection, overriddenTarget, type SshConnectionAddress } from "../../provider/deploy/connection";
import { jumpSecret, rememberJumpSecrets } from "../../provider/deploy/jump-secrets";
import { publicKeyOf } from "../../provider/deploy/keys";
import { systemUser } from "../../provider/deploy/layout";
import { controlIdentity, deployIdentity } from "../../provider/deploy/route";
import type { SshIdentity } from "../../provider/deploy/ssh";
import { localUser } from "../../provider/deploy/ssh-match";
import { targetSchema, type RemoteTarget } from "../../provider/model/target";
import { connectionSchema } from "../../provider/resources/residence";

const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "pem", type: "sec1" }).toString();
const saved = { ...process.env };
let folder = "";
const warnings: string[] = [];
const warn = console.warn;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "pxe-route-"));
  mkdirSync(join(folder, ".ssh", "conf.d"), { recursive: true });
  writeFileSync(join(folder, "key"), key, { mode: 0o600 });
  console.warn = (line: string) => warnings.push(line);
});
after(() => {
  console.warn = warn;
  restore({});
  Object.assign(process.env, saved);
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  restore({ PATH: saved["PATH"], HOME: folder, PXE_SSH_CONFIG: join(folder, "config") });
  config("");
});

function restore(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(process.env)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, env);
}

function config(text: string): void {
  writeFileSync(join(folder, "config"), text);
}

const deploy = (target: Partial<RemoteTarget>): Promise<SshIdentity> => deployIdentity({ host: "rack1", privateKey: key, ...target });
const address = ({ host, port, user }: SshIdentity): string => `${user}@${host}:${String(port)}`;
function way(identity: SshIdentity): string {
  return `${identity.via === undefined ? "" : `${way(identity.via)} > `}${address(identity)}`;
}

test("without a configuration: root, port 22, directly", async () => {
  assert.equal(way(await deploy({})), "root@rack1:22");
  process.env["PXE_SSH_CONFIG"] = "none";
  assert.equal(way(await deploy({})), "root@rack1:22");
});

test("an alias: address, port, user, key, bastion, known_hosts; the first value found holds", async () => {
  config(`Host rack1 other
  HostName 10.0.0.1
  Port 2222
  User admin
  IdentityFile ${join(folder, "%n.key")}
  IdentityFile ~/key
  ProxyJump ops@jump:2200
  HostKeyAlias rack
  UserKnownHostsFile ~/%k.known none
Host jump
  IdentityFile ~/key
Host *
  Port 3333
  User nobody
  ForwardAgent yes
`);
  const identity = await deployIdentity({ host: "rack1" });
  assert.equal(way(identity), "ops@jump:2200 > admin@10.0.0.1:2222");
  assert.deepEqual(identity.credentials.map(({ called }) => called.split(" ")[0]), [join(folder, "key")]);
  assert.deepEqual([identity.knownAs, identity.knownHostsFiles], ["rack", [join(folder, "rack.known")]]);
  assert.deepEqual(identity.writtenAs, { host: "rack1", port: 22 });
  assert.equal(way(await deploy({ host: "elsewhere" })), "nobody@elsewhere:3333");
});

test("properties of the target win over the file, one by one", async () => {
  const port = fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined });
  const name = fc.option(fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/), { nil: undefined });
  const side = fc.record({ port, user: name, jump: name });
  await fc.assert(
    fc.asyncProperty(side, side, async (given, file) => {
      const lines = [file.port === undefined ? "" : `Port ${file.port}`, file.user === undefined ? "" : `User ${file.user}`, file.jump === undefined ? "" : `ProxyJump ${file.jump}`];
      config(`Host rack1\n  HostName far\n  ${lines.join("\n  ")}\n`);
      const target = targetSchema.parse({
        host: "rack1",
        ...(given.port === undefined ? {} : { port: given.port }),
        ...(given.user === undefined ? {} : { user: given.user }),
        ...(given.jump === undefined ? {} : { proxyJump: { host: given.jump, privateKey: key } }),
        privateKey: key,
      }) as RemoteTarget;
      process.env["SSH_AUTH_SOCK"] = "/agent";
      const identity = await deployIdentity(target);
      const expectedPort = given.port ?? file.port ?? 22;
      assert.equal(address(identity), `${given.user ?? file.user ?? "root"}@far:${expectedPort}`);
      assert.equal(identity.via?.host, given.jump ?? file.jump);
      rememberJumpSecrets(target);
      const control = await controlIdentity(connectionOf(target) as SshConnectionAddress, key);
      // The way there is the same, who goes it is not.
      assert.equal(address(control), `${systemUser}@far:${expectedPort}`);
      assert.equal(control.via === undefined ? undefined : address(control.via), identity.via === undefined ? undefined : address(identity.via));
      assert.deepEqual(control.credentials.map(({ kind }) => kind), ["key"]);
    }),
  );
});

test("proxyJump none goes directly, whatever the file says", async () => {
  config("Host *\n  ProxyJump jump\n");
  const target = targetSchema.parse({ host: "rack1", proxyJump: "none", privateKey: key }) as RemoteTarget;
  assert.equal(way(await deployIdentity(target)), "root@rack1:22");
  assert.equal(way(await controlIdentity(connectionOf(target) as SshConnectionAddress, key)), `${systemUser}@rack1:22`);
});

test("several hops, aliases among them, and a bastion's own bastion; a bastion is not sent through itself", async () => {
  process.env["SSH_AUTH_SOCK"] = "/agent";
  config(`Host b1\n  HostName 10.9.0.1\n  User one\nHost gate\n  ProxyJump b1\nHost rack1 gate\n  ProxyJump gate\n`);
  assert.equal(way(await deploy({ proxyJump: [{ host: "b1" }, { host: "10.9.0.2", user: "two", port: 2 }] })), "one@10.9.0.1:22 > two@10.9.0.2:2 > root@rack1:22");
  assert.equal(way(await deploy({})), `one@10.9.0.1:22 > ${localUser()}@gate:22 > root@rack1:22`);
});

test("Include, relative and with a pattern; Match by what can be judged; the rest is passed over with one note", async () => {
  writeFileSync(join(folder, ".ssh", "conf.d", "10.conf"), "Host rack1\n  Port 2201\n");
  writeFileSync(join(folder, ".ssh", "conf.d", "20.conf"), "Host *\n  Port 2202\nMatch host rack* user root\n  HostName %h.example\n");
  config(`Include conf.d/*.conf absent.conf
Match originalhost rack1 exec "touch ${join(folder, "ran")}"
  ProxyJump never
Match host nowhere exec "true"
  ProxyJump never
Match exec "true"
  Compression yes
Match !user root
  ProxyJump never
Match final host rack1.example
  HostKeyAlias late
`);
  warnings.length = 0;
  const identity = await deploy({});
  assert.equal(way(identity), "root@rack1.example:2201");
  assert.equal(identity.knownAs, "late");
  assert.equal(way(await deploy({ host: "rack2" })), "root@rack2.example:2202");
  await deploy({});
  assert.equal(warnings.length, 1, warnings.join("\n"));
  assert.match(warnings[0] ?? "", /passed over "Match originalhost rack1 exec .*exec is not judged here/);
});

test("IdentitiesOnly keeps the agent to the named keys, of which only the public half need be a file", async () => {
  process.env["SSH_AUTH_SOCK"] = "/agent";
  const line = publicKeyOf(key);
  writeFileSync(join(folder, "held.pub"), `${line} me\n`);
  config(`Host rack1\n  IdentityFile ~/held\n  IdentitiesOnly yes\n`);
  const { credentials } = await deployIdentity({ host: "rack1" });
  assert.deepEqual(credentials, [{ kind: "agent", socket: "/agent", only: [line.split(" ")[1]], called: "the SSH agent at /agent" }]);
});

test("a file that is broken, missing though named, or says nonsense is told, with its name", async () => {
  config('Host "rack1\n  Port 1\n');
  await assert.rejects(deploy({}), /PXE_INPUT_INVALID: the SSH configuration .*config can't be read.*PXE_SSH_CONFIG/);
  config("Host rack1\n  Port many\n");
  await assert.rejects(deploy({}), /PXE_INPUT_INVALID: .*rack1 the port "many"/);
  config("Host rack1\n  ProxyJump a b:c:d\n");
  await assert.rejects(deploy({}), /PXE_INPUT_INVALID: .*ProxyJump "a b:c:d"/);
  process.env["PXE_SSH_CONFIG"] = join(folder, "absent");
  await assert.rejects(deploy({}), { code: "PXE_INPUT_INVALID" });
});

test("a configuration that leads on without end, or to itself, is refused; many wildcards take no time", async () => {
  process.env["SSH_AUTH_SOCK"] = "/agent";
  config("Host *\n  ProxyJump j-%h\n");
  await assert.rejects(deploy({}), /PXE_INPUT_INVALID: the SSH configuration leads to rack1 through more than 16 bastions: j-rack1, j-j-rack1,/);
  config(`Include ${join(folder, "config")}\nHost rack1\n  Port 3\n`);
  await assert.rejects(deploy({}), /PXE_INPUT_INVALID: .*Include is nested more than 16 deep/);
  config(`Host ${"*a".repeat(20)}b\n  Port 3\nHost *a*a?${"*a".repeat(20)}*\n  Port 4\nconstructor x\n`);
  assert.equal(address(await deploy({ host: "a".repeat(200) })), `root@${"a".repeat(200)}:4`);
});

test("environment variables in paths; an address with a zone is no token", async () => {
  config("Host *\n  IdentityAgent $OWN_AGENT\n  UserKnownHostsFile ${OWN_HOSTS}/k ${UNSET}/k\n");
  Object.assign(process.env, { OWN_AGENT: "/own/agent", OWN_HOSTS: "/own" });
  const { host, credentials, knownHostsFiles } = await deployIdentity({ host: "fe80::1%h0" });
  assert.deepEqual([host, credentials.map((item) => item.called), knownHostsFiles], ["fe80::1%h0", ["the SSH agent at /own/agent"], ["/own/k", "${UNSET}/k"]]);
});

test("what is wrong with a bastion is told by its own property", () => {
  const paths = (proxyJump: unknown): string[] => (targetSchema.safeParse({ host: "rack1", proxyJump }).error?.issues ?? []).map((issue) => issue.path.join("."));
  assert.deepEqual(paths({ host: "jump", port: 0 }), ["proxyJump.port"]);
  assert.deepEqual(paths(["jump", { host: "jump", hostKey: "trust-first" }]), ["proxyJump.1.hostKey"]);
  assert.deepEqual(paths("a b"), ["proxyJump"]);
  assert.deepEqual(paths(7), ["proxyJump"]);
  const hosts = (proxyJump: unknown): unknown => (targetSchema.parse({ host: "rack1", proxyJump }) as RemoteTarget).proxyJump;
  assert.deepEqual(hosts("me@a:2,ssh://b,[fe80::1]:3"), [{ user: "me", host: "a", port: 2 }, { host: "b" }, { host: "fe80::1", port: 3 }]);
});

test("children's connections hold no secret of a bastion, and those of older states stay as they are", () => {
  const target: RemoteTarget = { host: "rack1", proxyJump: [{ host: "jump", user: "me", privateKey: key, password: "hunter2" }, { host: "b", privateKeyPath: "~/k", agent: true }] };
  const connection = connectionOf(target);
  assert.deepEqual(connection, { kind: "ssh", host: "rack1", port: 22, proxyJump: [{ host: "jump", user: "me", withheld: true }, { host: "b", privateKeyPath: "~/k", agent: true }] });
  assert.deepEqual(connectionSchema.parse(connection), connection);
  assert.deepEqual(connectionOf({ host: "rack1", port: 2222 }), { kind: "ssh", host: "rack1", port: 2222 });
  assert.ok(connectionSchema.safeParse({ kind: "ssh", host: "rack1", port: 22, hostKey: "trust-first" }).success);
});

test("the environment goes before the state: bastions, their credentials", () => {
  const target: RemoteTarget = { host: "rack1", proxyJump: [{ host: "jump", privateKey: key, hostKey: `SHA256:${"A".repeat(43)}` }] };
  const env = { PXE_SSH_PROXY_JUMP: "me@other:2022", PXE_SSH_PROXY_JUMP_KEY_PATH: "/k" };
  assert.deepEqual((overriddenTarget(target, env) as RemoteTarget).proxyJump, [{ user: "me", host: "other", port: 2022, privateKeyPath: "/k" }]);
  assert.deepEqual((overriddenTarget(target, { PXE_SSH_PROXY_JUMP_PASSWORD: "p" }) as RemoteTarget).proxyJump, [{ host: "jump", hostKey: `SHA256:${"A".repeat(43)}`, password: "p" }]);
  assert.deepEqual((overriddenTarget(target, { PXE_SSH_PROXY_JUMP: "none" }) as RemoteTarget).proxyJump, []);
  assert.deepEqual(overriddenTarget(target, {}), target);
  assert.deepEqual((overriddenConnection(connectionOf(target), env) as SshConnectionAddress).proxyJump, [{ user: "me", host: "other", port: 2022 }]);
  assert.throws(() => overriddenTarget(target, { PXE_SSH_PROXY_JUMP: "a b" }), { code: "PXE_INPUT_INVALID" });
  const empty = Object.fromEntries(["HOST", "PORT", "USER", "PRIVATE_KEY_PATH", "PASSWORD", "HOST_KEY", "PROXY_JUMP"].map((name) => [`PXE_SSH_${name}`, ""]));
  assert.deepEqual(overriddenTarget(target, empty), target);
  assert.deepEqual(overriddenConnection(connectionOf(target), empty), connectionOf(target));
  for (const port of ["ssh", "0", "65536", "1e3"]) {
    assert.throws(() => overriddenTarget(target, { PXE_SSH_PORT: port }), { code: "PXE_INPUT_INVALID" });
    assert.throws(() => overriddenConnection(connectionOf(target), { PXE_SSH_PORT: port }), { code: "PXE_INPUT_INVALID" });
  }
});

test("a bastion's key comes from its server, which may be looked at later; else from the environment; else it is said what to set", async () => {
  const target: RemoteTarget = { host: "late", proxyJump: [{ host: "jump", privateKey: key }] };
  const connection = connectionOf(target) as SshConnectionAddress;
  const early = controlIdentity(connection, key);
  setImmediate(() => { rememberJumpSecrets(target); });
  assert.deepEqual((await early).via?.credentials, (await deployIdentity({ ...target, privateKey: key })).via?.credentials);

  const alone = { ...connection, host: "alone" };
  process.env["PXE_SSH_PROXY_JUMP_KEY_PATH"] = join(folder, "key");
  const started = Date.now();
  assert.equal((await controlIdentity(alone, key)).via?.credentials.length, 1);
  assert.ok(Date.now() - started < 1000);
  delete process.env["PXE_SSH_PROXY_JUMP_KEY_PATH"];
  assert.equal(await jumpSecret({ target: "alone", index: 0, host: "jump" }, 10), undefined);
  await assert.rejects(controlIdentity(alone, key), /PXE_AUTH_FAILED: there is no credential for the bastion jump.*PXE_SSH_PROXY_JUMP_KEY_PATH/);
});
