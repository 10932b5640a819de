import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clientOver, type ControlClient } from "../../provider/deploy/control";
import { HttpClient } from "../../provider/deploy/http-client";
import { socketTransport } from "../../provider/deploy/transport";
import type { ApplyInput, HostStatus } from "../../provider/model/control";
import type { DocumentKind, Stored } from "../../provider/model/documents";
import { freePorts } from "../../lab/ports";
import { simulateBoot, type SimResult } from "../../lab/simclient/index";
import { PulumiProject, type CommandResult } from "../../lab/project";

/** What a test changes in the program of `Rack`. */
export interface RackShape {
  readonly hosts?: readonly RackHost[];
  readonly template?: string;
  readonly server?: string;
  /** Statements between the server and its subnet. */
  readonly before?: string;
  readonly subnet?: string;
  /** More statements at the end. */
  readonly more?: string;
}

export interface RackHost {
  readonly name: string;
  readonly mac: string;
  readonly ip?: string;
  /** Source text of more arguments. */
  readonly more?: string;
  /** Source text of resource options. */
  readonly options?: string;
}

export const db1: RackHost = { name: "db1", mac: "52:54:00:12:34:01", ip: "127.77.0.11" };
export const db2: RackHost = { name: "db2", mac: "52:54:00:12:34:02", ip: "127.77.0.12" };

const plainTemplate = "d-i netcfg/get_hostname string <%= host.hostname %>\nd-i debian-installer/locale string C\n";

let cacheFolder: string | undefined;

/** Settings for quicker commands: loading Pulumi's code, in two processes each, is a quarter of what a small one costs. */
export function compileCache(): { NODE_COMPILE_CACHE: string } {
  if (cacheFolder === undefined) {
    const folder = mkdtempSync(join(tmpdir(), "pxe-compiled-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    cacheFolder = folder;
  }
  return { NODE_COMPILE_CACHE: cacheFolder };
}

/** A project with one server on loopback, one subnet, one profile and some hosts, on files that stand in for an installer. */
export class Rack extends PulumiProject {
  private constructor(readonly ports: Awaited<ReturnType<typeof freePorts>>) {
    super();
  }

  static async create(): Promise<Rack> {
    const rack = new Rack(await freePorts());
    Object.assign(rack.env, compileCache());
    for (const file of ["linux", "initrd.gz", "pxelinux.0", "ldlinux.c32"]) rack.file(file, `stands in for ${file}\n`);
    return rack;
  }

  /** Source text of the agent's ports. */
  get portsText(): string {
    return JSON.stringify(this.ports);
  }

  /** Writes the program. */
  shape(shape: RackShape = {}): void {
    this.program(this.source(shape));
  }

  /** The program's statements. */
  source({ hosts = [db1], template = plainTemplate, server = "", before = "", subnet = "", more = "" }: RackShape = {}): string {
    return `
const server = new pxe.PxeServer("rack1", { target: "local", interfaces: ["lo"], ...${this.portsText}, ${server} });
${before}
const subnet = new pxe.DhcpSubnet("net", { server, cidr: "127.77.0.0/24", dnsServers: ["127.77.0.254"], leaseTime: "1h", ${subnet} });
const profile = new pxe.BootProfile("debian", {
  server, ...pxe.distro.debian(12, { installer: "." }),
  loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } },
  answer: pxe.preseed({ template: ${JSON.stringify(template)} }),
});
${hosts.map(hostSource).join("\n")}
${more}`;
  }
}

function hostSource(host: RackHost): string {
  const ip = host.ip === undefined ? "" : `ip: ${JSON.stringify(host.ip)}, `;
  return `new pxe.KickstartHost(${JSON.stringify(host.name)}, { server, subnet, profile, macs: [${JSON.stringify(host.mac)}], ${ip}${host.more ?? ""} }, { ${host.options ?? ""} });`;
}

/** The local agent of a project, spoken to as a person at its target would. */
export class LocalAgent {
  private readonly http: HttpClient;
  private readonly client: ControlClient;

  constructor(project: PulumiProject) {
    const transport = socketTransport(join(project.stateHome, "pulumi-pxe", "agent", "control.sock"));
    this.http = new HttpClient(transport);
    this.client = clientOver(transport);
  }

  async host(name: string): Promise<HostStatus> {
    const status = (await this.client.hosts()).find((host) => host.name === name && host.declared);
    if (status === undefined) throw new Error(`the agent has no host ${name}`);
    return status;
  }

  async documents(): Promise<string[]> {
    return (await this.client.documents()).map((doc) => `${doc.kind}/${doc.name}`).sort();
  }

  async document(kind: DocumentKind, name: string): Promise<Stored> {
    const found = (await this.client.documents()).find((doc) => doc.kind === kind && doc.name === name);
    if (found === undefined) throw new Error(`the agent has no ${kind}/${name}`);
    return found;
  }

  /** Says that a host's installation ended well. */
  async installed(name: string): Promise<void> {
    await this.http.json({ method: "POST", path: `/v1/hosts/${name}/done` });
  }

  /** Changes something behind Pulumi's back. */
  async apply(input: ApplyInput): Promise<void> {
    await this.client.apply(input);
  }

  async forget(owner: string, kind: DocumentKind, name: string): Promise<void> {
    await this.apply({ owner, delete: [{ kind, name }] });
  }

  close(): void {
    this.client.close();
    this.http.close();
  }
}

/** Asks a project's local agent something. */
export async function asking<T>(project: PulumiProject, work: (agent: LocalAgent) => Promise<T>): Promise<T> {
  const agent = new LocalAgent(project);
  try {
    return await work(agent);
  } finally {
    agent.close();
  }
}

/** What a machine is given that boots from the network of a project's agent, over real sockets. */
export function boot(rack: Rack, mac: string, relay = "127.77.0.254"): Promise<SimResult> {
  return simulateBoot({ mac, server: "127.0.0.1", ...rack.ports, relay, install: false });
}

/** A rack for one test, removed after it. */
export async function withRack(work: (rack: Rack) => Promise<void>): Promise<void> {
  const rack = await Rack.create();
  try {
    await work(rack);
  } finally {
    rack.close();
  }
}

/** Asserts that a command ended well, showing what it said where it didn't. */
export function ended(result: CommandResult): string {
  assert.equal(result.status, 0, result.text);
  return result.text;
}
