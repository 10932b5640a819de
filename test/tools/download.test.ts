import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { loadTool } from "./load";

interface Download {
  downloadReachable: (from: string | undefined) => Promise<string | undefined>;
  downloadPulumi: (folder: string, from: string) => Promise<void>;
}

describe("the official Pulumi release", () => {
  const scratch = mkdtempSync(join(tmpdir(), "pxe-download-"));
  let server: Server;
  let site = "";

  before(async () => {
    mkdirSync(join(scratch, "release", "pulumi"), { recursive: true });
    writeFileSync(join(scratch, "release", "pulumi", "pulumi"), "a program");
    execFileSync("tar", ["-czf", join(scratch, "release.tar.gz"), "-C", join(scratch, "release"), "pulumi"]);
    server = createServer((request, response) => {
      const release = readFileSync(join(scratch, "release.tar.gz"));
      if (request.url === "/whole") response.end(release);
      else if (request.url === "/cut") {
        response.writeHead(200, { "content-length": release.length });
        response.write(release.subarray(0, 40), () => response.destroy());
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  const folder = (name: string): string => {
    mkdirSync(join(scratch, name));
    return join(scratch, name);
  };

  test("its programs end up in the folder, and nothing else", async () => {
    const { downloadPulumi, downloadReachable } = await loadTool<Download>("setup/pulumi-download.mjs");
    assert.equal(await downloadReachable(`${site}/whole`), undefined);
    const into = folder("whole");
    await downloadPulumi(into, `${site}/whole`);
    assert.deepEqual(readdirSync(into), ["pulumi"]);
    assert.equal(readFileSync(join(into, "pulumi"), "utf8"), "a program");
  });

  test("a site without it, one that isn't there, and a cut transfer are told in words", async () => {
    const { downloadPulumi, downloadReachable } = await loadTool<Download>("setup/pulumi-download.mjs");
    assert.equal(await downloadReachable(`${site}/gone`), "it answers 404");
    assert.match((await downloadReachable("http://127.0.0.1:1/")) ?? "", /refused|bad port/);
    await assert.rejects(downloadPulumi(folder("gone"), `${site}/gone`), /the site answers 404/);
    await assert.rejects(downloadPulumi(folder("cut"), `${site}/cut`), /other side closed|terminated|aborted/);
  });
});
