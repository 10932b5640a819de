import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as ts from "typescript";
import { packageRoot, userProgram } from "../../lab/project";

const head = `
import * as pulumi from "@pulumi/pulumi";
import * as pxe from "pulumi-pxe";
const server = new pxe.PxeServer("rack1", { target: "local", interfaces: ["lo"] });
const subnet = new pxe.DhcpSubnet("net", { server, cidr: "10.77.0.0/24" });
const profile = new pxe.BootProfile("debian", { server, ...pxe.distro.debian(12, { mirror: "http://10.77.0.1/debian" }) });
`;
const rack = (rest: string): string => `new pxe.ProvisioningNetwork("rack1", { target: "local", interfaces: ["lo"], cidr: "10.77.0.0/24", ${rest} });`;

const net = (rest: string): string => `new pxe.DhcpSubnet("net2", { server, cidr: "10.77.0.0/24", ${rest} });`;

/** A wrong statement; the text that its error must point at; what the error must say. */
const wrong: Readonly<Record<string, readonly [statement: string, at: string, says: RegExp]>> = {
  "a misspelt property": [`new pxe.KickstartHost("db1", { server, subnet, profile, macs: [], hostnme: "db1" });`, "hostnme", /'hostnme' does not exist in type 'KickstartHostArgs'\. Did you mean to write 'hostname'/],
  "a missing MAC": [`new pxe.KickstartHost("db1", { server, subnet, profile });`, "{ server, subnet, profile }", /Property 'macs' is missing/],
  "one MAC in the place of a list": [`new pxe.KickstartHost("db1", { server, subnet, profile, macs: "52:54:00:12:34:56" });`, "macs", /'string' is not assignable to type 'Input<Input<string>\[\]>'/],
  "a profile by its name": [`new pxe.KickstartHost("db1", { server, subnet, profile: "debian", macs: [] });`, "profile", /'string' is not assignable to type 'BootProfile'/],
  "profile and subnet mixed up": [`new pxe.KickstartHost("db1", { server, subnet: profile, profile: subnet, macs: [] });`, "subnet", /'BootProfile' is not assignable to type 'DhcpSubnet'|missing in type 'BootProfile' but required in type 'DhcpSubnet'/],
  "a choice that there isn't": [`new pxe.KickstartHost("db1", { server, subnet, profile, macs: [], install: "always" });`, "install", /'"always"' is not assignable to type 'Input<"(once|never)" \| "(once|never)"> \| undefined'/],
  "a server by its name": [`new pxe.DhcpSubnet("net2", { server: "rack1", cidr: "10.78.0.0/24" });`, "server", /'string' is not assignable to type 'ServerInput'/],
  "a release that has no preset": [`pxe.distro.debian(11, { mirror: "http://10.77.0.1/debian" });`, "11", /'11' is not assignable to parameter of type '12 \| 13'/],
  "Rocky without a mirror": [`pxe.distro.rocky(9, {});`, "{}", /Property 'mirror' is missing/],
  "a key of the target's in the wrong place": [`new pxe.PxeServer("s", { target: { host: "a", key: "b" }, interfaces: [] });`, "key", /'key' does not exist in type '(Input<)?.*RemoteTarget/],
  "a group's host without its MAC": [`new pxe.KickstartHostGroup("g", { server, subnet, profile, hosts: { db1: { ip: "10.77.0.11" } } });`, "db1", /Property 'macs' is missing/],
  "waiting for what is no host": [`new pxe.InstallWait("w", { hosts: [server] });`, "server", /'PxeServer' is (not assignable to type|missing the following properties from type) 'DeclaresHosts'|missing .* from type 'DeclaresHosts'/],
  "an output of no resource": [`export const state: pulumi.Output<"done"> = new pxe.KickstartHost("db1", { server, subnet, profile, macs: [] }).state;`, "state", /'"(adopted|armed)"' is not assignable to type '"done"'|'InstallState'.* is not assignable to type '"done"'/],
  "a network's host with a profile that it hasn't": [rack(`profiles: { debian: pxe.distro.debian(12, {}) }, hosts: { db1: { macs: [], profile: "rocky" } }`), "profile", /'"rocky"' is not assignable to type '("debian" \| BootProfile|BootProfile \| "debian") \| undefined'/],
  "a host that a network hasn't": [`export const host = ${rack(`hosts: { db1: { macs: [] } }`).replace(/;$/, "")}.hosts.db2;`, "db2", /Property 'db2' does not exist on type 'Readonly<Record<"db1", KickstartHost>>'/],
  "a raw option's value of another type": [net(`options: { raw: [{ code: 150, type: "ips", value: "10.77.0.1" }] }`), `{ code: 150, type: "ips", value: "10.77.0.1" }`, /property 'value' are incompatible\.\s+Type 'string' is not assignable to type 'Input<Input<string>\[\]>/],
  "a type of raw options that there isn't": [net(`options: { raw: [{ code: 150, type: "addresses", value: [] }] }`), "type", /'"addresses"' is not assignable to type/],
  "a raw option without its code": [net(`options: { raw: [{ type: "ip", value: "10.77.0.1" }] }`), `{ type: "ip", value: "10.77.0.1" }`, /Property 'code' is missing/],
  "an option that a subnet has a property for": [net(`options: { dnsServers: ["10.77.0.1"] }`), "dnsServers", /'dnsServers' does not exist in type '.*SubnetOptions/],
  "a class that matches by what there isn't": [net(`classes: [{ name: "a", match: { vendor: "PXEClient" } }]`), "vendor", /'vendor' does not exist in type '.*ClientMatch/],
  "a pool's misspelt property": [net(`pools: [{ from: "10.77.0.1", to: "10.77.0.2", excludes: [] }]`), "excludes", /'excludes' does not exist in type 'Input<AddressPool>'/],
  "an answer to unknown clients that there isn't": [net(`unknownClients: "ignore"`), "unknownClients", /'"ignore"' is not assignable to type/],
  "a mode of DHCP that there isn't": [`new pxe.PxeServer("s", { target: "local", interfaces: [], dhcpMode: "relay" });`, "dhcpMode", /'"relay"' is not assignable to type/],
  "a host's misspelt option": [`new pxe.KickstartHost("db1", { server, subnet, profile, macs: [], options: { ntpServer: [] } });`, "ntpServer", /'ntpServer' does not exist in type 'Input<DhcpOptions>'/],
  "a network's misspelt property": [rack(`dnsServer: ["10.77.0.254"]`), "dnsServer", /Did you mean to write 'dnsServers'/],
};

const right = `${head}
const later: pulumi.Output<string> = pulumi.output("10.77.0.11");
const optional: { ip?: string } = {};
export const host = new pxe.KickstartHost("db1", {
  server, subnet, profile, macs: [later], ip: optional.ip, uuid: undefined, install: pulumi.output("never" as const),
  secrets: { a: pulumi.secret("x"), b: Promise.resolve("y") }, reinstall: later,
});
export const states: pulumi.Output<pxe.InstallState> = host.state;
export const shared = new pxe.DhcpSubnet("shared", { server: new pulumi.StackReference("a/b/c").requireOutput("server"), cidr: later, routers: pulumi.output(["a"]), pools: [pulumi.output({ from: "a", to: "b" })] });
export const byRef = new pxe.DhcpSubnet("by-ref", { server: server.ref, cidr: later, leaseTime: pulumi.output(3600) });
export const profiles = new pxe.BootProfile("rocky", {
  server, ...pxe.distro.rocky(9, { mirror: later, console: later }), kernelArgs: pulumi.output("quiet"),
  loader: { bios: { program: { path: later }, modules: [pulumi.output({ path: "x" })] } },
  answer: pxe.kickstart({ template: later, vars: { a: later, b: { c: [later] } } }),
});
export const network = new pxe.ProvisioningNetwork("rack2", {
  target: pulumi.output({ host: "10.77.0.2" }), interfaces: pulumi.output(["eth1"]), cidr: later,
  profile: pxe.distro.debian(12, { mirror: later }), profiles: { rocky: pxe.distro.rocky(9, { mirror: later }) },
  hosts: { db1: { macs: pulumi.output(["a"]), profile: "rocky" }, db2: { macs: [], profile: profiles }, db3: { macs: [] } },
  secrets: pulumi.output({ a: "b" }),
}, { protect: true });
export const all = new pxe.DhcpSubnet("all", {
  server, cidr: later, leaseTime: "infinite", minLeaseTime: 120, maxLeaseTime: pulumi.output("1d"), renewAt: pulumi.output(0.4), probe: pulumi.output(true),
  pools: [{ from: later, to: "b", exclude: [pulumi.output({ from: "a", to: "b" }), { from: later, to: later }], class: later }],
  classes: pulumi.output([{ name: "rom", match: { vendorClass: "PXEClient" } }]), relays: [later], domainSearch: [later], ntpServers: pulumi.output(["a"]),
  classlessRoutes: [{ destination: "0.0.0.0/0", router: later }], limits: { poolAlert: 80 }, unknownClients: pulumi.output("deny" as const), dhcpMode: "proxy",
  options: { mtu: 9000, raw: [{ code: 150, type: "ips", value: [later] }, { code: pulumi.output(200), type: "uint8", value: pulumi.output(1) }, { code: 19, type: "boolean", value: true }] },
});
export const option: pxe.RawOption = { code: 252, type: "text", value: later };
export const clientClass: pxe.ClientClass = { name: "rom", match: { architectures: [7, 9], known: true }, options: { routers: [later], raw: pulumi.output([option]) }, bootFile: "x" };
export const tuned = new pxe.PxeServer("tuned", {
  target: "local", interfaces: ["lo"], dhcpMode: pulumi.output("full" as const), allowForeignDhcp: true, gateway: { nat: pulumi.output(true) }, firewall: "manage",
  options: pulumi.output({ ntpServers: ["10.77.0.1"] }), packetLimits: { perClient: pulumi.output(50), perInterface: undefined },
});
export const routed = new pxe.KickstartHost("routed", { server, subnet, profile, macs: [], options: { routers: [later], mtu: pulumi.output(9000) }, nextServer: later });
const several: Record<string, pxe.NetworkHostArgs> = {};
export const group = new pxe.KickstartHostGroup("web", {
  server, subnet: network.subnet, profile, hosts: { web1: { macs: ["a"], ip: later }, web2: { macs: pulumi.output(["b"]), profile: network.profiles.rocky } },
});
export const later2 = new pxe.KickstartHostGroup("later", { server, subnet, profile, hosts: pulumi.output({ web1: { macs: ["a"] } }), secrets: { a: later } });
export const wait = new pxe.InstallWait("wait", { hosts: [host, group, ...Object.values(network.hosts)], until: "up", timeout: pulumi.output("2h") });
export const addresses: pulumi.Output<(string | null | undefined)[]> = wait.hosts.apply((hosts) => [hosts["db1"]?.address, hosts["web1"]?.address]);
for (const [name, machine] of Object.entries(pxe.inventory.csv("name,mac"))) new pxe.KickstartHost(name, { server, subnet, profile, ...machine });
export const named: pxe.KickstartHost = network.hosts.db1;
export const rocky: pxe.BootProfile = network.profiles.rocky;
export const any: pxe.ProvisioningNetwork = new pxe.ProvisioningNetwork("rack3", { target: "local", interfaces: ["lo"], cidr: "a", hosts: several as Record<string, pxe.NetworkHostArgs<never>> });
`;

const readme = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(packageRoot, "README.md"), "utf8"))?.[1] ?? "";

const strict: ts.CompilerOptions = {
  strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true, target: ts.ScriptTarget.ES2022, types: ["node"],
  lib: ["lib.es2022.d.ts"],
};
const nodeNext: ts.CompilerOptions = { ...strict, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext };

describe("the compiler", () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "pxe-types-"));
    userProgram(folder, "types");
    for (const [index, [statement]] of Object.values(wrong).entries()) writeFileSync(join(folder, `wrong${String(index)}.ts`), `${head}${statement}\n`);
    for (const extension of ["cts", "mts", "ts"]) {
      writeFileSync(join(folder, `right.${extension}`), right);
      writeFileSync(join(folder, `readme.${extension}`), readme);
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function compile(files: readonly string[], options: ts.CompilerOptions): ts.Diagnostic[] {
    const program = ts.createProgram(files.map((file) => join(folder, file)), { ...options, typeRoots: [join(packageRoot, "node_modules", "@types")] });
    return [...ts.getPreEmitDiagnostics(program)];
  }

  test("takes right programs, README's among them, as CommonJS and as ES modules, and by the older resolution of modules", () => {
    assert.ok(readme.includes("new pxe.KickstartHost"));
    const both = compile(["right.cts", "right.mts", "readme.cts", "readme.mts"], nodeNext);
    const settings = { module: "commonjs", moduleResolution: "node10", ignoreDeprecations: "6.0", skipLibCheck: true };
    const older = compile(["right.ts", "readme.ts"], { ...strict, ...ts.convertCompilerOptionsFromJson(settings, folder).options });
    assert.deepEqual([...both, ...older].map(told), []);
  });

  test("says what is wrong with a wrong one, where it is", () => {
    const found = compile(Object.keys(wrong).map((_, index) => `wrong${String(index)}.ts`), { ...nodeNext, skipLibCheck: true });
    for (const [index, [what, [, at, says]]] of Object.entries(wrong).entries()) {
      const own = found.filter((each) => basename(each.file?.fileName ?? "") === `wrong${String(index)}.ts`);
      assert.ok(own.length > 0, `${what}: compiles`);
      const hit = own.find((each) => each.file?.text.slice(each.start, (each.start ?? 0) + (each.length ?? 0)) === at && says.test(told(each)));
      assert.ok(hit !== undefined, `${what}: ${own.map((each) => `${each.file?.text.slice(each.start, (each.start ?? 0) + (each.length ?? 0)) ?? ""}: ${told(each)}`).join("\n")}`);
    }
  });
});

function told(diagnostic: ts.Diagnostic): string {
  return `${basename(diagnostic.file?.fileName ?? "")}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")}`;
}
