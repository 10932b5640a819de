import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { command } from "../support/command";
import { hosts, httpLab, type HttpLab } from "../support/http-lab";

describe("boot HTTP with curl and wget", () => {
  let lab: HttpLab;
  let folder = "";
  before(async () => {
    lab = await httpLab();
    folder = await mkdtemp(path.join(tmpdir(), `pxe-http-${process.pid}-`));
  });
  after(async () => {
    await lab.close();
    await rm(folder, { recursive: true, force: true });
  });
  const url = (target: string): string => `http://127.0.0.1:${lab.port}${target}`;
  const largeUrl = (): string => url(`/a/${lab.large.sha256}/initrd.gz`);

  async function curl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await command("curl", ["-sS", "--max-time", "20", ...args]);
    assert.equal(code, 0, stderr);
    return stdout.toString("latin1");
  }

  test("C7 HEAD then GET on one connection, as EDK2 does", async () => {
    const out = path.join(folder, "edk2");
    const log = await curl("-I", largeUrl(), "--next", "-sS", "-o", out, "-w", "%{num_connects} %{http_code} %{size_download}", largeUrl());
    assert.match(log, /^HTTP\/1\.1 200 OK\r\n/);
    assert.match(log, new RegExp(`content-length: ${lab.large.size}\r\n`, "i"));
    assert.match(log, new RegExp(`0 200 ${lab.large.size}$`), "the second request used the first one's connection");
    assert.ok((await readFile(out)).equals(lab.largeContent));
  });

  test("C6 a range, and a download that is resumed", async () => {
    const part = path.join(folder, "part");
    await curl("-r", "1000-1999", "-o", part, largeUrl());
    assert.ok((await readFile(part)).equals(lab.largeContent.subarray(1000, 2000)));
    const out = path.join(folder, "resumed");
    await curl("-o", out, largeUrl());
    await truncate(out, 1_000_000);
    await curl("-C", "-", "-o", out, largeUrl());
    assert.ok((await readFile(out)).equals(lab.largeContent));
  });

  test("C2 HTTP/1.0, with and without keep-alive", async () => {
    for (const headers of [[], ["-H", "Connection: keep-alive"]]) {
      const out = path.join(folder, "http10");
      const head = await curl("-0", ...headers, "-D", "-", "-o", out, largeUrl());
      assert.doesNotMatch(head, /transfer-encoding/i);
      assert.match(head, /content-length/i);
      assert.ok((await readFile(out)).equals(lab.largeContent));
    }
  });

  test("a 404 on a kept-alive connection ends at once, for GET and for HEAD", async () => {
    const started = Date.now();
    assert.equal(await curl(url("/grubx64.efi"), "-H", "Connection: keep-alive"), "not found\n");
    assert.match(await curl("-I", url("//revocations_sku.efi")), /^HTTP\/1\.1 404 [^]*connection: close\r\n/i);
    const both = await curl(url("/missing"), largeUrl(), "-o", path.join(folder, "a"), "-o", path.join(folder, "b"), "-w", "%{http_code} ");
    assert.equal(both, "404 200 ");
    assert.ok(Date.now() - started < 5000);
  });

  test("C10 GNU wget resumes", async () => {
    const out = path.join(folder, "wget");
    const first = await command("wget", ["-q", "-O", out, largeUrl()]);
    assert.equal(first.code, 0, first.stderr);
    await truncate(out, 123_456);
    const second = await command("wget", ["-q", "-c", "-O", out, largeUrl()]);
    assert.equal(second.code, 0, second.stderr);
    assert.ok((await readFile(out)).equals(lab.largeContent));
  });

  test("C9 C10 the installers' way: the answer file and the reports, by curl and by busybox wget", async () => {
    const { db1, db2 } = hosts;
    const answer = await curl("--interface", db1.address, "--location", "--retry", "3", "--fail", url(`/answer/${lab.token("db1")}/preseed.cfg`));
    assert.match(answer, /geheim-db1/);
    assert.equal(await curl("--interface", db1.address, "-d", "stage=installing", "--data-urlencode", "text=über & alles", url(`/report/${lab.token("db1")}`)), "ok\n");
    assert.equal(lab.state.hostByMac(db1.mac)?.facts.state, "installing");

    const report = await command("busybox", ["wget", "-q", "-O", "-", "--post-data", "stage=wiping", url(`/report/${lab.token("db2")}`)]);
    assert.notEqual(report.code, 0, "busybox wget can't choose its address, and 127.0.0.1 is not the host's");
    lab.lease("127.0.0.1", db2.mac);
    const leased = await command("busybox", ["wget", "-q", "-O", "-", "--post-data", "stage=wiping", url(`/report/${lab.token("db2")}`)]);
    assert.deepEqual([leased.code, leased.stdout.toString()], [0, "ok\n"], leased.stderr);
    assert.equal(lab.state.hostByMac(db2.mac)?.facts.state, "wiping");
  });

  test("32 clients at once get the whole file", async () => {
    await Promise.all(Array.from({ length: 32 }, async (_, at) => {
      const out = path.join(folder, `many-${at}`);
      await curl("-o", out, largeUrl());
      assert.ok((await readFile(out)).equals(lab.largeContent));
    }));
  });
});
