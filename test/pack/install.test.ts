import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freePorts } from "../../lab/ports";
import { packageRoot, PulumiProject, runCommand } from "../../lab/project";
import { ended } from "../support/rack";

const program = (ports: string): string => `
import * as pulumi from "@pulumi/pulumi";
import * as pxe from "pulumi-pxe";

const server = new pxe.PxeServer("rack1", { target: "local", interfaces: ["lo"], ...${ports} });
const subnet = new pxe.DhcpSubnet("net", { server, cidr: "127.77.0.0/24", dnsServers: ["127.77.0.254"] });
const profile = new pxe.BootProfile("debian", {
  server, ...pxe.distro.debian(12, { installer: "." }),
  loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } },
  answer: pxe.preseed({ template: "d-i netcfg/get_hostname string <%= host.hostname %>\\n" }),
});
const host = new pxe.KickstartHost("db1", { server, subnet, profile, macs: ["52:54:00:12:34:01"] });
export const state = pulumi.interpolate\`\${host.state}\`;
`;

test("the packed package, installed into an empty folder, runs a plain user program, an ES module", async () => {
  const scratch = mkdtempSync(join(tmpdir(), "pxe-pack-"));
  const { version } = JSON.parse(readFileSync(join(packageRoot, "node_modules", "@pulumi", "pulumi", "package.json"), "utf8")) as { version: string };
  let project: PulumiProject | undefined;
  try {
    ended(await runCommand("npm", ["pack", "--ignore-scripts", "--pack-destination", scratch], packageRoot, process.env));
    const [tarball] = readdirSync(scratch);
    assert.match(tarball ?? "", /^pulumi-pxe-.*\.tgz$/);
    project = new PulumiProject("packed", (folder, name) => {
      writeFileSync(join(folder, "Pulumi.yaml"), `name: ${name}\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n`);
      writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "program", private: true, type: "module", main: "index.js" }));
      for (const file of ["linux", "initrd.gz", "pxelinux.0", "ldlinux.c32"]) writeFileSync(join(folder, file), file);
    });
    const packages = [join(scratch, tarball ?? ""), `@pulumi/pulumi@${version}`];
    ended(await runCommand("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--omit=dev", ...packages], project.folder, process.env));
    const modules = join(project.folder, "node_modules");
    project.env["PATH"] = `${join(modules, "@pulumi", "pulumi")}:${process.env["PATH"] ?? ""}`;
    project.file("index.js", program(JSON.stringify(await freePorts())));

    assert.match(ended(await project.preview()), /\+ 5 to create/);
    assert.match(ended(await project.up()), /state: "armed"[\s\S]*\+ 5 created/);
    assert.match(ended(await project.up()), /5 unchanged/);
    assert.match(ended(await project.destroy()), /- 5 deleted/);
  } finally {
    project?.close();
    rmSync(scratch, { recursive: true, force: true });
  }
});
