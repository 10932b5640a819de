import { createHash } from "node:crypto";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { firmwareFiles, qemuArguments, type Firmware } from "../../lab/qemu";
import type { NewEvent } from "../../provider/model/control";
import type { AssetSpec } from "../../provider/model/documents";
import { profileDocument } from "./documents";
import { Namespace, type Running } from "./netns";
import type { ServingAgentFile } from "./serving-agent";

/** Emulated firmware takes 10 to 40 s to its first file on a quiet machine. */
export const bootLimit = 240_000;

/** What firmware is given to boot: it goes no further. */
export const bootProgram = Buffer.alloc(4096, "no boot program at all");

/** A profile of it. */
export const bootProfile = profileDocument({ loaders: { bios: { program: assetOf("pxelinux.0", bootProgram), modules: [] } } });

/** The agent's first event of a kind, as soon as there is one. */
export async function eventOf(agent: Running, kind: NewEvent["kind"]): Promise<NewEvent> {
  return JSON.parse(await agent.line((line) => line.includes(`"kind":"${kind}"`), bootLimit)) as NewEvent;
}

/** A network card's segment with the agent on it, and room for other servers, a relay and a virtual machine. */
export class BootSegment {
  /** Where the machine is plugged in: the agent's own segment, or the one behind a relay. */
  private bridge = "br0";

  private constructor(
    private readonly t: TestContext, readonly folder: string,
    /** The bridge; machines run here. */
    readonly segment: Namespace,
    /** Where the agent is 10.77.0.1, at `eth1`. */
    readonly server: Namespace,
  ) {}

  static async create(t: TestContext): Promise<BootSegment> {
    const folder = await mkdtemp(path.join(tmpdir(), `pxe-boot-${String(process.pid)}-`));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const segment = await Namespace.create(t);
    await addBridge(segment, "br0");
    const server = await Namespace.create(t);
    const made = new BootSegment(t, folder, segment, server);
    await made.plug(server, "eth1", "10.77.0.1/24");
    return made;
  }

  /** The agent, serving. */
  async startAgent(file: ServingAgentFile): Promise<Running> {
    const name = path.join(this.folder, "agent.json");
    await writeFile(name, JSON.stringify(file));
    const agent = this.server.start(this.t, process.execPath, [path.join(__dirname, "serving-agent.js"), name]);
    await agent.line((line) => line.includes('"serving":true'));
    return agent;
  }

  /** dnsmasq as 10.77.0.2, which gives out addresses and says nothing of booting. */
  startForeign(): Promise<Running> {
    return this.startDnsmasq(
      "--port=0", "--no-ping", "--log-dhcp", "--dhcp-range=10.77.0.50,10.77.0.60,1h", "--dhcp-option=option:router,10.77.0.254",
      `--dhcp-leasefile=${path.join(this.folder, "leases")}`,
    );
  }

  /** dnsmasq as 10.77.0.2, which knows one name. */
  startNames(name: string, address: string): Promise<Running> {
    return this.startDnsmasq("--no-resolv", "--no-hosts", "--log-queries", `--address=/${name}/${address}`);
  }

  /** dnsmasq as 10.77.0.2, which serves the files of a folder by TFTP. */
  startFiles(folder: string): Promise<Running> {
    return this.startDnsmasq("--port=0", "--enable-tftp", `--tftp-root=${folder}`);
  }

  /** ISC's relay agent as 10.77.0.8, and 10.78.0.254 on a segment behind it, where a machine is from now on. */
  async startRelay(): Promise<Running> {
    await addBridge(this.segment, "br1");
    const relay = await this.station("10.77.0.8/24");
    await this.plug(relay, "eth1", "10.78.0.254/24", "br1");
    await relay.run("sh", ["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
    await this.server.ip("route", "add", "10.78.0.0/24", "via", "10.77.0.8");
    this.bridge = "br1";
    const running = relay.start(this.t, "dhcrelay", ["-4", "-d", "--no-pid", "-a", "-D", "-iu", "eth0", "-id", "eth1", "10.77.0.1"]);
    await running.line((line) => /Sending on +Socket\/fallback/.test(line));
    return running;
  }

  /** Another machine on the agent's segment, by its `eth0`. */
  async station(address: string): Promise<Namespace> {
    const namespace = await Namespace.create(this.t);
    await this.plug(namespace, "eth0", address);
    return namespace;
  }

  /** What comes to a port of the agent's machine, line by line. */
  watch(filter: string, ...more: readonly string[]): Promise<Running> {
    return this.watchOn(this.server, "eth1", filter, ...more);
  }

  async watchOn(on: Namespace, device: string, filter: string, ...more: readonly string[]): Promise<Running> {
    const tcpdump = on.start(this.t, "tcpdump", ["-i", device, "-n", "-l", "-Z", "root", ...more, filter]);
    await tcpdump.line((line) => line.includes("listening on"));
    return tcpdump;
  }

  /** Switches on a machine that boots from the network. */
  async startMachine(firmware: Firmware, mac: string, ...more: readonly string[]): Promise<Running> {
    const files = firmwareFiles(firmware);
    const variables = files === undefined ? undefined : path.join(this.folder, "variables.fd");
    if (files !== undefined && variables !== undefined) await copyFile(files.variables, variables);
    await this.segment.ip("tuntap", "add", "tap0", "mode", "tap");
    await this.segment.ip("link", "set", "tap0", "master", this.bridge, "up");
    return this.segment.start(this.t, "qemu-system-x86_64", qemuArguments({
      name: "machine", firmware, accelerator: "tcg", memoryMb: 512, uuid: "00112233-4455-6677-8899-aabbccddeeff", mac, tap: "tap0",
      consoleFile: path.join(this.folder, "console.log"), qmpSocket: path.join(this.folder, "qmp"), variables, disk: undefined,
      bootOrder: "network-first", extraArguments: more,
    }));
  }

  private async startDnsmasq(...more: readonly string[]): Promise<Running> {
    const namespace = await this.station("10.77.0.2/24");
    const dnsmasq = namespace.start(this.t, "dnsmasq", ["--no-daemon", "--conf-file=/dev/null", "--user=root", "--interface=eth0", ...more]);
    await dnsmasq.line((line) => line.includes("started, version"));
    return dnsmasq;
  }

  private async plug(namespace: Namespace, device: string, address: string, bridge = "br0"): Promise<void> {
    const port = `p-${device}-${address.split(/[./]/)[3] ?? ""}`;
    await this.segment.ip("link", "add", port, "type", "veth", "peer", "name", device, "netns", namespace.name);
    await this.segment.ip("link", "set", port, "master", bridge, "up");
    await namespace.ip("address", "add", address, "dev", device);
    await namespace.ip("link", "set", device, "up");
  }
}

async function addBridge(on: Namespace, name: string): Promise<void> {
  await on.ip("link", "add", name, "type", "bridge");
  await on.ip("link", "set", name, "up");
}

/** An asset of a profile, for content that the agent is given. */
function assetOf(name: string, content: Buffer): AssetSpec {
  return { name, sha256: createHash("sha256").update(content).digest("hex"), size: content.length };
}

