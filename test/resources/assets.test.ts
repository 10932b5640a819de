import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { PxeError } from "../../provider/errors";
import { AssetLibrary, assetInput } from "../../provider/resources/assets";

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
      if (request.url?.startsWith("/linux") === true) response.end(content);
      else if (request.url?.startsWith("/cut") === true) response.writeHead(200, { "content-length": 100 }).write("half", () => response.destroy());
      else if (request.headers.authorization === `Basic ${btoa("user:hunter2")}` && request.url?.startsWith("/guarded") === true) response.end(content);
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

  test("behind a password are fetched with it, and no message shows it", async () => {
    const secret = root.replace("http://", "http://user:hunter2@");
    const { spec } = await new AssetLibrary(join(folder, "guarded")).ready({ url: `${secret}/guarded?sig=hunter2` }, undefined);
    assert.deepEqual(spec, { name: "guarded", sha256: sum("a kernel"), size: 8 });
    for (const [url, sha256] of [[`${secret}/absent?sig=hunter2`], [`${secret}/linux?sig=hunter2`, sum("another")], ["http://user:hunter2@127.0.0.1:1/x?sig=hunter2"], [`${secret}/cut?sig=hunter2`]]) {
      const error: unknown = await new AssetLibrary(join(folder, "guarded")).ready({ url, sha256 }, undefined).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof PxeError && !error.message.includes("hunter2"), String(error));
    }
  });

  test("at URLs that are none, or that name no file, are refused in the schema", () => {
    for (const url of ["http://[bad", "ftp://10.77.0.1/linux", "http://10.77.0.1:99999/linux"]) {
      assert.match(assetInput.safeParse({ url }).error?.issues[0]?.message ?? "", /is not an http or https URL/);
    }
    for (const url of ["http://10.77.0.1", "http://10.77.0.1/?x=/y"]) {
      const issue = assetInput.safeParse({ url }).error?.issues[0];
      assert.match(issue?.message ?? "", /names no file/);
      assert.deepEqual(issue?.path, ["url"]);
      assert.ok(assetInput.safeParse({ url, name: "linux" }).success);
    }
    assert.ok(!assetInput.safeParse({ path: "/x", name: ".." }).success);
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
