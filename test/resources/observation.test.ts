import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import type { Plain } from "../../provider/resources/definition";
import { overlaid } from "../../provider/resources/observation";
import { FakeDeploy } from "../support/fake-deploy";
import { declareStack, hostInputs, InstallerFiles, Operation, serverInputs, subnetInputs, updateStack, type Stack } from "../support/operation";

let files: InstallerFiles;
let deploy: FakeDeploy;
let stack: Stack;

before(() => {
  files = new InstallerFiles();
});
after(() => {
  files.remove();
});
beforeEach(async () => {
  deploy = new FakeDeploy();
  stack = await declareStack(deploy, files);
});

interface Read {
  readonly props: Plain;
  readonly inputs?: Plain;
}

/** A refresh in a process of its own. */
const read = (kind: keyof Stack, outputs: Plain = stack[kind]): Promise<Read> => new Operation(deploy).provider[kind].read("id", outputs);

function edit(kind: string, change: (spec: Plain) => Plain): void {
  deploy.documents = deploy.documents.map((doc) => (doc.kind === kind ? ({ ...doc, rev: doc.rev + 100, spec: change(doc.spec as unknown as Plain) } as never) : doc));
}

const declared = (inputs: Plain): Plain => {
  const { __provider: _text, controlKey: _key, link: _link, ...rest } = inputs;
  return rest;
};
const observed = ({ inputs }: Read): Plain => {
  assert.ok(inputs !== undefined, "no inputs came back");
  return declared(inputs);
};

describe("inputs as observed", () => {
  test("come back only where something has drifted", async () => {
    for (const kind of ["server", "subnet", "profile", "host"] as const) assert.equal((await read(kind)).inputs, undefined, kind);
  });

  test("of a subnet differ from the program's in what was changed, and keep its own words for the rest", async () => {
    edit("subnet", (spec) => ({ ...spec, routers: ["10.77.0.253"] }));
    const seen = await read("subnet");
    assert.equal(seen.props["drift"], "it was changed on the agent: routers");
    const { connection: _connection, ...inputs } = declared(subnetInputs());
    assert.deepEqual(observed(seen), { ...inputs, routers: ["10.77.0.253"] });
  });

  test("of a document that was changed and changed back say nothing", async () => {
    edit("subnet", (spec) => spec);
    const seen = await read("subnet");
    assert.equal(seen.props["drift"], undefined);
    assert.equal(seen.inputs, undefined);
    await new Operation(deploy).provider.subnet.delete("id", seen.props);
    assert.ok(!deploy.held().includes("subnet/net"), "a delete takes what was seen last");
  });

  test("of a profile show other files by what a check computes, and none that only an older state lacks", async () => {
    const other = { name: "linux", sha256: "c".repeat(64), size: 3 };
    deploy.assets.set(other.sha256, Buffer.from("new"));
    edit("profile", (spec) => ({ ...spec, kernel: other }));
    const checked = await new Operation(deploy).accepted("profile", files.profile());
    const seen = observed(await read("profile"));
    assert.deepEqual(seen, declared({ ...checked, files: { ...(checked["files"] as Plain), kernel: other } }));
    const { answer: _answer, kernel: _kernel, initrd: _initrd, loader: _loader, ...old } = stack.profile;
    assert.equal((await read("profile", { ...old, schemaVersion: 1 })).inputs, undefined);
  });

  test("of a profile say which file its agent lacks, and the next update sends just that", async () => {
    const [sum] = [...deploy.assets].find(([, bytes]) => bytes.toString() === "the linux") ?? [];
    assert.ok(sum !== undefined);
    deploy.assets.delete(sum);
    const seen = await read("profile");
    assert.equal(seen.props["drift"], "the file linux is missing on the agent");
    assert.equal(observed(seen)["drift"], "the file linux is missing on the agent");
    const { drift: _drift, ...rest } = observed(seen);
    assert.deepEqual(rest, declared(await new Operation(deploy).accepted("profile", files.profile())));
    stack = await updateStack(deploy, files, { ...stack, profile: seen.props });
    assert.ok(deploy.assets.has(sum));
    assert.equal(stack.profile["drift"], undefined);
  });

  test("of a host are the machine's document, and no order", async () => {
    edit("host", (spec) => ({ ...spec, ip: "10.77.0.99", install: "never" }));
    const seen = observed(await read("host", { ...stack.host, reinstall: "v2", consumed: ["v1", "v2"] }));
    const { rendered, ...rest } = seen;
    assert.deepEqual(rest, {
      owner: "lab/dev", self: "KickstartHost::db1", server: "PxeServer::rack1", subnet: "net", profile: "debian",
      macs: ["52:54:00:12:34:56"], hostname: "db1", ip: "10.77.0.99", install: "never", reinstall: "v2", generations: ["v1", "v2"],
    });
    assert.match((rendered as Record<string, string>)["dhcp"] ?? "", /10\.77\.0\.99/);
    const digests = observed(await read("host", { ...stack.host, renderedDetail: "digest" }));
    for (const text of Object.values(digests["rendered"] as object)) assert.match(String(text), /^sha256:[0-9a-f]{16} \d+ bytes$/);
  });

  test("of documents that an older agent tells show nothing of the properties that came later", async () => {
    const old: Readonly<Record<string, readonly string[]>> = {
      server: ["interfaces", "dhcpPort", "tftpPort", "httpPort", "authoritative"], subnet: ["cidr", "pools", "routers", "dnsServers", "domainName", "leaseTime"],
      host: ["macs", "uuid", "ip", "hostname", "subnet", "profile", "install", "rendered", "secrets"],
    };
    const shortened = (kind: string, spec: Plain): Plain => Object.fromEntries(Object.entries(spec).filter(([name]) => old[kind]?.includes(name) ?? true));
    for (const kind of ["server", "subnet", "host"]) edit(kind, (spec) => shortened(kind, spec));
    for (const kind of ["server", "subnet"] as const) assert.deepEqual([(await read(kind)).props["drift"], (await read(kind)).inputs], [undefined, undefined], kind);
    const { rendered, ...host } = observed(await read("host"));
    const { connection: _connection, rendered: _rendered, ...asked } = declared(hostInputs());
    assert.deepEqual(host, { ...asked, hostname: "db1" });
    assert.match((rendered as Record<string, string>)["dhcp"] ?? "", /^address 10\.77\.0\.11/);
  });

  test("of nested properties keep the program's own words too, where only a part was changed", async () => {
    const pools = [{ from: "10.77.0.100", to: "10.77.0.109" }, { from: "10.77.0.120", to: "10.77.0.129" }];
    const classes = [{ name: "phones", match: { vendorClass: "phone" } }];
    const run = new Operation(deploy);
    const subnet = await run.updated("subnet", subnetInputs({ pools, classes, limits: { poolAlert: 80 } }), stack.subnet);
    edit("subnet", (spec) => ({
      ...spec, pools: (spec["pools"] as Plain[]).map((pool, index) => (index === 0 ? pool : { ...pool, to: "10.77.0.128" })), classes: [],
    }));
    const seen = await read("subnet", subnet);
    assert.equal(seen.props["drift"], "it was changed on the agent: classes, pools");
    const { connection: _connection, ...inputs } = declared(subnetInputs());
    assert.deepEqual(observed(seen), { ...inputs, limits: { poolAlert: 80 }, classes: [], pools: [pools[0], { from: "10.77.0.120", to: "10.77.0.128" }] });
  });

  test("of what is missing are only who it is and which orders were used up; mending orders nothing", async () => {
    deploy.documents = [];
    deploy.facts = [];
    const host = await read("host", { ...stack.host, state: "installed", reinstall: "v1", consumed: ["v1"] });
    assert.deepEqual(observed(host), {
      owner: "lab/dev", self: "KickstartHost::db1", server: "PxeServer::rack1",
      drift: "it is missing on the agent", reinstall: "v1", generations: ["v1"],
    });
    const [server, subnet, profile] = await Promise.all([read("server"), read("subnet"), read("profile")]);
    const armed = deploy.armings().length;
    const all = { server: server.props, subnet: subnet.props, profile: profile.props, host: host.props };
    stack = await updateStack(deploy, files, all, { host: { reinstall: "v1" } });
    assert.equal(deploy.armings().length, armed);
    assert.equal(stack.host["state"], "installed");
    for (const kind of ["server", "subnet", "profile", "host"] as const) assert.equal((await read(kind)).props["drift"], undefined);
  });
});

describe("a server as observed", () => {
  const arguments_ = (more: Plain = {}): Plain => {
    const { __provider: _text, controlKey: _key, ...rest } = serverInputs(more);
    return { ...rest, connection: { kind: "local" }, agent: { bundle: "b1", version: "0.1.0" } };
  };

  test("whose agent doesn't run says so, and no more: what it holds can't be told", async () => {
    deploy.running = false;
    const seen = await read("server");
    assert.equal(seen.props["drift"], "the agent doesn't run");
    assert.deepEqual(observed(seen), { ...arguments_(), drift: "the agent doesn't run" });
  });

  test("whose agent was upgraded by hand shows both versions and bundles", async () => {
    deploy.observedAgent = { bundle: "b2".repeat(32), version: "9.9.9" };
    const seen = await read("server");
    assert.equal(seen.props["drift"], `another agent runs on the target: version 9.9.9, bundle ${"b2".repeat(6)}, not version 0.1.0, bundle b1`);
    assert.deepEqual([seen.props["agentVersion"], seen.props["bundle"]], ["9.9.9", "b2".repeat(32)]);
    assert.deepEqual(observed(seen), { ...arguments_(), agent: deploy.observedAgent });
    const again = await read("server", seen.props);
    assert.equal(again.props["drift"], seen.props["drift"], "what was left is not forgotten");
    const { agent: _agent, ...old } = seen.props;
    assert.match(String((await read("server", { ...stack.server, ...old, bundle: "b1", agent: undefined })).props["drift"]), /another agent/);
  });

  test("whose files were changed on the target names them", async () => {
    deploy.edited = ["the unit /etc/x", "the control key of lab/dev"];
    const seen = await read("server");
    assert.equal(seen.props["drift"], "changed by hand on the target: the unit /etc/x, the control key of lab/dev");
    assert.equal(observed(seen)["drift"], seen.props["drift"]);
  });

  test("is asked for by its document and what becomes of the firewall, so that network settings changed by hand are seen", async () => {
    const gateway = await new Operation(deploy).updated("server", serverInputs({ gateway: { nat: true }, firewall: "manage" }), stack.server);
    await read("server", gateway);
    const asked = deploy.observations.at(-1);
    assert.deepEqual([asked?.server?.gateway, asked?.server?.interfaces, asked?.firewall], [{ nat: true }, gateway["interfaces"], "manage"]);
    const { interfaces: _interfaces, ...old } = stack.server;
    await read("server", { ...old, schemaVersion: 1 });
    assert.equal(deploy.observations.at(-1)?.server, undefined, "an older state doesn't tell");
  });

  test("whose document was changed shows that, and the target's own key stays a secret", async () => {
    edit("server", (spec) => ({ ...spec, interfaces: ["lo", "eth9"], httpPort: 8080 }));
    const seen = await read("server");
    assert.equal(seen.props["drift"], "it was changed on the agent: httpPort, interfaces");
    assert.deepEqual(observed(seen), arguments_({ interfaces: ["lo", "eth9"], httpPort: 8080 }));
    assert.deepEqual(seen.inputs?.["controlKey"], { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value: stack.server["controlKey"] });
  });

  test("of an older state says what has drifted, and leaves its inputs alone", async () => {
    deploy.running = false;
    const { agent: _agent, interfaces: _interfaces, ...old } = stack.server;
    const seen = await read("server", { ...old, schemaVersion: 1 });
    assert.equal(seen.props["drift"], "the agent doesn't run");
    assert.equal(seen.inputs, undefined);
  });
});

test("what means the same keeps the program's own words", () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.array(fc.string()));
  const plain = fc.dictionary(fc.constantFrom("a", "b", "c", "d"), value, { noNullPrototype: true });
  fc.assert(fc.property(plain, plain, (given, found) => {
    assert.deepEqual(overlaid(given, given, given), given);
    assert.deepEqual(overlaid(given, found, found), given, "given and found mean the same");
    assert.deepEqual(overlaid(given, given, found), found);
  }));
});
