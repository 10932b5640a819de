import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readTarEntry } from "../../provider/deploy/tar";

test("reads single files of what tar has packed", () => {
  const folder = mkdtempSync(join(tmpdir(), "pxe-tar-"));
  try {
    mkdirSync(join(folder, "package", "linux_x64"), { recursive: true });
    const files = { "package/package.json": Buffer.from("{}"), "package/linux_x64/koffi.node": randomBytes(70_001), "package/empty": Buffer.alloc(0) };
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
    execFileSync("tar", ["-czf", "all.tgz", "--format=ustar", "package"], { cwd: folder });
    const tarball = readFileSync(join(folder, "all.tgz"));
    for (const [name, bytes] of Object.entries(files)) assert.deepEqual(readTarEntry(tarball, name), bytes, name);
    assert.equal(readTarEntry(tarball, "package/none"), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
