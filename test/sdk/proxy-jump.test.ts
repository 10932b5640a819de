import assert from "node:assert/strict";
import { test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as pxe from "../../sdk";

/** The mark that the engine keeps on a secret when mocks see it; an object that holds one counts as one. */
const mark = "4dabf18193072939515e22adb298388d";

test("a bastion's key and password are secrets in whatever form it is given; its address alone is none", async () => {
  const targets = new Map<string, object>();
  await pulumi.runtime.setMocks({
    newResource(args) {
      targets.set(args.name, (args.inputs as { target: object }).target);
      return { id: args.name, state: args.inputs as Record<string, unknown> };
    },
    call: (args) => args.inputs as Record<string, unknown>,
  });
  const forms: Record<string, pxe.RemoteTarget["proxyJump"]> = {
    text: "ops@bastion:22",
    address: { host: "bastion", agent: true },
    texts: ["a", { host: "b" }],
    key: { host: "bastion", privateKey: "a key" },
    password: ["a", { host: "b", password: pulumi.output("a password") }],
    pending: pulumi.output({ host: "bastion", privateKey: "a key" }),
    promised: [Promise.resolve({ host: "bastion", password: "a password" })],
  };
  for (const [name, proxyJump] of Object.entries(forms)) {
    const server = new pxe.PxeServer(name, { target: { host: "10.77.0.1", proxyJump }, interfaces: ["eth1"] });
    await new Promise((resolve) => server.id.apply(resolve));
  }
  const secret = [...targets].filter(([, target]) => mark in target).map(([name]) => name);
  assert.deepEqual(secret, ["key", "password", "pending", "promised"]);
});
