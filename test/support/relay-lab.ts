import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Document } from "../../provider/model/documents";
import { DhcpLab } from "./dhcp-lab";
import { serverDocument, subnetDocument } from "./documents";
import { Namespace, plug, type Running } from "./netns";
import { startDnsmasq } from "./segment";

/** MACs of the clients, one on each network behind the relay. */
export const behind = ["52:54:00:aa:00:01", "52:54:00:aa:00:02"] as const;

type Spec = Parameters<typeof subnetDocument>[0];

/** A network behind the relay: 10.78.0.0/24 or 10.79.0.0/24. */
export function row(second: 78 | 79, spec: Spec = {}): Document {
  const net = `10.${String(second)}.0`;
  return subnetDocument({
    cidr: `${net}.0/24`, pools: [{ from: `${net}.100`, to: `${net}.110` }], routers: [`${net}.254`], dnsServers: [], relays: [`${net}.254`, "10.77.0.8"], ...spec,
  }, `row${String(second)}`);
}

/**
 * The agent at 10.77.0.1; a machine that routes and relays, 10.77.0.8 towards it; behind that machine a client on 10.78.0.0/24 and one on
 * 10.79.0.0/24, where the agent has no interface.
 */
export class RelayLab {
  private constructor(
    readonly lab: DhcpLab, readonly relay: Namespace,
    readonly clients: readonly [Namespace, Namespace],
  ) {}

  static async create(t: TestContext, documents: readonly Document[] = [serverDocument(), row(78), row(79)]): Promise<RelayLab> {
    const lab = await DhcpLab.create(t, "52:54:00:aa:00:08", documents);
    const relay = lab.client;
    await relay.ip("address", "add", "10.77.0.8/24", "dev", "eth0");
    const forwarding = await relay.run("sh", ["-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"]);
    assert.equal(forwarding.code, 0, forwarding.stderr);
    const client = async (mac: string, name: string, gateway: string): Promise<Namespace> => {
      const made = await Namespace.create(t);
      await plug({ server: relay, client: made }, mac, name, `${gateway}/24`);
      await lab.server.ip("route", "add", `${gateway.replace(/\d+$/, "0")}/24`, "via", "10.77.0.8");
      return made;
    };
    return new RelayLab(lab, relay, [await client(behind[0], "eth1", "10.78.0.254"), await client(behind[1], "eth2", "10.79.0.254")]);
  }

  /** ISC's relay agent, once it listens. */
  async dhcrelay(...more: readonly string[]): Promise<Running> {
    const towards = more.includes("-U") ? [] : ["-iu", "eth0"];
    const running = this.relay.start(this.lab.t, "dhcrelay", ["-4", "-d", "--no-pid", ...more, ...towards, "-id", "eth1", "-id", "eth2", "10.77.0.1"]);
    await running.line((line) => /Sending on +Socket\/fallback/.test(line));
    return running;
  }

  /** dnsmasq as a relay agent, which knows no option 82. */
  dnsmasq(): Promise<Running> {
    return startDnsmasq(this.lab.t, this.relay, this.lab.folder, "--interface=eth1", "--interface=eth2", "--dhcp-relay=10.78.0.254,10.77.0.1", "--dhcp-relay=10.79.0.254,10.77.0.1");
  }
}
