import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot, runCommand } from "../../lab/project";
import { db1, db2, ended, withRack, type Rack } from "../support/rack";

const template = (zone: string): string =>
  `d-i netcfg/get_hostname string <%= host.hostname %>\nd-i time/zone string ${zone}\nd-i passwd/root-password-crypted password <%= secrets.root %>\n`;

async function pxePlan(rack: Rack): Promise<string> {
  const args = [require.resolve("../../cli/pxe"), "plan", "--out", "plan", "--parallel", "1", "--non-interactive", "--color", "never"];
  return ended(await runCommand(process.execPath, args, rack.folder, rack.env));
}

/** What a plan says of one resource. */
function blockOf(plan: string, name: string): string {
  const found = blocks(plan).find((block) => block.includes(`::${name}]`));
  assert.ok(found !== undefined, `${name} is not in the plan:\n${plan}`);
  return found;
}

function blocks(plan: string): string[] {
  return plan.split(/\n(?= {4}[~+-] pulumi-nodejs|Resources:)/);
}

/** What is the same in every run, whatever the order in which resources come. */
function settled(plan: string, folder: string): string {
  const lines = plan.replaceAll(folder, "/home/me/rack").replaceAll(/hmac:[0-9a-f]{16}/g, "hmac:…").split("\n").map((line) => line.trimEnd());
  const [head = "", ...rest] = blocks(lines.filter((line) => !line.startsWith("warning: ")).join("\n"));
  const last = rest.pop() ?? "";
  return [head, ...rest.sort(), last].join("\n").trim();
}

/** The plan that the guide shows. */
function shownInGuide(): string {
  const guide = readFileSync(join(packageRoot, "docs", "guide", "plan.md"), "utf8");
  return /\n\$ npx pxe plan --out plan\n([^]*?)\n```/.exec(guide)?.[1] ?? "";
}

test("a plan shows lines, digests and orders; pxe plan says what is installed; the guide shows just that", async () => {
  await withRack(async (rack) => {
    const hosts = (root: string, order = "") => [
      { ...db1, more: `secrets: { root: "${root}" }` }, { ...db2, more: `secrets: { root: "staple-of-horses" }${order}` },
    ];
    const file = (host: string, name: string): string => readFileSync(join(rack.folder, "plan", "rack1", host, name), "utf8");

    rack.shape({ hosts: hosts("correct-horse"), template: template("UTC") });
    const first = await pxePlan(rack);
    assert.match(first, /\ndb1 {2}WILL INSTALL at its next network boot: first declaration.*\ndb2 {2}WILL INSTALL .*\n\nThis plan installs 2 hosts\.\n/);
    assert.equal(file("db1", "preseed.cfg"), "d-i netcfg/get_hostname string db1\nd-i time/zone string UTC\nd-i passwd/root-password-crypted password ‹secret:root›\n");
    assert.match(file("db2", "dhcp.txt"), /^address 127\.77\.0\.12\/24\nnext-server ‹server›\nboot-file bios\/pxelinux\.0\n/);
    assert.match(file("db2", "bios/pxelinux.cfg"), /url=http:\/\/‹server›\/answer\/‹token›\/preseed\.cfg/);
    const written = readdirSync(join(rack.folder, "plan"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const all = [first, ...written.map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))].join("\n");
    assert.ok(!/correct-horse|staple-of-horses/.test(all), "a plan holds a secret");
    ended(await rack.up());

    rack.shape({ hosts: hosts("battery-horse", ', reinstall: "2026-11"'), template: template("Europe/Vienna") });
    const edit = await pxePlan(rack);
    for (const name of ["db1", "db2"]) assert.match(blockOf(edit, name), /- d-i time\/zone string UTC\n +\+ d-i time\/zone string Europe\/Vienna\n +d-i passwd/);
    assert.match(blockOf(edit, "db1"), /~ secretDigests: \{\n +~ root: "hmac:[0-9a-f]{16}" => "hmac:[0-9a-f]{16}"\n/);
    assert.ok(!/secretDigests|hmac/.test(blockOf(edit, "db2")), "a secret that didn't change shows");
    assert.ok(!blockOf(edit, "db1").includes("arming"), "an edit orders nothing");
    assert.match(blockOf(edit, "db2"), /~ arming +: .* => "WILL INSTALL AGAIN at its next network boot: reinstall \\"2026-11\\"; may erase its disk"/);
    assert.match(edit, /\ndb2 {2}WILL INSTALL AGAIN .*\ndb1 {2}no installation: .*\n\nThis plan installs 1 host\.\n/);
    assert.ok(!/(correct|battery)-horse|staple-of-horses/.test(edit));
    assert.equal(settled(edit, rack.folder), settled(shownInGuide(), rack.folder), "docs/guide/plan.md shows another plan; this is the one:\n" + settled(edit, rack.folder));
    ended(await rack.up());

    // A server that changes makes nothing of its hosts unknown, and what was ordered once is ordered no more.
    rack.shape({ hosts: hosts("battery-horse", ', reinstall: "2026-11"'), template: template("Europe/Vienna"), server: "authoritative: false" });
    const later = await pxePlan(rack);
    assert.match(blockOf(later, "rack1"), /\+ authoritative: false/);
    assert.ok(!later.includes(":KickstartHost::"), later);
    assert.match(later, /\n2 hosts: no installation, the same files\n\nThis plan installs nothing\.\n/);
    assert.match(file("db1", "plan.json"), /"change": "unchanged"/);
  });
});

/** The properties of a resource that a plan changes. */
function changedIn(block: string): string[] {
  return [...block.matchAll(/^ {6}([~+-] \w+)/gm)].map((match) => match[1] ?? "").sort();
}

test("an unknown value makes only what depends on it unknown", async () => {
  await withRack(async (rack) => {
    const program = (address: string, key: string, root: string): void => {
      rack.shape({
        hosts: [],
        more: `
class Later extends pulumi.dynamic.Resource {
  constructor(name, value) { super({ async create(inputs) { return { id: "later", outs: { value: inputs.value } }; } }, name, { value, copy: undefined }); }
}
const later = (name, value) => pulumi.output(new Later(name, value).id).apply(() => value);
const answer = pxe.preseed({ template: ${JSON.stringify("d-i address string <%- host.ip %>\nd-i key string <%= vars.key %>\nd-i zone string UTC\nd-i root string <%= secrets.root %>\n")}, vars: { key: ${key} } });
const keyed = new pxe.BootProfile("keyed", {
  server, ...pxe.distro.debian(12, { installer: "." }), loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } }, answer,
});
const plain = new pxe.BootProfile("plain", {
  server, ...pxe.distro.debian(12, { installer: "." }), loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } },
  answer: { ...answer, vars: { key: "k1" } },
});
new pxe.KickstartHost("db1", { server, subnet, profile: keyed, macs: ["52:54:00:12:34:01"], ip: "127.77.0.11", secrets: { root: "r1" } });
new pxe.KickstartHost("db2", { server, subnet, profile: plain, macs: ["52:54:00:12:34:02"], ip: ${address}, secrets: { root: "r1" } });
new pxe.KickstartHost("db3", { server, subnet, profile: plain, macs: ["52:54:00:12:34:03"], ip: "127.77.0.13", secrets: { root: ${root} } });
new pxe.KickstartHost("db4", { server, subnet, profile: plain, macs: ["52:54:00:12:34:04"], ip: "127.77.0.14", secrets: { root: "r1" } });
const guarded = new pxe.BootProfile("guarded", {
  server, ...pxe.distro.debian(12, { installer: "." }), loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } },
  answer: { ...answer, vars: { key: pulumi.secret("k3-guarded") } },
});
new pxe.KickstartHost("db5", { server, subnet, profile: guarded, macs: ["52:54:00:12:34:05"], ip: "127.77.0.15", secrets: { root: "r1" } });`,
      });
    };
    program('"127.77.0.12"', '"k1"', '"r1"');
    ended(await rack.up());
    program('later("address", "127.77.0.22")', 'later("key", "k2")', 'later("root", "r2")');
    rack.env["PXE_PLAN_DIR"] = join(rack.folder, "plan");
    const plan = ended(await rack.preview());
    const planned = (host: string): string => readFileSync(join(rack.folder, "plan", "rack1", host, "preseed.cfg"), "utf8");
    assert.match(planned("db4"), /^d-i address string 127\.77\.0\.14\nd-i key string k1\n/);
    assert.match(planned("db5"), /^‹secret› sha256:[0-9a-f]{64} \d+ bytes/, "a secret of a profile stands in a plan's files");
    assert.match(blockOf(plan, "db1"), /d-i address string 127\.77\.0\.11\n +- d-i key string k1\n +\+ d-i key string ‹known after apply›\n +d-i zone string UTC\n/);
    assert.ok(!/dhcp|pxelinux/.test(blockOf(plan, "db1")), blockOf(plan, "db1"));
    assert.match(blockOf(plan, "db2"), /- d-i address string 127\.77\.0\.12\n +\+ d-i address string ‹known after apply›\n +d-i key string k1\n/);
    assert.match(blockOf(plan, "db2"), /dhcp *: *"?[^]*‹known after apply›/);
    // Its placeholder stands in the text either way.
    assert.deepEqual(changedIn(blockOf(plan, "db3")), ["+ secretDigests", "- secretDigests", "~ secrets"]);
    assert.ok(!plan.includes("::db4]"), "a host that depends on nothing unknown shows a change");
  });
});

test("what version 0.1.0 did not keep shows nowhere until something else changes, and then nothing but the texts", async () => {
  await withRack(async (rack) => {
    const hosts = (name: string) => [{ ...db1, more: `secrets: { root: "r1" }, reinstall: "a", hostname: "${name}"` }, { ...db2, more: 'secrets: { root: "r2" }' }];
    rack.shape({ hosts: hosts("old"), template: template("UTC") });
    ended(await rack.up());
    asVersion010(rack.stateFile);
    rack.shape({ hosts: hosts("new"), template: template("UTC") });
    const plan = ended(await rack.preview());
    assert.match(plan, /Resources:\n +~ 1 to update\n +5 unchanged/);
    assert.deepEqual(changedIn(blockOf(plan, "db1")), ["~ hostname", "~ rendered"]);
    const lines = blockOf(plan, "db1").split("\n").filter((line) => /^ {10,}[+-] /.test(line)).map((line) => line.trim());
    assert.equal(lines.length, 9, plan);
    // The DHCP answer was no part of it: it is shown once, as new.
    assert.deepEqual(lines.filter((line) => !/\bold\b|\bnew\b/.test(line)).map((line) => line.replace(/ *:.*/, "")), ["+ dhcp"], plan);
  });
});

/** Takes away what version 0.1.0 did not keep. */
function asVersion010(stateFile: string): void {
  const state = JSON.parse(readFileSync(stateFile, "utf8")) as { checkpoint: { latest: { resources: { type: string; inputs: Record<string, unknown> }[] } } };
  for (const { type, inputs } of state.checkpoint.latest.resources) {
    if (!type.endsWith(":KickstartHost")) continue;
    for (const key of ["arming", "generations", "secretDigests"]) Reflect.deleteProperty(inputs, key);
    Reflect.deleteProperty(inputs["rendered"] as object, "dhcp");
  }
  writeFileSync(stateFile, JSON.stringify(state));
}
