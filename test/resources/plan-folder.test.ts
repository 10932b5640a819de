import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { writePlan, type PlannedHost } from "../../provider/resources/plan-folder";

const usual: PlannedHost = {
  server: "PxeServer::rack1", host: "db1",
  rendered: { "preseed.cfg": "answer ‹secret:root›\n", "bios/pxelinux.cfg": "install\n", dhcp: "address 10.77.0.11/24\n" },
};

function scratch(t: TestContext): { readonly folder: string; readonly env: NodeJS.ProcessEnv } {
  const folder = mkdtempSync(join(tmpdir(), "pxe-plan-test-"));
  t.after(() => { rmSync(folder, { recursive: true, force: true }); });
  return { folder, env: { PXE_PLAN_DIR: folder } };
}

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
}

const record = (folder: string): unknown => JSON.parse(readFileSync(join(folder, "rack1", "db1", "plan.json"), "utf8"));

describe("the folder of a plan", () => {
  test("holds each file by the name that it is served by, for its owner's eyes", (t) => {
    const { folder, env } = scratch(t);
    writePlan(env, { ...usual, arming: "WILL INSTALL at its next network boot" });
    assert.deepEqual(files(folder), ["rack1/db1/bios/pxelinux.cfg", "rack1/db1/dhcp.txt", "rack1/db1/plan.json", "rack1/db1/preseed.cfg"]);
    assert.equal(readFileSync(join(folder, "rack1/db1/preseed.cfg"), "utf8"), "answer ‹secret:root›\n");
    assert.deepEqual(record(folder), {
      host: "db1", server: "rack1", change: "new", arming: "WILL INSTALL at its next network boot", files: ["bios/pxelinux.cfg", "dhcp.txt", "preseed.cfg"],
    });
    assert.equal(statSync(join(folder, "rack1/db1/preseed.cfg")).mode & 0o777, 0o600);
    assert.equal(statSync(join(folder, "rack1/db1")).mode & 0o777, 0o700);
  });

  test("holds digests where the texts hold a secret that is no placeholder", (t) => {
    const { folder, env } = scratch(t);
    writePlan(env, { ...usual, secret: true });
    const digest = createHash("sha256").update("answer ‹secret:root›\n").digest("hex");
    assert.equal(readFileSync(join(folder, "rack1/db1/preseed.cfg"), "utf8"), `‹secret› sha256:${digest} 25 bytes: the template, its vars or kernelArgs are a secret\n`);
    writePlan(env, { ...usual, secret: true, previous: usual.rendered });
    assert.deepEqual(record(folder), { host: "db1", server: "rack1", change: "unchanged", files: ["bios/pxelinux.cfg", "dhcp.txt", "preseed.cfg"] });
  });

  test("nothing is written unless it is asked for", (t) => {
    const { folder } = scratch(t);
    for (const env of [{}, { PXE_PLAN_DIR: "" }]) writePlan(env, usual);
    assert.deepEqual(files(folder), []);
  });

  test("a later run replaces what an earlier one left of the host, and nothing else", (t) => {
    const { folder, env } = scratch(t);
    writePlan(env, usual);
    writePlan(env, { ...usual, host: "db2" });
    writeFileSync(join(folder, "rack1/db1/notes.txt"), "mine");
    writePlan(env, { ...usual, rendered: { "ks.cfg": "other\n" }, previous: usual.rendered });
    writePlan(env, { ...usual, rendered: { "ks.cfg": "other\n" }, previous: usual.rendered });
    assert.deepEqual(files(folder).filter((name) => name.includes("db1")), ["rack1/db1/ks.cfg", "rack1/db1/notes.txt", "rack1/db1/plan.json"]);
    assert.equal(files(folder).filter((name) => name.includes("db2")).length, 4);
    assert.deepEqual(record(folder), { host: "db1", server: "rack1", change: "changed", files: ["ks.cfg"] });
  });

  test("tells whether what is served differs from the last run, kept as text, as digests, or by version 0.1.0", (t) => {
    const { folder, env } = scratch(t);
    const change = (plan: Partial<PlannedHost>): unknown => {
      writePlan(env, { ...usual, ...plan });
      return (record(folder) as { change: unknown }).change;
    };
    const digest = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex").slice(0, 32)} ${String(Buffer.byteLength(text))} bytes`;
    const digests = Object.fromEntries(Object.entries(usual.rendered).map(([path, text]) => [path, digest(text)]));
    const { dhcp: _dhcp, ...older } = usual.rendered;
    assert.deepEqual([usual.rendered, digests, older].map((previous) => change({ previous })), ["unchanged", "unchanged", "unchanged"]);
    const edited = { ...usual.rendered, "preseed.cfg": "another answer\n" };
    assert.deepEqual([usual.rendered, digests, older].map((previous) => change({ previous, rendered: edited })), ["changed", "changed", "changed"]);
    assert.equal(change({ previous: { ...usual.rendered, "ks.cfg": "" } }), "changed");
    assert.equal(change({ rendered: {} }), "unknown");
  });

  test("no name leads out of the folder", (t) => {
    const { folder, env } = scratch(t);
    for (const odd of ["..", ".", "a/b", "", ".hidden"]) {
      assert.throws(() => { writePlan(env, { ...usual, host: odd }); }, { code: "PXE_INPUT_INVALID" }, odd);
      assert.throws(() => { writePlan(env, { ...usual, server: odd }); }, { code: "PXE_INPUT_INVALID" }, odd);
    }
    for (const odd of ["../x", "a/../../x", "/etc/x", "a//b", "a/.x", "", "plan.json"]) {
      assert.throws(() => { writePlan(env, { ...usual, rendered: { [odd]: "" } }); }, { code: "PXE_INPUT_INVALID" }, odd);
    }
    assert.deepEqual(files(folder), []);
  });

  test("a file that no plan wrote is never overwritten", (t) => {
    const { folder, env } = scratch(t);
    mkdirSync(join(folder, "rack1", "db1"), { recursive: true });
    writeFileSync(join(folder, "rack1/db1/preseed.cfg"), "my own");
    for (let run = 0; run < 2; run++) {
      assert.throws(() => { writePlan(env, usual); }, { code: "PXE_PLAN_FOLDER", message: /preseed\.cfg is there already, and no plan wrote it.*host\/db1/ });
    }
    assert.equal(readFileSync(join(folder, "rack1/db1/preseed.cfg"), "utf8"), "my own");
    assert.ok(!existsSync(join(folder, "rack1/db1/plan.json")));
    writeFileSync(join(folder, "rack1/db1/plan.json"), '{"files":["../../x"]}');
    assert.throws(() => { writePlan(env, usual); }, { code: "PXE_PLAN_FOLDER", message: /plan\.json is there already/ });
  });

  test("a folder that can't be written is an error with a code and the host", (t) => {
    const { folder } = scratch(t);
    writeFileSync(join(folder, "file"), "");
    const env = { PXE_PLAN_DIR: join(folder, "file") };
    assert.throws(() => { writePlan(env, usual); }, { code: "PXE_PLAN_FOLDER", message: /ENOTDIR.*\(host\/db1\)\. Let PXE_PLAN_DIR name a folder/ });
  });
});
