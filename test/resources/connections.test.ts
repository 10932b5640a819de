import assert from "node:assert/strict";
import { test } from "node:test";
import { pxeError } from "../../provider/errors";
import { Connections } from "../../provider/resources/connections";
import { FakeDeploy } from "../support/fake-deploy";

const link = { connection: { kind: "local" }, controlKey: "the key" } as const;

test("a broken connection is given to nobody again, and closed when the last who uses it is done", async () => {
  const deploy = new FakeDeploy();
  const connections = new Connections(deploy);
  let finish = (): void => undefined;
  const slow = connections.using(link, () => new Promise<void>((resolve) => {
    finish = resolve;
  }));
  await assert.rejects(connections.using(link, () => Promise.reject(pxeError("PXE_CONNECTION_LOST", "cut"))), /cut/);
  assert.deepEqual([deploy.clients, deploy.closed], [1, 0]);
  await connections.using(link, () => Promise.resolve());
  assert.deepEqual([deploy.clients, deploy.closed], [2, 0]);
  finish();
  await slow;
  assert.deepEqual([deploy.clients, deploy.closed], [2, 1]);
  await connections.forget(link);
  assert.deepEqual([deploy.clients, deploy.closed], [2, 2]);
});

test("a refusal by the agent breaks no connection", async () => {
  const deploy = new FakeDeploy();
  const connections = new Connections(deploy);
  await assert.rejects(connections.using(link, () => Promise.reject(pxeError("PXE_OVERLAP", "no"))), /PXE_OVERLAP/);
  await connections.using(link, () => Promise.resolve());
  assert.deepEqual([deploy.clients, deploy.closed], [1, 0]);
});
