import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Plain } from "../../provider/resources/definition";
import { FakeDeploy } from "../support/fake-deploy";
import { declareStack, InstallerFiles, Operation, serverInputs, subnetInputs, type Stack } from "../support/operation";

const seen = `SHA256:${"A".repeat(43)}`;
const trusting = serverInputs({ target: { host: "10.77.0.1", password: "hunter2", hostKey: "trust-first" } });
const connection: Plain = { kind: "ssh", host: "10.77.0.1", port: 22, hostKey: "trust-first" };

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
  deploy.hostKey = seen;
  stack = await declareStack(deploy, files, { server: { target: trusting["target"] } });
});

describe("trust-first", () => {
  test("binds the children to the key that the server's creation saw", () => {
    assert.deepEqual([...new Set(deploy.expectedKeys)], [seen]);
    assert.equal(stack.server["hostKey"], seen);
    for (const kind of ["subnet", "profile", "host"] as const) assert.equal(stack[kind]["hostKey"], seen);
  });

  test("binds reads and deletes of children, each by its own record", async () => {
    for (const kind of ["host", "profile", "subnet"] as const) {
      deploy.expectedKeys.length = 0;
      await new Operation(deploy).provider[kind].read(kind, stack[kind]);
      await new Operation(deploy).provider[kind].delete(kind, stack[kind]);
      assert.deepEqual(deploy.expectedKeys, [seen, seen]);
    }
  });

  test("binds a new child in a run that leaves the server as it is", async () => {
    deploy.expectedKeys.length = 0;
    const run = new Operation(deploy);
    await run.provider.server.diff("server/rack1", stack.server, { ...trusting, connection });
    await run.created("subnet", subnetInputs({ self: "DhcpSubnet::other", cidr: "10.78.0.0/24", connection }));
    assert.deepEqual(deploy.expectedKeys, [seen]);
  });

  test("never trusts on behalf of a child", async () => {
    const inputs = subnetInputs({ self: "DhcpSubnet::other", cidr: "10.78.0.0/24", connection });
    await assert.rejects(new Operation(deploy).created("subnet", inputs), /PXE_HOST_KEY_UNKNOWN: no host key is recorded for 10\.77\.0\.1/);
    const { hostKey: _seen, ...forgetful } = stack.host;
    await assert.rejects(new Operation(deploy).provider.host.read("host/db1", forgetful), /PXE_HOST_KEY_UNKNOWN/);
  });

  test("holds after a change of port, and an update keeps the record", async () => {
    const run = new Operation(deploy);
    const outs = await run.updated("subnet", subnetInputs({ connection: { ...connection, port: 2222 } }), stack.subnet);
    assert.equal(outs["hostKey"], seen);
  });

  test("is not asked where the key is pinned", async () => {
    deploy.expectedKeys.length = 0;
    const outs = await new Operation(deploy).updated("subnet", subnetInputs({ connection: { ...connection, hostKey: seen } }), stack.subnet);
    assert.deepEqual(deploy.expectedKeys, [undefined]);
    assert.equal(outs["hostKey"], undefined);
  });
});

test("the environment says where reads and deletes of children go", async () => {
  const told: unknown[] = [];
  const client = deploy.controlClient.bind(deploy);
  deploy.controlClient = (to, key, expected) => {
    told.push(to);
    return client(to, key, expected);
  };
  process.env["PXE_SSH_HOST"] = "10.77.0.9";
  process.env["PXE_SSH_PORT"] = "2200";
  try {
    const run = new Operation(deploy);
    await run.provider.host.read("host/db1", stack.host);
    await run.provider.host.delete("host/db1", stack.host);
    assert.deepEqual(told, [{ ...connection, host: "10.77.0.9", port: 2200 }]);
    const { provider } = new Operation(deploy);
    const { props } = await provider.host.read("host/db1", stack.host);
    assert.deepEqual(props["connection"], connection, "and are not recorded");
  } finally {
    delete process.env["PXE_SSH_HOST"];
    delete process.env["PXE_SSH_PORT"];
  }
});
