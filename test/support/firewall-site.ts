import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { isDeepStrictEqual } from "node:util";
import { Lab, type LabClient, type Target } from "../../lab";
import { ensureAgent, observeAgent, removeAgent } from "../../provider/deploy/agent";
import { connectionOf } from "../../provider/deploy/connection";
import { closeAll, controlClient, type ControlClient } from "../../provider/deploy/control";
import { generateControlKey } from "../../provider/deploy/keys";
import { layout } from "../../provider/deploy/layout";
import type { FirewallMode } from "../../provider/deploy/network";
import { PxeError, type Finding } from "../../provider/errors";
import { serverSpec, type AssetSpec, type ServerSpec } from "../../provider/model/documents";
import type { RemoteTarget } from "../../provider/model/target";
import { hostDocument, owner, profileDocument, serverDocument, subnetDocument } from "./documents";
import { eventually } from "./eventually";

/** What a machine on the segment got of the target, and of the outside through it. */
export interface Got {
  /** The address that it was leased. */
  readonly dhcp: string | undefined;
  readonly tftp: boolean;
  readonly http: boolean;
  /** Whom the outside takes it for. */
  readonly outside: string | undefined;
}

export const everything: Got = { dhcp: "10.77.0.11", tftp: true, http: true, outside: undefined };
export const nothing: Got = { dhcp: undefined, tftp: false, http: false, outside: undefined };
/** The target's address on its other interface. */
export const outerAddress = "192.0.2.1";

const mac = "52:54:00:77:02:01";
const program = randomBytes(20_000);
const sha256 = createHash("sha256").update(program).digest("hex");

/** A target with the firewalls of Debian, all switched off; a machine that boots on its segment; a server behind its other interface. */
export class FirewallSite {
  lines: string[] = [];
  private readonly controlKey = generateControlKey();
  private readonly script: string;

  private constructor(readonly lab: Lab, readonly target: Target, private readonly machine: LabClient) {
    this.script = join(lab.folder, "udhcpc.sh");
    writeFileSync(this.script, "#!/bin/sh\nexit 0\n");
    chmodSync(this.script, 0o755);
  }

  static async create(name: string): Promise<FirewallSite> {
    const lab = await Lab.create({ name });
    const target = await lab.target({ packages: ["firewalld", "nftables", "ufw"] });
    const machine = await lab.netns("machine", undefined, mac);
    const outside = await lab.netns("outside");
    await lab.exec(target.namespace, "ip", ["link", "add", "out0", "type", "veth", "peer", "name", "eth1", "netns", outside.namespace]);
    for (const [namespace, ...words] of [
      [target.namespace, "address", "add", `${outerAddress}/24`, "dev", "out0"], [target.namespace, "link", "set", "out0", "up"],
      [target.namespace, "route", "add", "default", "via", "192.0.2.2"],
      [outside.namespace, "address", "add", "192.0.2.2/24", "dev", "eth1"], [outside.namespace, "link", "set", "eth1", "up"],
    ] as const) await lab.exec(namespace, "ip", words);
    const answer = `require("node:http").createServer((request, response) => response.end(request.socket.remoteAddress)).listen(80, "192.0.2.2", () => console.log("listening"))`;
    // It ends with its namespace.
    const server = spawn("ip", ["netns", "exec", outside.namespace, process.execPath, "-e", answer], { stdio: ["ignore", "pipe", "inherit"] });
    await once(server.stdout, "data");
    return new FirewallSite(lab, target, machine);
  }

  async down(): Promise<void> {
    await closeAll();
    await this.lab.down();
  }

  private get remote(): RemoteTarget {
    const { host, privateKey, hostKeyFingerprint } = this.target;
    return { host, privateKey, hostKey: hostKeyFingerprint };
  }

  /** @param more of the server's document */
  async deploy(firewall: FirewallMode, more: Partial<ServerSpec> = {}): Promise<void> {
    this.lines = [];
    const server = serverSpec.parse({ interfaces: ["prov0"], ...more });
    await ensureAgent({ target: this.remote, owner, controlKey: this.controlKey, server, firewall, progress: (line) => this.lines.push(line) });
  }

  /** A deployment that the firewall stops, without `manage`. */
  async refused(more: Partial<ServerSpec> = {}): Promise<Finding> {
    const error: unknown = await this.deploy("check", more).then(() => undefined, (reason: unknown) => reason);
    assert.ok(error instanceof PxeError, `it was not refused: ${String(error)}`);
    assert.deepEqual(error.findings.map((item) => item.code), ["PXE_FIREWALL"]);
    return error.findings[0];
  }

  /** Runs the commands that a refusal tells, letter by letter. */
  async obey({ fix }: Finding): Promise<void> {
    const commands = fix.split("\n").filter((line) => line.startsWith("  "));
    assert.ok(commands.length > 0, fix);
    await this.target.exec(["sh", "-ec", commands.join("\n")]);
  }

  /** What a refresh finds changed by hand. */
  async edited(firewall: FirewallMode, more: Partial<ServerSpec> = {}): Promise<readonly string[]> {
    const server = serverSpec.parse({ interfaces: ["prov0"], ...more });
    return (await observeAgent({ target: this.remote, owner, controlKey: this.controlKey, server, firewall })).edited;
  }

  async remove(): Promise<void> {
    await removeAgent({ target: this.remote, owner, controlKey: this.controlKey, progress: (line) => this.lines.push(line) });
  }

  /** Declares the machine, with a loader to fetch. */
  async declare(): Promise<void> {
    await this.withClient(async (client) => {
      const asset = async (name: string): Promise<AssetSpec> => {
        await client.putAsset(sha256, program.length, () => Readable.from([program]));
        return { name, sha256, size: program.length };
      };
      const profile = profileDocument({ kernel: await asset("linux"), initrd: [await asset("initrd.gz")], loaders: { bios: { program: await asset("pxelinux.0"), modules: [await asset("ldlinux.c32")] } } });
      const host = hostDocument({ macs: [mac], ip: "10.77.0.11" });
      await client.apply({ owner, put: [serverDocument({ interfaces: ["prov0"] }), subnetDocument(), profile, host], arm: [{ host: host.name, reason: "create" }] });
    });
  }

  private async withClient<T>(work: (client: ControlClient) => Promise<T>): Promise<T> {
    const client = controlClient(connectionOf(this.remote), this.controlKey);
    try {
      return await work(client);
    } finally {
      client.close();
    }
  }

  /** That the machine gets this and no more, soon: a firewall takes a moment to be reloaded. */
  async gets(expected: Got): Promise<void> {
    let got = await this.got(expected);
    for (const end = Date.now() + 60_000; Date.now() < end && !isDeepStrictEqual(got, expected);) got = await this.got(expected);
    assert.deepEqual(got, expected);
  }

  /** What the machine gets now, by a client of each protocol; what isn't expected is not waited for as long. */
  private async got(expected: Got): Promise<Got> {
    const seconds = (thing: unknown): string => (thing === undefined || thing === false ? "2" : "15");
    await this.machine.exec("ip", ["address", "flush", "dev", "eth0"]);
    const dhcp = await this.machine.exec("udhcpc", ["-i", "eth0", "-f", "-q", "-n", "-t", seconds(expected.dhcp), "-T", "1", "-A", "1", "-s", this.script], { allowFailure: true });
    await this.machine.exec("sh", ["-ec", "ip address add 10.77.0.11/24 dev eth0; ip route replace default via 10.77.0.1"]);
    const fetch = async (url: string, thing: unknown): Promise<string | undefined> => {
      const { code, stdout } = await this.machine.exec("sh", ["-c", 'curl -s --fail --max-time "$2" "$1" | od -An -v -tx1 | tr -d " \\n"', "sh", url, seconds(thing)], { allowFailure: true });
      return code === 0 && stdout !== "" ? stdout : undefined;
    };
    const [tftp, http, outside] = await Promise.all([
      fetch("tftp://10.77.0.1/bios/pxelinux.0", expected.tftp), fetch(`http://10.77.0.1/a/${sha256}/pxelinux.0`, expected.http), fetch("http://192.0.2.2/", expected.outside),
    ]);
    const file = program.toString("hex");
    return {
      dhcp: /lease of (\S+) obtained/.exec(dhcp.stderr + dhcp.stdout)?.[1], tftp: tftp === file, http: http === file,
      outside: outside === undefined ? undefined : Buffer.from(outside, "hex").toString("latin1"),
    };
  }

  /** Starts the target anew, and waits until its agent serves. */
  async reboot(how: "poweroff" | "kill"): Promise<void> {
    await closeAll();
    await this.target.stop(how);
    await this.target.start();
    await this.withClient((client) => eventually(() => client.status().then(({ ready }) => ready, () => false), () => "no agent after the start"));
  }

  /** What is left of a deployment's network settings. */
  async settingsLeft(): Promise<string[]> {
    const places = [layout.networkScript, layout.networkUnit, layout.sysctl, "/etc/systemd/system/*.wants/pulumi-pxe-network*", "/etc/firewalld/policies/pulumi-pxe*"];
    const { stdout } = await this.target.exec(`ls -d ${places.join(" ")}; systemctl list-units --all --plain --no-legend 'pulumi-pxe-network*'; systemctl --failed --plain --no-legend`, { allowFailure: true });
    return stdout.split("\n").filter((line) => line !== "");
  }

  /** Whether the target forwards. */
  async forwards(): Promise<boolean> {
    return (await this.target.exec("cat /proc/sys/net/ipv4/ip_forward")).stdout.trim() === "1";
  }
}
