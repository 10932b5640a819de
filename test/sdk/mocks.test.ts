import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import * as ts from "typescript";
import { packageRoot as root, userProgram } from "../../lab/project";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

const registered: Registered[] = [];

before(async () => {
  await pulumi.runtime.setMocks({
    newResource(resource) {
      const { type, name } = resource;
      const inputs = resource.inputs as Record<string, unknown>;
      registered.push({ type, name, inputs });
      return { id: name, state: { ...inputs, ...foundOut(type, inputs) } };
    },
    call: ({ inputs }) => inputs as Record<string, unknown>,
  }, "rack", "dev");
});

/** What the provider would find out. Mocks take its place: nothing is checked, rendered or deployed. */
function foundOut(type: string, inputs: Record<string, unknown>): Record<string, unknown> {
  const host = { state: "installed", address: inputs["ip"] ?? "10.77.0.100", installedAt: 1_700_000_000_000, sshHostKeys: [] };
  switch (type.split(":").at(-1)) {
    case "KickstartHost":
      return host;
    case "KickstartHostGroup":
      return { status: Object.fromEntries(Object.entries(inputs["hosts"] as object).map(([name, { ip }]: [string, { ip?: string }]) => [name, { ...host, address: ip }])) };
    case "InstallWait":
      return { hosts: { db1: { ...host, address: "10.77.0.11" }, web1: { ...host, address: "10.77.0.12" } }, sshHostKeys: ["10.77.0.11 ssh-ed25519 AAAA"] };
    default:
      return {};
  }
}

function named(kind: string, name: string): Record<string, unknown> {
  const found = registered.find((resource) => resource.type.endsWith(`:${kind}`) && resource.name === name);
  if (found === undefined) throw new Error(`the program makes no ${kind} ${name}`);
  return found.inputs;
}

function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => output.apply(resolve));
}

/** Loads a program where it expects to be run. */
async function load<Program>(folder: string, program: () => Program | Promise<Program>): Promise<Program> {
  const from = process.cwd();
  registered.length = 0;
  process.chdir(folder);
  try {
    return await program();
  } finally {
    process.chdir(from);
  }
}

function example<Program>(name: string, program: () => Promise<Program>): Promise<Program> {
  pulumi.runtime.setAllConfig({ "rack:server": "10.77.0.1", "rack:sshKey": "ssh-ed25519 AAAA" });
  return load(join(root, "examples", name), program);
}

test("the first machine has its address, and the network its name servers", async () => {
  const program = await example("quickstart", () => import("../../examples/quickstart/index.js"));
  assert.equal(await valueOf(program.db1.state), "installed");
  assert.equal(named("KickstartHost", "db1")["ip"], "10.77.0.11");
  assert.deepEqual(named("DhcpSubnet", "rack1")["dnsServers"], ["10.77.0.254"]);
});

test("a loop gives every machine a name of its own and puts it into its own network", async () => {
  const { addresses } = await example("several-subnets", () => import("../../examples/several-subnets/index.js"));
  assert.deepEqual(await valueOf(pulumi.all(addresses)), {
    "row1-1": "10.77.1.11", "row1-2": "10.77.1.12", "row2-1": "10.77.0.100", "row2-2": "10.77.0.100", "row3-1": "10.77.0.100", "row3-2": "10.77.0.100",
  });
  assert.deepEqual(["row1", "row2", "row3"].map((row) => named("DhcpSubnet", row)["relays"]), [[], [], ["10.77.3.254"]]);
  assert.equal(named("KickstartHost", "row1-1")["subnet"], "row1");
  assert.equal(named("KickstartHost", "row2-1")["subnet"], "row2");
});

test("a group has the machines of its file, each with its address", async () => {
  const program = await example("rack-csv", () => import("../../examples/rack-csv/index.js"));
  const hosts = await valueOf(program.hosts);
  assert.deepEqual(Object.keys(hosts), ["backup", "db1", "db2", "web1"]);
  assert.equal(hosts["web1"]?.address, "10.77.0.13");
  const inputs = named("KickstartHostGroup", "machines")["hosts"] as Record<string, { macs: string[]; install?: string }>;
  assert.deepEqual(inputs["web1"]?.macs, ["52:54:00:12:34:03", "52:54:00:12:35:03"]);
  assert.equal(inputs["backup"]?.install, "never");
});

test("the playbook runs with an inventory of what was installed", async () => {
  const program = await example("hand-over", () => import("../../examples/hand-over/index.js"));
  await valueOf(program.playbook);
  assert.equal(await valueOf(program.inventory), "[rack1]\ndb1 ansible_host=10.77.0.11 ansible_user=root\nweb1 ansible_host=10.77.0.12 ansible_user=root\n");
  const { environment, triggers } = named("Command", "configure") as { environment: Record<string, string>; triggers: unknown };
  assert.equal(environment["KNOWN_HOSTS"], "10.77.0.11 ssh-ed25519 AAAA\n");
  assert.deepEqual(triggers, [[1_700_000_000_000, 1_700_000_000_000]]);
});

test("machines name the profile that they are installed by", async () => {
  const program = await example("mixed", () => import("../../examples/mixed/index.js"));
  assert.deepEqual(await valueOf(program.states), { web1: "installed", web2: "installed", db1: "installed" });
  assert.equal(named("KickstartHost", "web1")["profile"], "rack1-debian");
  assert.equal(named("KickstartHost", "db1")["profile"], "rack1-rocky");
});

/** The first program of a Markdown file, as a module that Node can load. */
function programIn(markdown: string): string {
  const [, source = ""] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, markdown), "utf8")) ?? [];
  return ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 } }).outputText;
}

test("README's program runs", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pxe-readme-"));
  try {
    writeFileSync(join(folder, "preseed.cfg.ejs"), "d-i passwd/root-password-crypted password <%= preseed(secrets.rootPasswordHash) %>\n");
    pulumi.runtime.setAllConfig({ "rack:mirror": "http://10.77.0.254/debian", "rack:key": "a key", "rack:root": "a hash" });
    userProgram(folder, "rack");
    const program = join(folder, "program.cjs");
    writeFileSync(program, programIn("README.md"));
    await load(folder, () => import(program) as Promise<unknown>);
    for (const limit = Date.now() + 10_000; registered.length < 4 && Date.now() < limit; ) await setTimeout(5);
    assert.deepEqual(registered.map(({ type }) => type.split(":").at(-1)), ["PxeServer", "DhcpSubnet", "BootProfile", "KickstartHost"]);
    assert.equal(named("DhcpSubnet", "provisioning")["leaseTime"], "1h");
    assert.deepEqual(named("KickstartHost", "db1")["macs"], ["52:54:00:12:34:56"]);
    assert.match(JSON.stringify(named("BootProfile", "debian12")["kernel"]), /10\.77\.0\.254.*linux/);
    assert.doesNotMatch(JSON.stringify(named("KickstartHost", "db1")), /a key/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
