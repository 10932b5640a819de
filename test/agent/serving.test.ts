import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { Serving } from "../../provider/agent/serving";
import { freeTcpPort, freeUdpPort } from "../../lab/ports";
import { filesContext, until } from "../support/files-context";
import { serverDocument } from "../support/documents";

test("where the interfaces can't be looked at, what is served goes on, one alert tells it, and the next look succeeds", async (t) => {
  const files = await filesContext();
  t.after(() => files.close());
  let isBroken = false;
  let looks = 0;
  const serving = new Serving(files.context, () => {
    looks += 1;
    if (isBroken) throw Object.assign(new Error("uv_interface_addresses returned Unknown system error 24"), { code: "EMFILE" });
    return networkInterfaces();
  }, 5);
  t.after(() => serving.close());
  const [dhcpPort, tftpPort, httpPort] = [await freeUdpPort(), await freeUdpPort(), await freeTcpPort()];
  await files.put([serverDocument({ interfaces: ["lo"], dhcpPort, tftpPort, httpPort })]);
  await serving.reconcile();
  assert.deepEqual(serving.status().map(({ serving: is, problem }) => [is, problem]), [[true, null]]);
  isBroken = true;
  const from = looks;
  await until("several looks failed", () => looks > from + 5);
  assert.deepEqual(serving.status().map(({ serving: is, addresses }) => [is, addresses.length > 0]), [[true, true]]);
  isBroken = false;
  await serving.reconcile();
  const alerts = files.events.filter((event) => event.kind === "alert");
  assert.deepEqual(alerts.map((event) => event.text), ["the interfaces can't be looked at: uv_interface_addresses returned Unknown system error 24"]);
  assert.equal(serving.status()[0]?.serving, true);
});
