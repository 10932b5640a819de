import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { secretDigests } from "../../provider/resources/secret-digest";

const name = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,10}$/);
const key = fc.string({ minLength: 1 });

describe("digests of secrets", () => {
  test("the same secret under the same key has the same digest, whatever stands beside it", () => {
    fc.assert(fc.property(key, name, fc.string(), fc.string(), (control, one, value, other) => {
      const alone = secretDigests(control, { [one]: value })[one];
      assert.match(alone ?? "", /^hmac:[0-9a-f]{16}$/);
      assert.equal(secretDigests(control, { another: other, [one]: value })[one], one === "another" ? secretDigests(control, { another: value })[one] : alone);
    }));
  });

  test("another secret, another name or another key has another digest", () => {
    fc.assert(fc.property(key, key, name, name, fc.string(), fc.string(), (control, otherKey, one, other, value, otherValue) => {
      const digest = (by: string, called: string, text: string) => secretDigests(by, { [called]: text })[called];
      const usual = digest(control, one, value);
      if (value !== otherValue) assert.notEqual(digest(control, one, otherValue), usual);
      if (one !== other) assert.notEqual(digest(control, other, value), usual);
      // An HMAC key is filled up with zero bytes: keys that differ by those alone are one key.
      if (control.replace(/\0+$/, "") !== otherKey.replace(/\0+$/, "")) assert.notEqual(digest(otherKey, one, value), usual);
    }));
  });

  test("nothing of the secret stands in its digest", () => {
    fc.assert(fc.property(key, fc.stringMatching(/^[0-9a-f]{6,40}$/), (control, value) => {
      assert.ok(!(secretDigests(control, { root: value })["root"] ?? "").includes(value));
    }));
  });

  test("no secrets, no digests", () => {
    assert.deepEqual(secretDigests("key", {}), {});
  });
});
