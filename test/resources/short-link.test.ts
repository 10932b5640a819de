import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Plain } from "../../provider/resources/definition";
import { unknownValue } from "../../provider/resources/unknown";
import { FakeDeploy } from "../support/fake-deploy";
import { declareStack, hostInputs, InstallerFiles, Operation, subnetInputs, type Stack } from "../support/operation";

const ssh = { kind: "ssh", host: "10.77.0.1", port: 22, hostKey: "SHA256:x" };
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

const checked = (more: Plain = {}, olds: Plain = {}): Promise<Plain> => new Operation(deploy).accepted("subnet", subnetInputs(more), olds);

describe("how an agent is reached", () => {
  test("stands in stored inputs in short, whatever the order of its parts, and in outputs in full", async () => {
    const { link, controlKey, connection } = await checked({ connection: ssh });
    assert.match(String(link), /^10\.77\.0\.1 [\w-]{8}$/);
    assert.deepEqual([controlKey, connection], [undefined, undefined]);
    assert.equal((await checked({ connection: Object.fromEntries(Object.entries(ssh).reverse()) }))["link"], link);
    for (const more of [{ connection: { ...ssh, port: 23 } }, { connection: ssh, controlKey: "another key" }]) assert.notEqual((await checked(more))["link"], link);
    assert.deepEqual([stack.subnet["connection"], stack.subnet["controlKey"]], [{ kind: "local" }, stack.server["controlKey"]]);
  });

  test("stays as an older version stored it until it differs", async () => {
    const older = subnetInputs({ connection: ssh });
    const { __provider: _text, ...same } = older;
    assert.deepEqual(await checked({ connection: ssh }, older), same);
    assert.deepEqual(await checked({ connection: ssh, controlKey: unknownValue }, older), { ...same, controlKey: unknownValue });
    const rotated = await checked({ connection: ssh, controlKey: "another key" }, older);
    assert.equal(rotated["controlKey"], undefined);
    assert.deepEqual(await checked({ connection: ssh, controlKey: "another key" }, rotated), rotated);
  });

  test("is unknown in a plan where its server's address or key is", async () => {
    for (const more of [{ connection: unknownValue }, { connection: { ...ssh, hostKey: unknownValue } }, { controlKey: unknownValue }]) {
      assert.equal((await checked(more))["link"], unknownValue);
    }
  });

  test("is the same as observed, so that a repair doesn't show it", async () => {
    deploy.documents = [];
    const { inputs } = await new Operation(deploy).provider.subnet.read("id", stack.subnet);
    const { link } = await checked({ connection: stack.subnet["connection"], controlKey: stack.subnet["controlKey"] });
    assert.equal(inputs?.["link"], link);
    assert.ok(!("controlKey" in (inputs ?? {})));
  });

  test("is never guessed by a process that hasn't checked it", async () => {
    await assert.rejects(new Operation(deploy).provider.subnet.create(await checked()), /PXE_INTERNAL/);
  });

  test("is no reason to write digests of an older length anew", async () => {
    const rendered = async (more: Plain, olds: Plain = {}): Promise<Record<string, string>> => {
      const run = new Operation(deploy);
      await run.accepted("subnet", subnetInputs());
      await run.accepted("profile", files.profile());
      return (await run.accepted("host", hostInputs("db1", more), olds))["rendered"] as Record<string, string>;
    };
    const digest = (text: string, digits: number): string => `sha256:${createHash("sha256").update(text).digest("hex").slice(0, digits)} ${String(Buffer.byteLength(text))} bytes`;
    const texts = Object.entries(await rendered({}));
    const of = (digits: number): Record<string, string> => Object.fromEntries(texts.map(([path, text]) => [path, digest(text, digits)]));
    const detail = { renderedDetail: "digest" };
    assert.deepEqual(await rendered(detail), of(16));
    assert.deepEqual(await rendered(detail, hostInputs("db1", { ...detail, rendered: of(32) })), of(32));
  });
});
