import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { judgeHostKey, knownHostsName, knownKeys, offeredAlgorithms, readKnownHosts } from "../../provider/deploy/host-keys";
import { fingerprint, generateControlKey, publicKeyOf } from "../../provider/deploy/keys";

function makeKey(): { line: string; blob: Buffer } {
  const line = publicKeyOf(generateControlKey());
  return { line, blob: Buffer.from(line.split(" ")[1] ?? "", "base64") };
}

const one = makeKey();
const other = makeKey();
const policy = (text: string, more: { hostKey?: string; expected?: string; port?: number } = {}) => {
  const { port = 22, ...rest } = more;
  const knownAs = knownHostsName("rack1.example", port);
  return { called: `rack1.example:${port}`, knownAs, property: "hostKey", known: knownKeys(text, knownAs), ...rest };
};
const codeOf = (text: string, blob: Buffer, more: { hostKey?: string; expected?: string; port?: number } = {}): string | undefined =>
  judgeHostKey(policy(text, more), blob)?.code;

test("a key in known_hosts is right, another of its host is a changed one, none is unknown", () => {
  const text = `# comment\n\nother.example ${other.line}\nrack1.example,10.77.0.1 ${one.line} note\n`;
  assert.equal(codeOf(text, one.blob), undefined);
  assert.equal(codeOf(text, other.blob), "PXE_HOST_KEY_CHANGED");
  assert.equal(codeOf("", one.blob), "PXE_HOST_KEY_UNKNOWN");
});

test("the refusal of an unknown key shows its fingerprint and how to pin it", () => {
  const refusal = judgeHostKey(policy(""), one.blob);
  assert.ok(refusal?.message.includes(`target.hostKey = "${fingerprint(one.blob)}"`));
});

test("known_hosts: ports, patterns, negation, revoked keys, authorities, upper case", () => {
  assert.equal(codeOf(`[rack1.example]:2222 ${one.line}`, one.blob, { port: 2222 }), undefined);
  assert.equal(codeOf(`rack1.example ${one.line}`, one.blob, { port: 2222 }), "PXE_HOST_KEY_UNKNOWN");
  assert.equal(codeOf(`*.example ${one.line}`, one.blob), undefined);
  assert.equal(codeOf(`rack?.example ${one.line}`, one.blob), undefined);
  assert.equal(codeOf(`*.example,!rack1.example ${one.line}`, one.blob), "PXE_HOST_KEY_UNKNOWN");
  assert.equal(codeOf(`RACK1.example ${one.line}`, one.blob), undefined);
  assert.equal(codeOf(`@revoked rack1.example ${one.line}`, one.blob), "PXE_HOST_KEY_CHANGED");
  assert.equal(codeOf(`@cert-authority *.example ${one.line}`, one.blob), "PXE_HOST_KEY_UNKNOWN");
  assert.equal(codeOf("rack1.example\nrack1.example ssh-ed25519\n%%% %%% %%%", one.blob), "PXE_HOST_KEY_UNKNOWN");
});

test("known_hosts: entries that ssh-keygen has hashed", () => {
  const folder = mkdtempSync(join(tmpdir(), "pxe-known-"));
  try {
    const path = join(folder, "known_hosts");
    writeFileSync(path, `rack1.example ${one.line}\n[rack1.example]:2222 ${other.line}\n`);
    execFileSync("ssh-keygen", ["-q", "-H", "-f", path], { stdio: "ignore" });
    const text = readFileSync(path, "utf8");
    assert.ok(text.startsWith("|1|"));
    assert.equal(codeOf(text, one.blob), undefined);
    assert.equal(codeOf(text, other.blob, { port: 2222 }), undefined);
    assert.equal(codeOf(text, one.blob, { port: 2222 }), "PXE_HOST_KEY_CHANGED");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a pin goes before known_hosts; what was trusted first binds", () => {
  const known = `rack1.example ${other.line}`;
  assert.equal(codeOf(known, one.blob, { hostKey: fingerprint(one.blob) }), undefined);
  assert.equal(codeOf(known, one.blob, { hostKey: `${fingerprint(one.blob)}=` }), undefined);
  assert.equal(codeOf(known, other.blob, { hostKey: fingerprint(one.blob) }), "PXE_HOST_KEY_CHANGED");
  assert.equal(codeOf("", one.blob, { hostKey: "trust-first" }), undefined);
  assert.equal(codeOf("", one.blob, { hostKey: "trust-first", expected: fingerprint(one.blob) }), undefined);
  assert.equal(codeOf("", other.blob, { hostKey: "trust-first", expected: fingerprint(one.blob) }), "PXE_HOST_KEY_CHANGED");
});

test("the kinds of key that are known are asked for first", () => {
  assert.equal(offeredAlgorithms([])[0], "ssh-ed25519");
  const rsa = { type: "ssh-rsa", blob: Buffer.alloc(0), revoked: false };
  assert.deepEqual(offeredAlgorithms([rsa]).slice(0, 2), ["rsa-sha2-512", "rsa-sha2-256"]);
  assert.equal(offeredAlgorithms([rsa]).length, offeredAlgorithms([]).length);
});

test("the refusal of a changed key names both fingerprints and what to do, in every case", () => {
  const [seen, before] = [fingerprint(one.blob), fingerprint(other.blob)];
  const refusals = [
    judgeHostKey(policy("", { hostKey: before }), one.blob),
    judgeHostKey(policy("", { hostKey: "trust-first", expected: before }), one.blob),
    judgeHostKey(policy(`rack1.example ${other.line}`), one.blob),
  ];
  for (const refusal of refusals) {
    assert.equal(refusal?.code, "PXE_HOST_KEY_CHANGED");
    assert.ok(refusal.message.includes(seen) && refusal.message.includes(before), refusal.message);
    assert.match(refusal.message, /If the machine was really reinstalled, .*target\.hostKey = "SHA256:.*otherwise somebody is in between/);
  }
  assert.match(refusals[2]?.message ?? "", /ssh-keygen -R 'rack1\.example'/);
  const bastion = judgeHostKey({ ...policy("", { hostKey: before }), called: "the bastion jump:22", property: "proxyJump[0].hostKey" }, one.blob);
  assert.match(bastion?.message ?? "", /the bastion jump:22 presents .*set target\.proxyJump\[0\]\.hostKey = /);
});

test("PXE_KNOWN_HOSTS names a file instead of all; set but empty it counts as not set", () => {
  const folder = mkdtempSync(join(tmpdir(), "pxe-known-"));
  try {
    for (const name of ["mine", "other"]) writeFileSync(join(folder, name), `${name}\n`);
    const first = (override: string): string | undefined => readKnownHosts({ PXE_KNOWN_HOSTS: override }, [join(folder, "mine")]).split("\n")[0];
    assert.deepEqual([first(join(folder, "other")), first("")], ["other", "mine"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
