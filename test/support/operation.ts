import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adapt, type DynamicProvider } from "../../provider/resources/adapter";
import type { Plain } from "../../provider/resources/definition";
import type { DeployPort } from "../../provider/resources/ports";
import { resources } from "../../provider/resources/wiring";

export type Kind = "server" | "subnet" | "profile" | "host" | "group";

/** Files that stand in for an installer's. */
export class InstallerFiles {
  readonly folder = mkdtempSync(join(tmpdir(), "pxe-resources-"));

  constructor() {
    for (const name of ["linux", "initrd.gz", "pxelinux.0", "ldlinux.c32"]) writeFileSync(this.at(name), `the ${name}`);
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  profile(more: Plain = {}): Plain {
    return {
      ...child("BootProfile::debian"), distro: { family: "debian", release: "12" }, kernel: { path: this.at("linux") }, initrd: [{ path: this.at("initrd.gz") }],
      loader: { bios: { program: { path: this.at("pxelinux.0") }, modules: [{ path: this.at("ldlinux.c32") }] } },
      answer: { format: "preseed", template: "d-i netcfg/get_hostname string <%= host.hostname %>\n", vars: {} }, ...more,
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const own = (self: string): Plain => ({ owner: "lab/dev", self, controlKey: "the key", connection: { kind: "local" }, __provider: "text" });
const child = (self: string): Plain => ({ ...own(self), server: "PxeServer::rack1" });

export const serverInputs = (more: Plain = {}): Plain => ({
  owner: "lab/dev", self: "PxeServer::rack1", controlKey: "", target: "local", interfaces: ["lo"], __provider: "text", ...more,
});
export const subnetInputs = (more: Plain = {}): Plain => ({ ...child("DhcpSubnet::net"), cidr: "10.77.0.0/24", dnsServers: ["10.77.0.254"], leaseTime: "1h", ...more });
export const hostInputs = (name = "db1", more: Plain = {}): Plain => ({
  ...child(`KickstartHost::${name}`), subnet: "net", profile: "debian", macs: ["52:54:00:12:34:56"], ip: "10.77.0.11", rendered: {}, ...more,
});

export const groupInputs = (hosts: Readonly<Record<string, Plain>>, more: Plain = {}): Plain => ({
  ...child("KickstartHostGroup::rack"), subnet: "net", profile: "debian", hosts, rendered: {}, ...more,
});

/** One process of the provider, as the engine drives it: a test makes a new one for each `pulumi` command. */
export class Operation {
  readonly provider: Readonly<Record<Kind, DynamicProvider>>;

  constructor(deploy: DeployPort) {
    const definitions = resources(deploy);
    const { server, subnet, profile, host, group } = definitions;
    this.provider = { server: adapt(server), subnet: adapt(subnet), profile: adapt(profile), host: adapt(host), group: adapt(group) };
  }

  async accepted(kind: Kind, inputs: Plain, olds: Plain = {}): Promise<Plain> {
    const result = await this.provider[kind].check(olds, inputs);
    assert.deepEqual(result.failures, []);
    return result.inputs;
  }

  async refused(kind: Kind, inputs: Plain, olds: Plain = {}): Promise<string[]> {
    const result = await this.provider[kind].check(olds, inputs);
    return result.failures.map((failure) => failure.reason);
  }

  async created(kind: Kind, inputs: Plain): Promise<Plain> {
    return (await this.provider[kind].create({ ...(await this.accepted(kind, inputs)), __provider: "text" })).outs;
  }

  async updated(kind: Kind, inputs: Plain, outputs: Plain): Promise<Plain> {
    const checked = await this.accepted(kind, inputs, { ...inputs, controlKey: outputs["controlKey"] });
    return (await this.provider[kind].update("id", outputs, { ...checked, __provider: "text" })).outs;
  }
}

/** What a whole program's resources were left as. */
export type Stack = Readonly<Record<"server" | "subnet" | "profile" | "host", Plain>>;

/** Declares one of each kind, in a process of its own. */
export async function declareStack(deploy: DeployPort, files: InstallerFiles, more: { readonly all?: Plain; readonly host?: Plain; readonly server?: Plain } = {}): Promise<Stack> {
  const run = new Operation(deploy);
  const server = await run.created("server", serverInputs({ ...more.server }));
  const shared = { ...more.all, connection: server["connection"], controlKey: server["controlKey"] };
  const subnet = await run.created("subnet", subnetInputs(shared));
  const profile = await run.created("profile", files.profile(shared));
  const host = await run.created("host", hostInputs("db1", { ...shared, ...more.host }));
  return { server, subnet, profile, host };
}

/** Updates one of each kind, in a process of its own. */
export async function updateStack(deploy: DeployPort, files: InstallerFiles, stack: Stack, more: { readonly all?: Plain; readonly host?: Plain; readonly server?: Plain } = {}): Promise<Stack> {
  const run = new Operation(deploy);
  const server = await run.updated("server", serverInputs({ ...more.all, ...more.server }), stack.server);
  const shared = { ...more.all, connection: server["connection"], controlKey: server["controlKey"] };
  const subnet = await run.updated("subnet", subnetInputs(shared), stack.subnet);
  const profile = await run.updated("profile", files.profile(shared), stack.profile);
  const host = await run.updated("host", hostInputs("db1", { ...shared, ...more.host }), stack.host);
  return { server, subnet, profile, host };
}
