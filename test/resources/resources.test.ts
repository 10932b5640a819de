import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { pxeError } from "../../provider/errors";
import type { Plain } from "../../provider/resources/definition";
import { unknownValue } from "../../provider/resources/unknown";
import { FakeDeploy } from "../support/fake-deploy";
import { hostInputs, InstallerFiles, Operation, serverInputs, subnetInputs, type Kind } from "../support/operation";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

let files: InstallerFiles;
let deploy: FakeDeploy;
let operation: Operation;
let provider: Operation["provider"];

const profileInputs = (more: Plain = {}): Plain => files.profile(more);
const accepted = (kind: Kind, inputs: Plain, olds: Plain = {}): Promise<Plain> => operation.accepted(kind, inputs, olds);
const created = (kind: Kind, inputs: Plain): Promise<Plain> => operation.created(kind, inputs);

/** A new process on the same agent. */
function restart(): void {
  operation = new Operation(deploy);
  provider = operation.provider;
}

/** What a host's check makes of its inputs in a process of its own. */
async function nextHost(more: Plain = {}, name = "db1"): Promise<Plain> {
  restart();
  await accepted("subnet", subnetInputs());
  await accepted("profile", profileInputs());
  return accepted("host", hostInputs(name, more));
}

before(() => {
  files = new InstallerFiles();
});
after(() => {
  files.remove();
});
beforeEach(() => {
  deploy = new FakeDeploy();
  restart();
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
    const inputs = await nextHost({ macs: ["52:54:00:12:34:99"] });
    await provider.host.update("host/db1", host, inputs);
    assert.deepEqual(deploy.armings(), ["create db1"]);
  });

  test("arm for a reinstall only when its text is new", async () => {
    const { host } = await declareAll();
    const inputs = await nextHost({ reinstall: "2" });
    const { outs } = await provider.host.update("host/db1", host, inputs);
    await provider.host.update("host/db1", outs, inputs);
    await provider.host.update("host/db1", { ...outs, reinstall: "3", consumed: ["1", "2"] }, inputs);
    assert.deepEqual(deploy.armings(), ["create db1", "reinstall db1"]);
  });

  test("never arm with install: never", async () => {
    await created("subnet", subnetInputs());
    await created("profile", profileInputs());
    const host = await created("host", hostInputs("db1", { install: "never" }));
    assert.equal(host["state"], "adopted");
  });

  test("tell an agent what is remembered of a host, and keep what was ever consumed", async () => {
    const { host } = await declareAll();
    const { outs } = await provider.host.update("host/db1", { ...host, state: "installed", installedAt: 5, consumed: ["1"] }, await nextHost());
    assert.deepEqual(deploy.batches.at(-1)?.facts, [{ host: "db1", state: "installed", installedAt: 5, consumed: ["1"] }]);
    assert.equal(outs["state"], "installed");
    for (const state of ["failed", "adopted", "armed", "installing"]) {
      await provider.host.update("host/db1", { ...host, state, consumed: ["1"] }, await nextHost());
      assert.deepEqual(deploy.batches.at(-1)?.facts, [{ host: "db1", state, consumed: ["1"] }]);
    }
    deploy.facts = [];
    assert.deepEqual((await provider.host.read("host/db1", { ...host, consumed: ["1", "2"] })).props["consumed"], ["1", "2"]);
  });

  test("use up the reinstall text of a creation: going back to it installs nothing", async () => {
    await created("subnet", subnetInputs());
    await created("profile", profileInputs());
    let host = await created("host", hostInputs("db1", { reinstall: "v1" }));
    assert.deepEqual(deploy.batches.at(-1)?.arm, [{ host: "db1", reason: "create", generation: "v1" }]);
    for (const reinstall of ["v2", "v1"]) host = (await provider.host.update("host/db1", host, await nextHost({ reinstall }))).outs;
    assert.deepEqual(deploy.armings(), ["create db1", "reinstall db1"]);
    assert.deepEqual(host["consumed"], ["v1", "v2"]);
  });

  test("take the old name away in the batch that brings the new one", async () => {
    const { host } = await declareAll();
    const { outs } = await provider.host.update("host/db1", host, await nextHost({}, "db9"));
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
    deploy.documents = deploy.documents.filter((doc) => doc.kind !== "host");
    restart();
    const { id, props } = await provider.host.read("host/db1", host);
    assert.equal(id, "host/db1");
    assert.equal(props["drift"], "it is missing on the agent");
    assert.deepEqual(await provider.host.diff(id, props, {}), { changes: true, replaces: [] });
    const { outs } = await provider.host.update(id, props, await nextHost());
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
    const later = (await provider.host.update("host/db1", host, await nextHost({ hostname: "db-one" }))).outs;
    await provider.host.delete("host/db1", host);
    assert.ok(deploy.held().includes("host/db1"));
    await provider.host.delete("host/db1", later);
    assert.ok(!deploy.held().includes("host/db1"));
    await provider.host.delete("host/db1", later);
  });

  test("delete takes away what a refresh saw changed, and not what came after it", async () => {
    const { host } = await declareAll();
    deploy.documents = deploy.documents.map((doc) => (doc.kind === "host" ? { ...doc, rev: 50 } : doc));
    restart();
    let { props } = await provider.host.read("host/db1", host);
    props = (await provider.host.read("host/db1", props)).props;
    assert.equal(props["drift"], "it was changed on the agent");
    deploy.documents = deploy.documents.map((doc) => (doc.kind === "host" ? { ...doc, rev: 51 } : doc));
    await provider.host.delete("host/db1", props);
    assert.ok(deploy.held().includes("host/db1"));
    deploy.documents = deploy.documents.map((doc) => (doc.kind === "host" ? { ...doc, rev: 50 } : doc));
    await provider.host.delete("host/db1", props);
    assert.ok(!deploy.held().includes("host/db1"));
  });

  test("only another address is another server", async () => {
    const ssh = (host: string): Plain => ({ connection: { kind: "ssh", host, port: 22 } });
    assert.deepEqual(await provider.server.diff("x", ssh("10.77.0.1"), { connection: { kind: "ssh", host: "10.77.0.1", port: 2222 } }), { replaces: [] });
    assert.deepEqual(await provider.server.diff("x", ssh("10.77.0.1"), ssh("10.77.0.2")), { replaces: ["target"] });
    assert.deepEqual(await provider.server.diff("x", ssh("10.77.0.1"), { connection: unknownValue }), { replaces: [] });
    assert.deepEqual(await provider.server.diff("x", ssh("10.77.0.1"), ssh(unknownValue)), { replaces: [] });
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
    await created("subnet", subnetInputs());
    await created("profile", profileInputs());
    deploy.batches.length = 0;
    const good = await Promise.all([1, 2, 3, 4, 5].map((n) => accepted("host", hostInputs(`h${String(n)}`, { macs: [`52:54:00:00:00:0${String(n)}`], ip: `10.77.0.2${String(n)}` }))));
    const [first] = good;
    assert.ok(first !== undefined);
    const clash = { ...first, self: "KickstartHost::clash", macs: ["52:54:00:00:00:01"], ip: "10.77.0.99" };
    const results = await Promise.allSettled([...good, clash].map((inputs) => provider.host.create(inputs)));
    assert.deepEqual(results.map((item) => item.status), ["rejected", "fulfilled", "fulfilled", "fulfilled", "fulfilled", "rejected"]);
    assert.deepEqual(deploy.batches.map((batch) => batch.put?.length), [6, 4]);
    assert.equal(deploy.clients, 1);
  });

  test("keep of a URL only its sum, and know the sums of older states by the URL itself", async () => {
    const bytes = "a kernel from afar";
    const server = createServer((_request, response) => response.end(bytes));
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const cache = process.env["XDG_CACHE_HOME"];
    process.env["XDG_CACHE_HOME"] = files.at("cache");
    restart();
    try {
      const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/linux?sig=hunter2`;
      const inputs = profileInputs({ kernel: { url } });
      const outs = await created("profile", inputs);
      // What the program gave stands there too, under the name by which the engine knows whether it is a secret.
      const { downloads, kernel: _given, ...rest } = outs;
      const spec = { name: "linux", sha256: sha256(bytes), size: bytes.length };
      assert.deepEqual(downloads, { [sha256(url)]: spec });
      assert.ok(!JSON.stringify(rest).includes("hunter2"));
      server.close();
      rmSync(files.at("cache"), { recursive: true });
      for (const known of [outs, { ...outs, downloads: { [url]: spec } }]) {
        restart();
        assert.deepEqual((await operation.updated("profile", inputs, known))["downloads"], downloads);
      }
    } finally {
      server.close();
      if (cache === undefined) delete process.env["XDG_CACHE_HOME"];
      else process.env["XDG_CACHE_HOME"] = cache;
    }
  });
});
