import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { pxeError } from "../../provider/errors";
import type { Plain } from "../../provider/resources/definition";
import { unknownValue } from "../../provider/resources/unknown";
import { FakeDeploy } from "../support/fake-deploy";
import { declareStack, InstallerFiles, Operation, serverInputs, type Stack } from "../support/operation";

const announced = "the previous control key works until the next update";
let files: InstallerFiles;
let deploy: FakeDeploy;
let stack: Stack;
let inputs: Plain;

before(() => {
  files = new InstallerFiles();
});
after(() => {
  files.remove();
});
beforeEach(async () => {
  deploy = new FakeDeploy();
  stack = await declareStack(deploy, files);
  inputs = await check({}, { controlKey: stack.server["controlKey"] });
});

const check = async (more: Plain, olds: Plain): Promise<Plain> => ({ ...(await new Operation(deploy).accepted("server", serverInputs(more), olds)), __provider: "text" });
/** The engine hands secrets on as what they hold. */
const stored = (outputs: Plain): Plain => Object.fromEntries(Object.entries(outputs).map(([key, value]) => [key, typeof value === "object" && value !== null && "value" in value ? value.value : value]));
const update = async (outputs: Plain, news: Plain): Promise<Plain> => stored((await new Operation(deploy).provider.server.update("id", outputs, news)).outs);
const unsettled = async (outputs: Plain, news: Plain): Promise<boolean> => (await new Operation(deploy).provider.server.diff("id", outputs, news)).changes === true;

describe("a control key", () => {
  test("is kept while the text is the same, and made anew where it has changed", async () => {
    assert.equal(inputs["controlKey"], "control key 1");
    assert.equal((await check({}, inputs))["controlKey"], "control key 1");
    const rotated = await check({ controlKeyRotation: "a" }, inputs);
    assert.deepEqual([rotated["controlKey"], rotated["keyRotation"]], ["control key 2", announced]);
    const kept = await check({ controlKeyRotation: "a" }, rotated);
    assert.deepEqual([kept["controlKey"], kept["keyRotation"]], ["control key 2", undefined]);
    assert.equal((await check({}, rotated))["controlKey"], "control key 2", "a text taken away is no new text");
    assert.equal((await check({ controlKeyRotation: unknownValue }, rotated))["controlKey"], unknownValue);
  });

  test("that is rotated leaves the previous one valid until the next update, which the plan shows", async () => {
    const rotated = await check({ controlKeyRotation: "a" }, inputs);
    const outputs = await update(stack.server, rotated);
    assert.deepEqual([deploy.deployments.at(-1)?.controlKey, deploy.deployments.at(-1)?.previousControlKey], ["control key 2", "control key 1"]);
    assert.equal(outputs["previousControlKey"], "control key 1");
    await new Operation(deploy).provider.server.read("id", outputs);
    assert.equal(deploy.observations.at(-1)?.previousControlKey, "control key 1", "a refresh doesn't call it changed by hand");

    const settled = await check({ controlKeyRotation: "a" }, rotated);
    assert.notDeepEqual(settled, rotated);
    const after = await update(outputs, settled);
    assert.equal(deploy.deployments.at(-1)?.previousControlKey, undefined);
    assert.equal(after["previousControlKey"], undefined);
    assert.equal(await unsettled(after, await check({ controlKeyRotation: "a" }, settled)), false);
  });

  test("whose rotation broke off still lets the previous one in at the next update, and takes it away at the one after", async () => {
    const rotated = await check({ controlKeyRotation: "a" }, inputs);
    deploy.failure = pxeError("PXE_AGENT_REFUSED", "no");
    const error = await new Operation(deploy).provider.server.update("id", stack.server, rotated).then(() => undefined, (thrown: unknown) => thrown as { properties: Plain });
    deploy.failure = undefined;
    assert.ok(error !== undefined);
    assert.equal(error.properties["controlKey"], "control key 1");
    const again = await check({ controlKeyRotation: "a" }, rotated);
    assert.equal(again["controlKey"], "control key 2");
    const outputs = await update(error.properties, again);
    assert.equal(deploy.deployments.at(-1)?.previousControlKey, "control key 1");
    const last = await check({ controlKeyRotation: "a" }, again);
    assert.equal(await unsettled(outputs, last), true);
    assert.equal((await update(outputs, last))["previousControlKey"], undefined);
    assert.equal(deploy.deployments.at(-1)?.previousControlKey, undefined);
  });

  test("that its server doesn't have any more deletes nothing by itself: the server's own of the same run does", async () => {
    const run = new Operation(deploy);
    deploy.refusedKeys.add("control key 1");
    await assert.rejects(run.provider.host.delete("id", stack.host), /PXE_CONTROL_KEY_REFUSED/);
    assert.ok(deploy.held().includes("host/db1"));
    await run.accepted("server", serverInputs({ controlKeyRotation: "a" }), { ...inputs, controlKey: "control key 2", controlKeyRotation: "a" });
    await run.provider.host.delete("id", stack.host);
    assert.ok(!deploy.held().includes("host/db1"));
  });
});
