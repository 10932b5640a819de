import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import { LocalShell } from "../../provider/deploy/local-shell";
import { commandError, commandLine, mustRun, quote, upload, type Upload } from "../../provider/deploy/shell";
import { lastLines } from "../../provider/deploy/text";

const shell = new LocalShell();
let folder = "";
before(() => {
  folder = mkdtempSync(join(tmpdir(), "pxe-shell-"));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

function file(bytes: Buffer, changes: Partial<Upload> = {}): Upload {
  return {
    path: join(folder, "deep", "er", "file"), mode: "640", size: bytes.length, called: "a file",
    sha256: createHash("sha256").update(bytes).digest("hex"), open: () => Readable.from([bytes]), ...changes,
  };
}

describe("a shell", () => {
  test("gives output, complaints and exit code apart", async () => {
    assert.deepEqual(await shell.run("echo out; echo err >&2; exit 3"), { code: 3, stdout: "out\n", stderr: "err\n" });
    assert.equal((await shell.run("kill -9 $$")).code, null);
  });

  test("feeds input, and survives a command that takes none of it", async () => {
    const bytes = randomBytes(3_000_000);
    const result = await shell.run("wc -c", { input: Readable.from([bytes]) });
    assert.equal(result.stdout.trim(), "3000000");
    assert.equal((await shell.run("exit 4", { input: Readable.from([bytes]) })).code, 4);
  });

  test("gives up on a command that falls silent", async () => {
    await assert.rejects(shell.run("sleep 20", { silence: 100 }), { code: "PXE_CONNECTION_LOST" });
  });

  test("quotes any word for sh", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string().filter((text) => !text.includes("\0")), async (word) => {
        assert.equal((await shell.run(`printf %s ${quote(word)}`)).stdout, word);
      }),
      { numRuns: 30 },
    );
    assert.equal(commandLine("echo 'a'", true), "sudo -n -- sh -c 'echo '\\''a'\\'''");
  });

  test("a command that must succeed tells the end of what it said; a full disk has a code of its own", async () => {
    await assert.rejects(mustRun(shell, "trying", "echo one; echo two >&2; exit 9"), (error: Error) => /trying on this machine ended with 9: one\ntwo/.test(error.message));
    const full = commandError(shell, "uploading", { code: 1, stdout: "", stderr: "cat: write error: No space left on device" });
    assert.equal(full.code, "PXE_DISK_FULL");
    assert.equal(commandError(shell, "unpacking", { code: 2, stdout: "", stderr: "tar: node: Wrote only 5632 of 10240 bytes" }).code, "PXE_DISK_FULL");
    assert.equal(lastLines("a\n\nb\n c \n", 2), "b\n c");
  });
});

describe("an upload", () => {
  test("arrives whole, with its mode, and replaces what was there", async () => {
    for (const size of [0, 1, 2_000_000]) {
      const bytes = randomBytes(size);
      const sent = file(bytes);
      await upload(shell, sent);
      assert.ok(readFileSync(sent.path).equals(bytes));
      assert.equal(statSync(sent.path).mode & 0o777, 0o640);
    }
  });

  test("that is cut short or altered leaves the old file and no part", async () => {
    const old = Buffer.from("old");
    const sent = file(old, { path: join(folder, "kept") });
    await upload(shell, sent);
    const bytes = randomBytes(1000);
    await assert.rejects(upload(shell, { ...file(bytes), path: sent.path, size: 2000 }), /only 1000 of 2000 bytes arrived/);
    await assert.rejects(upload(shell, { ...file(bytes), path: sent.path, sha256: "0".repeat(64) }), { code: "PXE_COMMAND_FAILED" });
    assert.equal(readFileSync(sent.path, "utf8"), "old");
    assert.ok(!existsSync(`${sent.path}.part`));
  });

  test("writes over the part that an interrupted one left", async () => {
    const bytes = randomBytes(1000);
    const sent = file(bytes, { path: join(folder, "again") });
    writeFileSync(`${sent.path}.part`, randomBytes(5000));
    await upload(shell, sent);
    assert.ok(readFileSync(sent.path).equals(bytes));
  });

  test("fails with the reason when its source can't be read", async () => {
    const broken = (): Readable => new Readable({ read() { this.destroy(new Error("the source is a teapot")); } });
    await assert.rejects(upload(shell, file(Buffer.alloc(10), { path: join(folder, "x"), open: broken })), /teapot/);
  });
});
