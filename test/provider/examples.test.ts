import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { packageRoot, PulumiProject, runCommand } from "../../lab/project";
import { compileCache, ended } from "../support/rack";

/** What the preview of each example shows, in examples/<name>; `lab` and `policies` have tests of their own. */
const examples: Readonly<Record<string, readonly RegExp[]>> = {
  "quickstart": [/\+ 6 to create/, /PxeServer rack1 create/, /KickstartHost db1 create/],
  "several-subnets": [/\+ 12 to create/, /DhcpSubnet row2 create/, /KickstartHost row2-2 create/, /DhcpSubnet row3 create/, /KickstartHost row3-1 create/],
  "mixed": [/\+ 9 to create/, /BootProfile rack1-debian create/, /BootProfile rack1-rocky create/],
  "two-stacks/network": [/\+ 2 to create/],
  "two-stacks/machines": [/\+ 4 to create/, /KickstartHost web1 create/],
  "rack-csv": [/\+ 6 to create/, /KickstartHostGroup machines create/],
  "hand-over": [/\+ 9 to create/, /InstallWait installed create/, /command:local:Command configure create/],
};

/** Settings that an example can't do without. */
const settings: Readonly<Record<string, readonly string[]>> = { "hand-over": ["--config", "sshKey=ssh-ed25519 AAAA me@example"] };

/** In the place of the plugin of @pulumi/command, which comes from Pulumi's own site: a preview asks it to check inputs, no more. */
const commandPlugin = `#!/usr/bin/env node
require(${JSON.stringify(join(packageRoot, "node_modules", "@pulumi", "pulumi", "provider"))}).main(
  { version: "4.5.0", check: async (urn, olds, news) => ({ inputs: news }) }, process.argv.slice(2));
`;

describe("the examples preview offline", { concurrency: 2 }, () => {
  /** Has its name from examples/two-stacks: what the second program there asks for. */
  let network: PulumiProject;
  let env: NodeJS.ProcessEnv;
  const stack = `test-${String(process.pid)}`;

  before(async () => {
    network = new PulumiProject("pxe-network");
    network.program(`exports.server = pulumi.secret({ self: "PxeServer::boot", connection: { kind: "ssh", host: "10.77.0.1", port: 22 }, controlKey: "a key" });`);
    ended(await network.up());
    const loaders = join(network.folder, "loaders");
    mkdirSync(loaders);
    for (const file of ["pxelinux.0", "ldlinux.c32"]) writeFileSync(join(loaders, file), file);
    const plugin = join(network.folder, "pulumi-resource-command");
    writeFileSync(plugin, commandPlugin);
    chmodSync(plugin, 0o755);
    env = { ...network.env, ...compileCache(), PATH: [network.env["PATH"] ?? "", network.folder].join(delimiter), PXE_SYSLINUX_DIR: loaders };
  });
  after(() => network.close());

  for (const [name, expected] of Object.entries(examples)) {
    test(name, async () => {
      const folder = join(packageRoot, "examples", name);
      const written = join(folder, `Pulumi.${stack}.yaml`);
      const run = (...args: string[]): ReturnType<typeof runCommand> => runCommand("pulumi", [...args, "--stack", stack, "--non-interactive", "--color", "never"], folder, env);
      try {
        ended(await runCommand("pulumi", ["stack", "init", stack, "--no-select", "--non-interactive"], folder, env));
        const plan = ended(await run("preview", ...(settings[name] ?? [])));
        for (const each of expected) assert.match(plan, each);
      } finally {
        rmSync(written, { force: true });
      }
    });
  }
});

test("every example is in a test, has a README that is short, and says what it is", () => {
  const folders = readdirSync(join(packageRoot, "examples"), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const tested = new Set([...Object.keys(examples).map((name) => name.split("/")[0]), "lab", "policies"]);
  assert.deepEqual(folders.filter((name) => !tested.has(name)), []);
  for (const folder of folders) {
    const readme = join(packageRoot, "examples", folder, "README.md");
    assert.ok(existsSync(readme), `${folder} has no README.md`);
    assert.ok(readFileSync(readme, "utf8").trim().split("\n").length <= 14, `${folder}/README.md is longer than ten lines or so`);
  }
});
