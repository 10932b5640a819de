import assert from "node:assert/strict";
import { test } from "node:test";
import { targetSchema } from "../../provider/model/target";
import { validate } from "../../provider/model/validate";

function properties(value: unknown): (string | undefined)[] {
  const result = validate(targetSchema, value, "server/rack1");
  return result.ok ? [] : result.findings.map((item) => item.where[0]?.property);
}

test("a target is local or has a host", () => {
  assert.deepEqual(validate(targetSchema, "local", "x"), { ok: true, value: "local" });
  assert.deepEqual(validate(targetSchema, { host: "10.77.0.1" }, "x"), { ok: true, value: { host: "10.77.0.1" } });
  assert.deepEqual(validate(targetSchema, { host: "fd00::1", port: 2222, user: "ops", agent: true, sudo: true, hostKey: "trust-first" }, "x").ok, true);
  assert.equal(properties("remote").length, 1);
  assert.deepEqual(properties({}), ["host"]);
});

test("every failure of a target is told at once, by its own property path", () => {
  const wrong = {
    host: "root@10.77.0.1", port: 70000, user: "a b", privateKey: "ssh-ed25519 AAAA", privateKeyPath: "", agent: 7, password: "",
    hostKey: "MD5:aa:bb", sudo: "yes", colour: "red",
  };
  assert.deepEqual(properties(wrong).sort(), ["agent", "colour", "host", "hostKey", "password", "port", "privateKey", "privateKeyPath", "sudo", "user"]);
});

test("no failure repeats a secret", () => {
  const result = validate(targetSchema, { host: "h", privateKey: "hunter2", password: 5, hostKey: "hunter2" }, "x");
  assert.ok(!result.ok);
  assert.ok(!JSON.stringify(result.findings).includes("hunter2"));
});
