import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { CommandResult } from "../../lab/project";
import { asking, ended, withRack, type Rack } from "../support/rack";

const words = ["kernel-word", "initrd-word", "module-word", "repository-word", "argument-word", "variable-word", "host-word", "other-word", "ed25519:"];

/** A profile whose every file and text has a secret in it. */
function program(rack: Rack, port: number): void {
  rack.program(`
const at = (word, file) => pulumi.secret("http://user:" + word + "@127.0.0.1:${String(port)}/" + file);
const server = new pxe.PxeServer("rack1", { target: "local", interfaces: ["lo"], ...${rack.portsText} });
const subnet = new pxe.DhcpSubnet("net", { server, cidr: "127.77.0.0/24", routers: ["127.77.0.254"] });
const profile = new pxe.BootProfile("rocky", {
  server, distro: { family: "rhel", release: "9", repository: pulumi.secret("http://user:repository-word@10.0.0.1/os") },
  kernel: { url: at("kernel-word", "vmlinuz") }, initrd: [{ url: at("initrd-word", "initrd.img") }, { path: "linux" }],
  loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }, { url: at("module-word", "menu.c32") }] } },
  kernelArgs: pulumi.secret("a=argument-word"),
  answer: pxe.kickstart({ template: "# <%= vars.word %> <%= secrets.word %>\\n", vars: { word: pulumi.secret("variable-word") } }),
});
new pxe.KickstartHost("db1", { server, subnet, profile, macs: ["52:54:00:12:34:01"], ip: "127.77.0.11", secrets: { word: "host-word" } });
const plain = new pxe.BootProfile("rocky-plain", {
  server, distro: { family: "rhel", release: "9", repository: "http://10.0.0.1/os" }, kernel: { path: "linux" }, initrd: [{ path: "linux" }],
  loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } }, answer: pxe.kickstart({ template: "# <%= host.name %>\\n" }),
});
new pxe.KickstartHost("rack1-node-101", { server, subnet, profile: plain, macs: ["52:54:00:12:34:02"], ip: "127.77.0.12", renderedDetail: "digest" });`);
}

test("no secret of a profile or host stands in a state or in what is shown, also after a drift", async () => {
  const files = createServer((request, response) => response.end(`the file ${request.url ?? ""}`)).listen(0, "127.0.0.1");
  await once(files, "listening");
  try {
    await withRack(async (rack) => {
      const quiet = (result: CommandResult): string => {
        const state = readFileSync(rack.stateFile, "utf8");
        for (const word of words) {
          assert.ok(!ended(result).includes(word), `${word} is shown: ${result.text}`);
          assert.ok(!state.includes(word), `the state holds ${word}`);
        }
        return result.text;
      };
      program(rack, (files.address() as AddressInfo).port);
      quiet(await rack.up("--diff"));
      const { deployment } = JSON.parse(quiet(await rack.run("stack", "export"))) as { deployment: { resources: { urn: string }[] } };
      const size = JSON.stringify(deployment.resources.find(({ urn }) => urn.endsWith("::rack1-node-101"))).length;
      assert.ok(size <= 3000, `a host in digest mode takes ${String(size)} bytes of state`);

      await asking(rack, async (agent) => {
        const { rev: _rev, ...profile } = await agent.document("profile", "rocky");
        const { rev: _hostRev, ...host } = await agent.document("host", "db1");
        assert.ok(profile.kind === "profile" && host.kind === "host");
        profile.spec.initrd.pop();
        await agent.apply({ owner: "lab/dev", put: [profile, { ...host, spec: { ...host.spec, ip: "127.77.0.99", secrets: { word: "other-word" } } }] });
      });
      assert.match(quiet(await rack.run("refresh", "--yes", "--diff")), /~ 2 updated/);
      assert.match(quiet(await rack.preview()), /~ 2 to update/);
      assert.match(quiet(await rack.up("--diff")), /~ 2 updated/);
      assert.match(quiet(await rack.up()), /7 unchanged/);
    });
  } finally {
    files.close();
  }
});
