import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import ssh2 from "ssh2";
import { closeAll, controlClient } from "../../provider/deploy/control";
import { generateControlKey } from "../../provider/deploy/keys";
import { sshPool } from "../../provider/deploy/pool";
import { expectHostKey, expectedHostKey } from "../../provider/deploy/trusted-keys";

const controlKey = generateControlKey();
const hostKey = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "pem", type: "pkcs1" }).toString();
const otherKey = `SHA256:${"A".repeat(43)}`;
let server: ssh2.Server;
let port = 0;
let connections = 0;

before(async () => {
  server = new ssh2.Server({ hostKeys: [hostKey] }, (client) => {
    connections++;
    client.on("authentication", (attempt) => { attempt.accept(); });
    client.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
after(async () => {
  await closeAll();
  await new Promise((resolve) => server.close(resolve));
});

test("a control connection trusts no first key; once a deployment did, or a state recorded it, that one binds", async () => {
  const connection = { kind: "ssh", host: "127.0.0.1", port, hostKey: "trust-first" } as const;
  const refusedWith = async (code: string): Promise<void> => {
    const client = controlClient(connection, controlKey);
    await assert.rejects(client.status(), { code });
    client.close();
  };
  await refusedWith("PXE_HOST_KEY_UNKNOWN");
  assert.equal(connections, 0);
  expectHostKey("127.0.0.1", port, otherKey);
  await refusedWith("PXE_HOST_KEY_CHANGED");
});

test("a deployment trusts the first key and binds what follows to it", async () => {
  const credentials = [{ kind: "password", password: "any", called: "a password" }] as const;
  const identity = { host: "localhost", port, user: "root", credentials, hostKey: "trust-first" };
  await assert.rejects(sshPool.get(identity), { code: "PXE_HOST_KEY_UNKNOWN" });
  const { hostKey: seen } = await sshPool.get({ ...identity, allowFirst: true });
  assert.equal(expectedHostKey("localhost", port), seen);
  await sshPool.get({ ...identity, user: "pulumi-pxe" });
});

test("the table of keys loads no SSH library", () => {
  const program = `require(${JSON.stringify(require.resolve("../../provider/deploy/trusted-keys"))}); console.log(Object.keys(require.cache).length)`;
  assert.equal(execFileSync(process.execPath, ["-e", program], { encoding: "utf8" }).trim(), "1");
});
