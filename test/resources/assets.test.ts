import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { AssetLibrary } from "../../provider/resources/assets";

const sum = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("files of a profile", () => {
  let folder: string;
  let server: Server;
  let root: string;
  let content: string;
  let fetches: number;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "pxe-assets-"));
    server = createServer((request, response) => {
      fetches++;
      if (request.url === "/linux") response.end(content);
      else if (request.url === "/cut") response.writeHead(200, { "content-length": 100 }).write("half", () => response.destroy());
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    root = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    content = "a kernel";
    fetches = 0;
  });

  test("are downloaded once, kept by their sum, and found there by a later operation", async () => {
    const cache = join(folder, "once");
    const library = new AssetLibrary(cache);
    const [one, other] = await Promise.all([library.ready({ url: `${root}/linux` }, undefined), library.ready({ url: `${root}/linux` }, undefined)]);
    assert.deepEqual(one.spec, { name: "linux", sha256: sum(content), size: 8 });
    assert.deepEqual(other.spec, one.spec);
    assert.equal(readFileSync(one.file ?? "", "utf8"), content);
    await new AssetLibrary(cache).ready({ url: `${root}/linux`, sha256: sum(content) }, undefined);
    assert.equal(fetches, 1);
  });

  test("stay what an unpinned URL once gave", async () => {
    const recorded = { name: "linux", sha256: sum("an older kernel"), size: 15 };
    const ready = await new AssetLibrary(join(folder, "recorded")).ready({ url: `${root}/linux` }, recorded);
    assert.deepEqual(ready.spec, recorded);
    assert.equal(ready.file, undefined);
    assert.equal(fetches, 0);
  });

  test("with another sum than the pinned one are refused, and nothing is kept of them", async () => {
    const cache = join(folder, "pinned");
    await assert.rejects(new AssetLibrary(cache).ready({ url: `${root}/linux`, sha256: sum("another") }, undefined), /PXE_ASSET_HASH: .*\/linux has the SHA-256 sum/);
    assert.deepEqual(readdirSync(cache), []);
  });

  test("that can't be had say why", async () => {
    const library = new AssetLibrary(join(folder, "missing"));
    await assert.rejects(library.ready({ url: `${root}/absent` }, undefined), /PXE_ASSET_MISSING: .*\/absent can't be downloaded: the server answers 404/);
    await assert.rejects(library.ready({ url: "http://127.0.0.1:1/x" }, undefined), /PXE_ASSET_MISSING: .*can't be downloaded/);
    await assert.rejects(library.ready({ url: `${root}/cut` }, undefined), /PXE_ASSET_MISSING: .*\/cut can't be downloaded/);
  });

  test("on this machine are hashed again when they change", () => {
    const file = join(folder, "initrd.gz");
    const library = new AssetLibrary(join(folder, "local"));
    writeFileSync(file, "one");
    assert.deepEqual(library.plan({ path: file }, "profile/x", "initrd[0]"), { asset: { name: "initrd.gz", sha256: sum("one"), size: 3 }, findings: [] });
    writeFileSync(file, "other");
    assert.equal(library.plan({ path: file }, "profile/x", "initrd[0]").asset.sha256, sum("other"));
    const pinned = library.plan({ path: file, sha256: sum("one") }, "profile/x", "initrd[0]");
    assert.deepEqual(pinned.findings.map((item) => [item.code, item.where[0]?.property]), [["PXE_ASSET_HASH", "initrd[0].sha256"]]);
  });
});
