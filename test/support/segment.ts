import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { TestContext } from "node:test";
import { Namespace, type Running } from "./netns";

/** A switch with any number of stations, each a namespace with `eth0`. */
export class TestSegment {
  private count = 0;

  private constructor(private readonly t: TestContext, private readonly bridge: Namespace) {}

  static async create(t: TestContext): Promise<TestSegment> {
    const bridge = await Namespace.create(t);
    await bridge.ip("link", "add", "br0", "type", "bridge");
    await bridge.ip("link", "set", "br0", "up");
    return new TestSegment(t, bridge);
  }

  /** @param address with its prefix; without one the station has none */
  async station(address?: string, mac?: string): Promise<Namespace> {
    const station = await Namespace.create(this.t);
    const port = `p${String(++this.count)}`;
    await this.bridge.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", ...(mac === undefined ? [] : ["address", mac]), "netns", station.name);
    await this.bridge.ip("link", "set", port, "master", "br0", "up");
    if (address !== undefined) await station.ip("address", "add", address, "dev", "eth0");
    await station.ip("link", "set", "eth0", "up");
    return station;
  }
}

/** dnsmasq as a DHCP server on eth0; resolves when it serves. */
export async function startDnsmasq(t: TestContext, on: Namespace, folder: string, ...more: readonly string[]): Promise<Running> {
  const running = on.start(t, "dnsmasq", [
    "--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=eth0", "--except-interface=lo", "--user=root", "--log-dhcp",
    `--dhcp-leasefile=${path.join(folder, "dnsmasq.leases")}`, "--pid-file=", ...more,
  ]);
  await running.line((line) => /dnsmasq-dhcp: DHCP(, IP range|-relay| relay)|dnsmasq-dhcp: DHCP/.test(line));
  return running;
}

/** Kea on eth0, with one pool and nothing kept; resolves when it serves. `more` goes before the rest of its configuration. */
export async function startKea(t: TestContext, on: Namespace, folder: string, subnet: string, pool: string, more: Readonly<Record<string, unknown>> = {}): Promise<Running> {
  const config = {
    Dhcp4: {
      "interfaces-config": { interfaces: ["eth0"] }, "lease-database": { type: "memfile", persist: false }, "valid-lifetime": 600,
      subnet4: [{ subnet, pools: [{ pool }] }], loggers: [{ name: "kea-dhcp4", output_options: [{ output: "stdout" }], severity: "INFO" }], ...more,
    },
  };
  const file = path.join(folder, "kea.json");
  await writeFile(file, JSON.stringify(config));
  const running = on.start(t, "env", [`KEA_PIDFILE_DIR=${folder}`, "KEA_LOCKFILE_DIR=none", "kea-dhcp4", "-c", file]);
  await running.line((line) => line.includes("DHCP4_STARTED"));
  return running;
}
