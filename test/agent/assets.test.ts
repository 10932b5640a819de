import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, test } from "node:test";
import { AssetStore } from "../../provider/agent/assets";
import { PxeError, type ErrorCode } from "../../provider/errors";
import { command } from "../support/command";

function sumOf(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

function hasCode(code: ErrorCode) {
  return (error: unknown): boolean => error instanceof PxeError && error.code === code;
}

describe("asset store", () => {
  let folder = "";
  beforeEach(async () => { folder = await mkdtemp(path.join(tmpdir(), `pxe-assets-${process.pid}-`)); });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const files = (): Promise<string[]> => readdir(path.join(folder, "assets"));

  test("an asset is kept under its sum and read back, also by the next start", async () => {
    const content = Buffer.from("kernel ".repeat(1000));
    const sha256 = sumOf(content);
    const store = await AssetStore.at(folder);
    assert.deepEqual(store.missing([sha256, "0".repeat(64)]), [sha256, "0".repeat(64)]);
    assert.deepEqual(await store.put(sha256, Readable.from([content.subarray(0, 10), content.subarray(10)])), { sha256, size: content.length });
    assert.deepEqual(await files(), [sha256]);

    const again = await AssetStore.at(folder, { cachedFile: 10 });
    assert.deepEqual(again.missing([sha256]), []);
    assert.deepEqual(again.list(), [{ sha256, size: content.length }]);
    for (const asset of [await store.open(sha256), await store.open(sha256), await again.open(sha256)]) {
      assert.ok(asset !== undefined);
      assert.equal(asset.size, content.length);
      assert.deepEqual(await asset.read(5, 20), content.subarray(5, 25));
      assert.deepEqual(Buffer.concat(await asset.stream(3, 8).toArray() as Buffer[]), content.subarray(3, 9));
      assert.equal((await asset.read(content.length - 3, 20)).length, 3);
      await asset.close();
    }
  });

  test("content that isn't what its sum says is refused and not kept", async () => {
    const store = await AssetStore.at(folder);
    await assert.rejects(store.put("0".repeat(64), Readable.from([Buffer.from("x")])), hasCode("PXE_ASSET_HASH"));
    await assert.rejects(store.put("../../etc/passwd", Readable.from([Buffer.from("x")])), hasCode("PXE_INPUT_INVALID"));
    assert.deepEqual(await files(), []);
    assert.deepEqual(store.list(), []);
  });

  test("a full disk is told as such and nothing is kept", async () => {
    const store = await AssetStore.at(folder, {
      create: async (file) => {
        await writeFile(file, "part");
        return {
          writeFile: () => Promise.reject(Object.assign(new Error("write"), { code: "ENOSPC" })),
          sync: () => Promise.resolve(),
          close: () => Promise.resolve(),
        };
      },
    });
    await assert.rejects(store.put(sumOf(Buffer.from("x")), Readable.from([Buffer.from("x")])), hasCode("PXE_DISK_FULL"));
    assert.deepEqual(await files(), []);
  });

  test("an upload that breaks off leaves nothing, and its error passes through", async () => {
    const store = await AssetStore.at(folder);
    async function* broken(): AsyncIterable<Uint8Array> {
      yield Buffer.from("half");
      await Promise.reject(new Error("connection lost"));
    }
    await assert.rejects(store.put("0".repeat(64), broken()), /connection lost/);
    assert.deepEqual(await files(), []);
  });

  test("what an earlier run left unfinished is removed at the start", async () => {
    await AssetStore.at(folder);
    await writeFile(path.join(folder, "assets", "incoming-abc"), "half");
    const store = await AssetStore.at(folder);
    assert.deepEqual(await files(), []);
    assert.deepEqual(store.list(), []);
  });

  test("D16 an asset that was cut or replaced is not served, and then counts as missing", async () => {
    for (const cachedFile of [0, 1 << 20]) {
      const content = Buffer.from(`some content ${cachedFile}`);
      const sha256 = sumOf(content);
      await (await AssetStore.at(folder)).put(sha256, Readable.from([content]));
      const store = await AssetStore.at(folder, { cachedFile });
      await truncate(path.join(folder, "assets", sha256), 4);
      assert.equal(await store.open(sha256), undefined);
      assert.deepEqual(store.missing([sha256]), [sha256]);
    }
  });

  test("D16 content that was changed in place is not served from memory", async () => {
    const content = Buffer.from("right");
    const sha256 = sumOf(content);
    const store = await AssetStore.at(folder);
    await store.put(sha256, Readable.from([content]));
    await writeFile(path.join(folder, "assets", sha256), "wrong");
    assert.equal(await store.open(sha256), undefined);
  });

  test("D19 a link, a FIFO or a folder in an asset's place is not followed and doesn't hang", async () => {
    const content = Buffer.from("right");
    const sha256 = sumOf(content);
    const place = path.join(folder, "assets", sha256);
    const makers: (() => Promise<unknown>)[] = [
      () => symlink("/etc/passwd", place),
      () => command("mkfifo", [place]),
      () => command("mkdir", [place]),
    ];
    for (const make of makers) {
      const store = await AssetStore.at(folder);
      await store.put(sha256, Readable.from([content]));
      await rm(place);
      await make();
      assert.equal(await store.open(sha256), undefined);
      await rm(place, { recursive: true });
    }
  });

  test("the memory for small files stays within its budget", async () => {
    const store = await AssetStore.at(folder, { cacheBudget: 100, cachedFile: 60 });
    const sums: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      const content = Buffer.alloc(50, i);
      sums.push(sumOf(content));
      await store.put(sumOf(content), Readable.from([content]));
      assert.ok((await store.open(sumOf(content)))?.bytes !== undefined);
    }
    await rm(path.join(folder, "assets"), { recursive: true });
    const kept: boolean[] = [];
    for (const sha256 of sums) kept.push((await store.open(sha256)) !== undefined);
    assert.deepEqual(kept, [false, false, false, true, true]);
  });

  test("two uploads of one asset at once both succeed", async () => {
    const content = Buffer.alloc(300_000, 7);
    const sha256 = sumOf(content);
    const store = await AssetStore.at(folder);
    await Promise.all([store.put(sha256, Readable.from([content])), store.put(sha256, Readable.from([content]))]);
    assert.deepEqual(await files(), [sha256]);
  });
});
