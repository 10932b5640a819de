import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { pxeError } from "../../provider/errors";
import { Changes } from "../../provider/deploy/request";
import type { Plain } from "../../provider/resources/definition";
import { FakeDeploy } from "../support/fake-deploy";
import { declareStack, hostInputs, InstallerFiles, Operation, serverInputs, subnetInputs, updateStack, type Stack } from "../support/operation";

let files: InstallerFiles;
let deploy: FakeDeploy;

before(() => {
  files = new InstallerFiles();
});
after(() => {
  files.remove();
});
beforeEach(() => {
  deploy = new FakeDeploy();
});

const kinds = ["host", "profile", "subnet"] as const;
const everything = ["host/db1", "profile/debian", "server/rack1", "subnet/net"];

/** Deletes the children as they were left, as the engine does with URNs that are gone from the program. */
async function deleteChildren(stack: Stack): Promise<void> {
  const { provider } = new Operation(deploy);
  for (const kind of kinds) await provider[kind].delete(kind, stack[kind]);
}

const ssh = (more: Plain = {}): Plain => ({ target: { host: "10.77.0.1", password: "hunter2", ...more } });

describe("resources that move", () => {
  test("under a component are created with the same content; the delete of the old ones takes nothing away", async () => {
    const old = await declareStack(deploy, files);
    const moved = await declareStack(deploy, files);
    await deleteChildren(old);
    assert.deepEqual(deploy.held().sort(), everything);
    assert.equal(deploy.facts[0]?.state, "armed", "and stays armed");
    await new Operation(deploy).provider.server.delete("server", old.server);
    assert.deepEqual(deploy.removals.at(-1)?.document, { name: "rack1", rev: old.server["rev"] });
    assert.notEqual(moved.server["rev"], old.server["rev"]);
    await deleteChildren(moved);
    assert.deepEqual(deploy.held(), ["server/rack1"]);
  });

  test("with their server leave a document where one of them ends with the move, which is told", async (t) => {
    const old = await declareStack(deploy, files);
    const warn = t.mock.method(console, "warn", () => undefined);
    const moved = new Operation(deploy);
    const server = await moved.created("server", serverInputs());
    const shared = { connection: server["connection"], controlKey: server["controlKey"] };
    await moved.created("subnet", subnetInputs(shared));
    await moved.created("profile", files.profile(shared));
    await moved.provider.server.delete("server", old.server);
    assert.deepEqual(deploy.held().sort(), everything);
    assert.match(String(warn.mock.calls[0]?.arguments[0]), /^server\/rack1 moved; its agent still holds and serves what this run doesn't declare: host\/db1\. /);
    await moved.created("host", hostInputs("db1", shared));
    await moved.provider.server.delete("server", old.server);
    await new Operation(deploy).provider.server.delete("server", old.server);
    assert.equal(warn.mock.callCount(), 1);
  });

  test("stay where they are when the target's port or host key changes", async () => {
    const old = await declareStack(deploy, files, { server: ssh() });
    deploy.batches.length = 0;
    await updateStack(deploy, files, old, { server: ssh({ port: 2222, hostKey: `SHA256:${"A".repeat(43)}` }) });
    assert.deepEqual(deploy.held().sort(), everything);
    assert.deepEqual(deploy.batches.flatMap((batch) => batch.delete), []);
    assert.deepEqual(deploy.batches.flatMap((batch) => batch.claim), []);
  });

  test("to another target claim their documents there and leave the old one", async () => {
    const old = await declareStack(deploy, files, { server: ssh() });
    deploy.batches.length = 0;
    const run = new Operation(deploy);
    const connection = { kind: "ssh", host: "10.77.0.2", port: 22 };
    await run.updated("subnet", subnetInputs({ connection }), old.subnet);
    assert.deepEqual(deploy.batches.map(({ claim, delete: gone }) => [claim, gone]), [
      [[{ kind: "subnet", name: "net" }], []],
      [[], [{ kind: "subnet", name: "net", rev: old.subnet["rev"] }]],
    ]);
  });
});

describe("a renamed stack or project", () => {
  test("takes its documents and what is known of its hosts along", async () => {
    const old = await declareStack(deploy, files);
    const renamed = await updateStack(deploy, files, old, { all: { owner: "lab/prod" } });
    assert.deepEqual(deploy.documents.map((doc) => [doc.owner, doc.kind]).sort(), ["host", "profile", "server", "subnet"].map((kind) => ["lab/prod", kind]));
    assert.ok(deploy.batches.slice(-4).every((batch) => batch.previousOwner === "lab/dev"));
    assert.deepEqual(deploy.facts.map((facts) => [facts.owner, facts.state]), [["lab/prod", "armed"]]);
    assert.equal(deploy.deployments.at(-1)?.previousOwner, "lab/dev");
    await deleteChildren(renamed);
    assert.deepEqual(deploy.held(), ["server/rack1"]);
  });

  test("takes a document along that is renamed at the same time", async () => {
    const { subnet } = await declareStack(deploy, files, {});
    deploy.documents = deploy.documents.filter((doc) => doc.kind !== "host");
    const outs = await new Operation(deploy).updated("subnet", subnetInputs({ owner: "lab/prod", self: "DhcpSubnet::new" }), subnet);
    assert.deepEqual(deploy.documents.filter((doc) => doc.kind === "subnet").map((doc) => [doc.owner, doc.name]), [["lab/prod", "new"]]);
    assert.deepEqual([outs["owner"], outs["name"]], ["lab/prod", "new"]);
  });

  test("keeps the old owner of a server whose documents were refused", async () => {
    const { server } = await declareStack(deploy, files);
    deploy.failure = pxeError("PXE_AGENT_REFUSED", "no");
    const error: unknown = await new Operation(deploy).updated("server", serverInputs({ owner: "lab/prod" }), server).catch((thrown: unknown) => thrown);
    assert.equal((error as { properties: Plain }).properties["owner"], "lab/dev");
  });
});

describe("a server that could not be created", () => {
  test("is kept in the state once something was changed on its target, so that destroy cleans up", async () => {
    const changes = new Changes();
    deploy.deployFailure = pxeError("PXE_COMMAND_FAILED", "no room");
    const run = new Operation(deploy);
    await assert.rejects(run.created("server", serverInputs()), (error: object) => !("id" in error));
    changes.begin();
    await changes.watch(() => Promise.reject(deploy.deployFailure ?? new Error())).catch(() => undefined);
    const error: unknown = await new Operation(deploy).created("server", serverInputs()).catch((thrown: unknown) => thrown);
    const { id, properties } = error as { id: string; properties: Plain };
    assert.equal(id, "server/rack1");
    await new Operation(deploy).provider.server.delete(id, properties);
    assert.deepEqual(deploy.removals.at(-1)?.document, { name: "rack1", rev: Number.MAX_SAFE_INTEGER });
    deploy.deployFailure = undefined;
    const outs = await new Operation(deploy).updated("server", serverInputs(), properties);
    assert.deepEqual(deploy.batches.at(-1)?.claim, [{ kind: "server", name: "rack1" }]);
    assert.equal(outs["rev"], 1);
  });
});

describe("deletes where the target is out of reach", () => {
  test("fail, and succeed with a warning when they are told to", async (context) => {
    const stack = await declareStack(deploy, files);
    const warn = context.mock.method(console, "warn", () => undefined);
    deploy.failure = pxeError("PXE_HOST_UNREACHABLE", "no route");
    const { provider } = new Operation(deploy);
    for (const kind of [...kinds, "server"] as const) await assert.rejects(provider[kind].delete(kind, stack[kind]), /PXE_HOST_UNREACHABLE/);
    process.env["PXE_DELETE_UNREACHABLE"] = "1";
    try {
      for (const kind of [...kinds, "server"] as const) await provider[kind].delete(kind, stack[kind]);
      assert.equal(warn.mock.callCount(), 4);
      assert.match(String(warn.mock.calls[0]?.arguments[0]), /host\/db1 is forgotten, but not removed from its target.*no route/);
      deploy.failure = pxeError("PXE_SERVER_SHARED", "others");
      await assert.rejects(provider.server.delete("server", stack.server), /PXE_SERVER_SHARED/);
    } finally {
      delete process.env["PXE_DELETE_UNREACHABLE"];
    }
  });
});

describe("two resources of one name", () => {
  test("under two components are told apart, at creation and later", async () => {
    for (const olds of [{}, { self: "old" }]) {
      const run = new Operation(deploy);
      await run.accepted("subnet", subnetInputs(), olds);
      const [failure] = await run.refused("subnet", subnetInputs({ cidr: "10.78.0.0/24" }), olds);
      assert.match(failure ?? "", /PXE_DUPLICATE: two resources are called DhcpSubnet::net: their documents would be one/);
    }
  });

  test("are one where a replacement is checked twice", async () => {
    const run = new Operation(deploy);
    await run.accepted("subnet", subnetInputs(), { self: "old" });
    await run.accepted("subnet", subnetInputs());
    await run.accepted("profile", files.profile());
    await run.accepted("host", hostInputs(), { self: "old" });
    await run.accepted("host", hostInputs());
  });
});
