import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PxeError } from "../../provider/errors";
import { fingerprint, generateControlKey, keyType, openSshKey, parsePrivateKey, publicKeyOf } from "../../provider/deploy/keys";

test("ssh-keygen reads a control key as OpenSSH text and finds the same public half and fingerprint", () => {
  const folder = mkdtempSync(join(tmpdir(), "pxe-keys-"));
  try {
    for (let round = 0; round < 20; round++) {
      const key = generateControlKey();
      const path = join(folder, `key${round}`);
      writeFileSync(path, openSshKey(key), { mode: 0o600 });
      const [type, blob] = execFileSync("ssh-keygen", ["-y", "-f", path], { encoding: "utf8" }).trim().split(" ");
      assert.equal(publicKeyOf(key), `${type} ${blob}`);
      assert.equal(publicKeyOf(openSshKey(key)), publicKeyOf(key), "what older states hold is the text of an OpenSSH key");
      const shown = execFileSync("ssh-keygen", ["-l", "-f", path], { encoding: "utf8" });
      assert.equal(shown.split(" ")[1], fingerprint(Buffer.from(blob ?? "", "base64")));
      assert.equal(keyType(Buffer.from(blob ?? "", "base64")), "ssh-ed25519");
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("control keys are short, and differ", () => {
  assert.match(generateControlKey(), /^ed25519:[\w-]{43}$/);
  assert.notEqual(generateControlKey(), generateControlKey());
});

test("the seed of RFC 8032's first test gives its public key", () => {
  const seed = Buffer.from("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", "hex").toString("base64url");
  const blob = Buffer.from(publicKeyOf(`ed25519:${seed}`).split(" ")[1] ?? "", "base64");
  assert.equal(blob.subarray(-32).toString("hex"), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
});

test("private keys are read in the forms that are about", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
  assert.equal(parsePrivateKey(rsa.export({ format: "pem", type: "pkcs1" }).toString(), "k").type, "ssh-rsa");
  assert.equal(parsePrivateKey(rsa.export({ format: "pem", type: "pkcs8" }).toString(), "k").type, "ssh-rsa");
  assert.equal(parsePrivateKey(ec.export({ format: "pem", type: "sec1" }).toString(), "k").type, "ecdsa-sha2-nistp256");
  assert.equal(parsePrivateKey(ec.export({ format: "pem", type: "pkcs8" }).toString(), "k").type, "ecdsa-sha2-nistp256");
});

test("a key that can't be used says why and how else", () => {
  const folder = mkdtempSync(join(tmpdir(), "pxe-keys-"));
  try {
    const path = join(folder, "locked");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "secret", "-f", path]);
    const text = execFileSync("cat", [path], { encoding: "utf8" });
    assert.throws(() => parsePrivateKey(text, "target.privateKey"), (error: unknown) => {
      assert.ok(error instanceof PxeError);
      assert.equal(error.code, "PXE_AUTH_FAILED");
      assert.match(error.message, /target\.privateKey can't be read.*agent/s);
      return true;
    });
    assert.throws(() => parsePrivateKey("nonsense", "target.privateKey"), { code: "PXE_AUTH_FAILED" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
