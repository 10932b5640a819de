import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot, userProgram } from "../../lab/project";
import { ended, withRack } from "../support/rack";

/**
 * Lays the pack out as a user's own folder, and starts it as the language host of Pulumi's distribution does. The CLI takes a program
 * in the place of a folder: so the test needs no language host that can run plugins, which one built from the older module can't.
 * @returns the program
 */
function layOut(folder: string): string {
  userProgram(folder, "pxe-policies");
  symlinkSync(join(packageRoot, "node_modules", "@pulumi", "policy"), join(folder, "node_modules", "@pulumi", "policy"));
  cpSync(join(packageRoot, "examples", "policies"), folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "pxe-policies", version: "1.0.0", private: true }));
  const start = join(folder, "start");
  writeFileSync(start, `#!/bin/sh\ncd "${folder}" && exec node node_modules/@pulumi/pulumi/cmd/run-policy-pack "$1" .\n`);
  chmodSync(start, 0o755);
  return start;
}

test("a policy pack reads the inputs of servers, subnets and hosts, what they will be served among them, and stops a preview", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pxe-policy-"));
  try {
    const pack = layOut(folder);
    await withRack(async (rack) => {
      const template = "d-i passwd/root-password password hunter2\n";
      const group = 'new pxe.KickstartHostGroup("web", { server, subnet, profile, hosts: { web1: { macs: ["52:54:00:12:34:02"], ip: "127.77.0.12", reinstall: "2026-12" } } });';
      ended(await rack.run("stack", "rename", "prod"));
      rack.shape({ template, hosts: [{ name: "db1", mac: "52:54:00:12:34:01", ip: "127.77.0.11", more: 'reinstall: "2026-11",' }], more: group });
      const refused = await rack.preview("--policy-pack", pack);
      assert.notEqual(refused.status, 0, refused.text);
      for (const name of ["db1", "web"]) assert.match(refused.text, new RegExp(`hosts-are-protected[\\s\\S]*${name} has no \`protect: true\``));
      assert.match(refused.text, /no-reinstall-in-prod[\s\S]*reinstall: "2026-11" would overwrite the disk of db1/);
      assert.match(refused.text, /no-reinstall-in-prod[\s\S]*reinstall: "2026-12" would overwrite the disk of web1/);
      assert.match(refused.text, /own-name-servers[\s\S]*127\.77\.0\.254 is outside 10\./);
      for (const name of ["db1", "web1"]) assert.match(refused.text, new RegExp(`no-plain-passwords[\\s\\S]*preseed\\.cfg of ${name} sets a plain password`));

      rack.shape({ hosts: [{ name: "db1", mac: "52:54:00:12:34:01", ip: "127.77.0.11", options: "protect: true" }] });
      const settings = join(folder, "policy.json");
      writeFileSync(settings, JSON.stringify({ "own-name-servers": { prefix: "127." } }));
      assert.match(ended(await rack.preview("--policy-pack", pack, "--policy-pack-config", settings)), /\+ 5 to create/);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
