import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { pxeError } from "../../provider/errors";
import { adapt, type DynamicProvider } from "../../provider/resources/adapter";
import type { Plain } from "../../provider/resources/definition";
import { unknownValue } from "../../provider/resources/unknown";
import { resources } from "../../provider/resources/wiring";
import { FakeDeploy } from "../support/fake-deploy";

let folder: string;
let deploy: FakeDeploy;
let provider: Record<"server" | "subnet" | "profile" | "host", DynamicProvider>;

const own = (self: string): Plain => ({ owner: "lab/dev", self, controlKey: "the key", connection: { kind: "local" }, __provider: "text" });
const child = (self: string): Plain => ({ ...own(self), server: "PxeServer::rack1" });
const serverInputs = (): Plain => ({ owner: "lab/dev", self: "PxeServer::rack1", controlKey: "", target: "local", interfaces: ["lo"], __provider: "text" });
const subnetInputs = (more: Plain = {}): Plain => ({ ...child("DhcpSubnet::net"), cidr: "10.77.0.0/24", dnsServers: ["10.77.0.254"], leaseTime: "1h", ...more });
const profileInputs = (more: Plain = {}): Plain => ({
  ...child("BootProfile::debian"), distro: { family: "debian", release: "12" }, kernel: { path: join(folder, "linux") }, initrd: [{ path: join(folder, "initrd.gz") }],
  loader: { bios: { program: { path: join(folder, "lpxelinux.0") }, modules: [{ path: join(folder, "ldlinux.c32") }] } },
  answer: { format: "preseed", template: "d-i netcfg/get_hostname string <%= host.hostname %>\n", vars: {} }, ...more,
});
const hostInputs = (name = "db1", more: Plain = {}): Plain => ({
  ...child(`KickstartHost::${name}`), subnet: "net", profile: "debian", macs: ["52:54:00:12:34:56"], ip: "10.77.0.11", rendered: {}, ...more,
});

async function accepted(kind: keyof typeof provider, inputs: Plain, olds: Plain = {}): Promise<Plain> {
  const result = await provider[kind].check(olds, inputs);
  assert.deepEqual(result.failures, []);
  return result.inputs;
}

async function refused(kind: keyof typeof provider, inputs: Plain): Promise<string[]> {
  const result = await provider[kind].check({}, inputs);
  return result.failures.map((failure) => failure.reason);
}

async function created(kind: keyof typeof provider, inputs: Plain): Promise<Plain> {
  return (await provider[kind].create({ ...(await accepted(kind, inputs)), __provider: "text" })).outs;
}

/** A new process on the same agent. */
function restart(): void {
  const definitions = resources(deploy);
  provider = { server: adapt(definitions.server), subnet: adapt(definitions.subnet), profile: adapt(definitions.profile), host: adapt(definitions.host) };
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), "pxe-resources-"));
  for (const name of ["linux", "initrd.gz", "lpxelinux.0", "ldlinux.c32"]) writeFileSync(join(folder, name), `the ${name}`);
});
after(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  deploy = new FakeDeploy();
  restart();
});

describe("check", () => {
  test("tells everything that is wrong at once, by path, and no value of a secret", async () => {
    const failures = await refused("server", {
      ...serverInputs(), target: { host: "10.77.0.1", port: 70000, privateKey: "hunter2" }, interfaces: ["averyverylongname"], httpPort: 0, nonsense: 1,
    });
    for (const path of ["target.port", "target.privateKey", "interfaces[0]", "httpPort", "nonsense"]) {
      assert.ok(failures.some((failure) => failure.includes(path)), `${path} in ${failures.join("\n")}`);
    }
    assert.equal(failures.length, 5);
    assert.ok(!failures.join().includes("hunter2"));
  });

  test("makes the control key once and keeps it", async () => {
    const first = await accepted("server", serverInputs());
    assert.equal(first["controlKey"], "a new control key");
    const second = await accepted("server", serverInputs(), { ...first, controlKey: "the old key" });
    assert.equal(second["controlKey"], "the old key");
  });

  test("renders what a host will be served", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs());
    const host = await accepted("host", hostInputs());
    const rendered = host["rendered"] as Record<string, string>;
    assert.equal(rendered["preseed.cfg"], "d-i netcfg/get_hostname string db1\n");
    assert.match(rendered["bios/pxelinux.cfg"] ?? "", /url=http:\/\/‹server›\/answer\/‹token›\/preseed.cfg/);
  });

  test("names both hosts that share a MAC and an address", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs());
    await accepted("host", hostInputs("db1"));
    const failures = await refused("host", hostInputs("db2"));
    assert.equal(failures.length, 2);
    for (const failure of failures) assert.match(failure, /PXE_DUPLICATE.*host\/db1.*host\/db2|PXE_DUPLICATE.*host\/db2.*host\/db1/);
  });

  test("lets hosts of two servers have the same address", async () => {
    for (const server of ["PxeServer::rack1", "PxeServer::rack2"]) {
      await accepted("subnet", subnetInputs({ server }));
      await accepted("profile", profileInputs({ server }));
      await accepted("host", hostInputs("db1", { server }));
    }
  });

  test("refuses an address outside the subnet, naming both", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs());
    const [failure] = await refused("host", hostInputs("db1", { ip: "10.78.0.11" }));
    assert.match(failure ?? "", /PXE_OUTSIDE_SUBNET: 10\.78\.0\.11 is not in 10\.77\.0\.0\/24 \(host\/db1 ip; subnet\/net cidr\)/);
  });

  test("says which template failed, and at which line", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs({ answer: { format: "preseed", template: "one\ntwo\n<%= nothing.here %>\n", vars: {} } }));
    const [failure] = await refused("host", hostInputs());
    assert.match(failure ?? "", /PXE_TEMPLATE_FAILED: debian\.answer\.template, line 3.*nothing is not defined/);
  });

  test("skips what a preview can't know yet", async () => {
    await accepted("server", { ...serverInputs(), target: { host: unknownValue, privateKey: unknownValue } });
    await accepted("subnet", subnetInputs({ dnsServers: [unknownValue], connection: unknownValue }));
    await accepted("profile", profileInputs({ answer: { format: "preseed", template: "<%= vars.site %>\n", vars: { site: unknownValue } } }));
    const host = await accepted("host", hostInputs("db1", { ip: unknownValue, hostname: unknownValue, secrets: { root: unknownValue } }));
    assert.equal((host["rendered"] as Record<string, string>)["preseed.cfg"], "‹known after apply›\n");
  });

  test("plans nothing where the profile itself is unknown", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs({ kernel: { url: unknownValue } }));
    assert.equal((await accepted("host", hostInputs()))["rendered"], unknownValue);
  });

  test("keeps the last plan where the profile is left out of the run", async () => {
    const old = { rendered: { "preseed.cfg": "as it was" } };
    assert.deepEqual((await accepted("host", hostInputs(), old))["rendered"], old.rendered);
    assert.deepEqual((await accepted("host", hostInputs()))["rendered"], { plan: "‹not planned: subnet net not in this run›" });
  });

  test("says which file is missing", async () => {
    const failures = await refused("profile", profileInputs({ kernel: { path: join(folder, "absent") }, initrd: [{ path: "/a", url: "http://b" }] }));
    assert.match(failures.join("\n"), /initrd\[0\] needs either a path or a url/);
    const [missing] = await refused("profile", profileInputs({ kernel: { path: join(folder, "absent") } }));
    assert.match(missing ?? "", /PXE_ASSET_MISSING.*absent can't be read.*profile\/debian kernel\.path/);
  });

  test("names the packages that hold the loader where there is none", async () => {
    process.env["PXE_SYSLINUX_DIR"] = join(folder, "no-such-folder");
    try {
      const { loader: _loader, ...inputs } = profileInputs();
      const [failure] = await refused("profile", inputs);
      assert.match(failure ?? "", /PXE_LOADER_MISSING.*pxelinux and syslinux-common \(Debian, Ubuntu\) or syslinux-tftpboot/);
    } finally {
      delete process.env["PXE_SYSLINUX_DIR"];
    }
  });

  test("takes durations and refuses what is none", async () => {
    await accepted("subnet", subnetInputs({ leaseTime: 7200 }));
    assert.match((await refused("subnet", subnetInputs({ leaseTime: "soon" }))).join(), /leaseTime is neither seconds nor a duration/);
    assert.match((await refused("subnet", subnetInputs({ leaseTime: "5s" }))).join(), /leaseTime is shorter than 120 seconds/);
  });
});

describe("create, update, read and delete", () => {
  async function declareAll(): Promise<{ server: Plain; subnet: Plain; profile: Plain; host: Plain }> {
    const server = await created("server", serverInputs());
    const subnet = await created("subnet", subnetInputs());
    const profile = await created("profile", profileInputs());
    const host = await created("host", hostInputs());
    return { server, subnet, profile, host };
  }

  test("put the documents and the files on the agent, and arm on creation only", async () => {
    const { host } = await declareAll();
    assert.deepEqual(deploy.documents.map((doc) => `${doc.kind}/${doc.name}`), ["server/rack1", "subnet/net", "profile/debian", "host/db1"]);
    assert.equal(deploy.assets.size, 4);
    assert.equal(host["state"], "armed");
    assert.deepEqual(deploy.armings(), ["create db1"]);
    const inputs = await accepted("host", hostInputs("db1", { macs: ["52:54:00:12:34:99"] }));
    await provider.host.update("host/db1", host, inputs);
    assert.deepEqual(deploy.armings(), ["create db1"]);
  });

  test("arm for a reinstall only when its text is new", async () => {
    const { host } = await declareAll();
    const inputs = await accepted("host", hostInputs("db1", { reinstall: "2" }));
    const { outs } = await provider.host.update("host/db1", host, inputs);
    await provider.host.update("host/db1", outs, inputs);
    await provider.host.update("host/db1", { ...outs, reinstall: "3", consumed: ["1", "2"] }, inputs);
    assert.deepEqual(deploy.armings(), ["create db1", "reinstall db1"]);
  });

  test("never arm with install: never", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs());
    await created("host", hostInputs("db1", { install: "never" }));
    assert.deepEqual(deploy.armings(), []);
  });

  test("tell an agent what is remembered of an installed host", async () => {
    const { host } = await declareAll();
    await provider.host.update("host/db1", { ...host, state: "installed", installedAt: 5, consumed: ["1"] }, await accepted("host", hostInputs()));
    assert.deepEqual(deploy.batches.at(-1)?.facts, [{ host: "db1", state: "installed", installedAt: 5, consumed: ["1"] }]);
    await provider.host.update("host/db1", { ...host, state: "armed" }, await accepted("host", hostInputs()));
    assert.deepEqual(deploy.batches.at(-1)?.facts, []);
  });

  test("take the old name away in the batch that brings the new one", async () => {
    const { host } = await declareAll();
    restart();
    const { outs } = await provider.host.update("host/db1", host, { ...(await accepted("host", hostInputs("db9"))), rendered: { "preseed.cfg": "" } });
    assert.deepEqual(deploy.batches.at(-1)?.delete, [{ kind: "host", name: "db1", rev: host["rev"] }]);
    assert.equal(outs["name"], "db9");
    assert.deepEqual(deploy.armings(), ["create db1"]);
  });

  test("return plain JSON", async () => {
    for (const outs of Object.values(await declareAll())) assert.deepEqual(outs, JSON.parse(JSON.stringify(outs)));
  });

  test("read says unchanged, and what has drifted, but never that something is gone", async () => {
    const { host } = await declareAll();
    restart();
    assert.deepEqual((await provider.host.read("host/db1", host)).props, host);
    deploy.documents = [];
    restart();
    const { id, props } = await provider.host.read("host/db1", host);
    assert.equal(id, "host/db1");
    assert.equal(props["drift"], "it is missing on the agent");
    assert.deepEqual(await provider.host.diff(id, props, {}), { changes: true, replaces: [] });
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs());
    const { outs } = await provider.host.update(id, props, await accepted("host", hostInputs()));
    assert.equal(outs["drift"], undefined);
    assert.deepEqual(deploy.armings(), ["create db1"]);
  });

  test("read says drift where the agent is gone, and fails where the target is out of reach", async () => {
    const { subnet } = await declareAll();
    restart();
    deploy.failure = pxeError("PXE_AGENT_UNREACHABLE", "nothing answers");
    assert.equal((await provider.subnet.read("subnet/net", subnet)).props["drift"], "the agent doesn't answer");
    restart();
    deploy.failure = pxeError("PXE_HOST_UNREACHABLE", "no route");
    await assert.rejects(provider.subnet.read("subnet/net", subnet), /PXE_HOST_UNREACHABLE: no route/);
  });

  test("delete takes away what was left, and not what took its name", async () => {
    const { host } = await declareAll();
    await provider.host.update("host/db1", host, await accepted("host", hostInputs()));
    await provider.host.delete("host/db1", host);
    assert.ok(deploy.documents.some((doc) => doc.kind === "host"));
    await provider.host.delete("host/db1", { ...host, rev: deploy.revision - 1 });
    assert.ok(!deploy.documents.some((doc) => doc.kind === "host"));
    await provider.host.delete("host/db1", host);
  });

  test("only another address is another server", async () => {
    const ssh = (host: string): Plain => ({ connection: { kind: "ssh", host, port: 22 } });
    assert.deepEqual(await provider.server.diff("x", ssh("10.77.0.1"), { connection: { kind: "ssh", host: "10.77.0.1", port: 2222 } }), { replaces: [] });
    assert.deepEqual(await provider.server.diff("x", ssh("10.77.0.1"), ssh("10.77.0.2")), { replaces: ["target"] });
  });

  test("a server whose documents were refused is kept in the state, so that it can be removed", async () => {
    deploy.failure = pxeError("PXE_AGENT_REFUSED", "no");
    const inputs = await accepted("server", serverInputs());
    const error: unknown = await provider.server.create({ ...inputs, __provider: "text" }).catch((thrown: unknown) => thrown);
    const { id, properties, reasons } = error as { id: string; properties: Plain; reasons: string[] };
    assert.equal(id, "server/rack1");
    assert.equal(properties["__provider"], "text");
    assert.equal(properties["target"], "local");
    assert.match(reasons.join(), /PXE_AGENT_REFUSED/);
  });

  test("creations at one time travel in one batch, over one connection, and one bad host spoils only itself", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs());
    const good = await Promise.all([1, 2, 3, 4, 5].map((n) => accepted("host", hostInputs(`h${String(n)}`, { macs: [`52:54:00:00:00:0${String(n)}`], ip: `10.77.0.2${String(n)}` }))));
    const [first] = good;
    assert.ok(first !== undefined);
    const clash = { ...first, self: "KickstartHost::clash", macs: ["52:54:00:00:00:01"], ip: "10.77.0.99" };
    const results = await Promise.allSettled([...good, clash].map((inputs) => provider.host.create(inputs)));
    assert.deepEqual(results.map((item) => item.status), ["rejected", "fulfilled", "fulfilled", "fulfilled", "fulfilled", "rejected"]);
    assert.deepEqual(deploy.batches.map((batch) => batch.put?.length), [6, 4]);
    assert.equal(deploy.clients, 1);
  });
});
