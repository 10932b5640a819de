import crypto from "node:crypto";
import path from "node:path";
import { pxeError } from "../provider/errors";
import { formatIpv4, ipv4 } from "../provider/model/ip";
import { run, type RunOptions, type RunResult } from "./process";
import type { Ledger } from "./registry";

/** `ip` in the namespace of the host, or in another one. */
async function ip(ledger: Ledger, namespace: string | undefined, words: string): Promise<RunResult> {
  const where = namespace === undefined ? [] : ["-n", namespace];
  return run("ip", [...where, ...words.split(" ")], { abort: ledger.abort });
}

async function makeNamespace(ledger: Ledger, name: string): Promise<void> {
  await ledger.make([{ kind: "netns", name }], async () => {
    await ip(ledger, undefined, `netns add ${name}`);
    await ip(ledger, name, "link set lo up");
  });
}

/** Locally administered unicast address (IEEE 802 bit 1 set, bit 0 clear) under QEMU's usual prefix. */
export function randomMac(): string {
  return ["52", "54", "00", ...[...crypto.randomBytes(3)].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

/** The provisioning segment: a bridge without an address, alone in a namespace. */
export class Segment {
  private constructor(
    private readonly ledger: Ledger,
    readonly namespace: string,
    readonly bridge: string,
  ) {}

  static async create(ledger: Ledger, namespace: string): Promise<Segment> {
    await makeNamespace(ledger, namespace);
    // A port forwards at once: no spanning tree, and no multicast snooping that would hold back what is newly joined.
    await ip(ledger, namespace, "link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0");
    await ip(ledger, namespace, "link set br0 up");
    return new Segment(ledger, namespace, "br0");
  }

  /** A new namespace with one interface on the segment. `port` is the bridge's end. */
  async attach(namespace: string, link: { name: string; port: string; address?: string; mac?: string }): Promise<void> {
    await makeNamespace(this.ledger, namespace);
    const mac = link.mac === undefined ? "" : ` address ${link.mac}`;
    await ip(this.ledger, this.namespace, `link add ${link.port} type veth peer name ${link.name}${mac} netns ${namespace}`);
    await ip(this.ledger, this.namespace, `link set ${link.port} master ${this.bridge} up`);
    if (link.address !== undefined) await ip(this.ledger, namespace, `addr add ${link.address} dev ${link.name}`);
    await ip(this.ledger, namespace, `link set ${link.name} up`);
  }

  /** Makes a tap for a virtual machine's network card; QEMU opens it by name, inside the segment's namespace. */
  async tap(name: string): Promise<void> {
    await ip(this.ledger, this.namespace, `tuntap add dev ${name} mode tap`);
    await ip(this.ledger, this.namespace, `link set ${name} master ${this.bridge} up`);
  }

  /** Takes a namespace's cable out, or puts it back in: `port` is the bridge's end. */
  async cable(port: string, state: "up" | "down"): Promise<void> {
    await ip(this.ledger, this.namespace, `link set ${port} ${state}`);
  }
}

interface AddressRow {
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly family?: string }[];
}
interface RouteRow {
  readonly dst?: string;
}

/** First and last address of what the host already has an address in or a route to. */
async function takenRanges(ledger: Ledger): Promise<(readonly [number, number])[]> {
  const addresses = JSON.parse((await ip(ledger, undefined, "-4 -json addr show")).stdout) as AddressRow[];
  const routes = JSON.parse((await ip(ledger, undefined, "-4 -json route show")).stdout) as RouteRow[];
  const networks = [
    ...addresses.flatMap((row) => (row.addr_info ?? []).map((info) => `${info.local ?? "0.0.0.0"}/${info.prefixlen ?? 32}`)),
    ...routes.map((row) => row.dst ?? "default").filter((dst) => dst !== "default"),
  ];
  return networks.map((text) => {
    const [address = "0.0.0.0", prefix = "32"] = text.split("/");
    const size = 2 ** (32 - Number(prefix));
    const first = Math.floor(ipv4(address) / size) * size;
    return [first, first + size - 1] as const;
  });
}

// RFC 2544's benchmarking range: unlike 100.64.0.0/10 and 169.254.0.0/16 it is used by neither VPNs nor clouds.
const managementFirst = ipv4("198.19.0.0");
const managementPairs = 2 ** 16 / 2;

/** A /31 (RFC 3021) of the management range that this host has no address in and no route to: `[host's end, target's end]`. */
export async function freeManagementPair(ledger: Ledger): Promise<[string, string]> {
  const taken = await takenRanges(ledger);
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = managementFirst + 2 * crypto.randomInt(managementPairs);
    if (!taken.some(([from, to]) => first + 1 >= from && first <= to)) return [formatIpv4(first), formatIpv4(first + 1)];
  }
  throw pxeError("PXE_LAB_FAILED", "198.19.0.0/16 is in use on this machine: no address left to manage a lab's target by");
}

/** A direct link between the host and a namespace. Returns the address at the namespace's end. */
export async function addManagementLink(ledger: Ledger, namespace: string, hostLink: string): Promise<string> {
  return ledger.make([{ kind: "link", name: hostLink }], async () => {
    const [hostEnd, targetEnd] = await freeManagementPair(ledger);
    await ip(ledger, undefined, `link add ${hostLink} type veth peer name mgmt0 netns ${namespace}`);
    await ip(ledger, undefined, `addr add ${hostEnd}/31 dev ${hostLink}`);
    await ip(ledger, undefined, `link set ${hostLink} up`);
    await ip(ledger, namespace, `addr add ${targetEnd}/31 dev mgmt0`);
    await ip(ledger, namespace, "link set mgmt0 up");
    return targetEnd;
  });
}

/** Runs a command to its end in a namespace. */
export async function runInNamespace(namespace: string, file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run("ip", ["netns", "exec", namespace, file, ...args], options);
}

/** What a kernel doesn't know when its machine goes on; a namespace outlives what ran in it. */
export async function forgetSettings(ledger: Ledger, namespace: string): Promise<void> {
  await runInNamespace(namespace, "sh", ["-ec", "nft flush ruleset; echo 0 >/proc/sys/net/ipv4/ip_forward"], { abort: ledger.abort });
}

/** The file that nsenter(1) and nspawn name a namespace by. */
export function namespaceFile(namespace: string): string {
  return path.join("/run/netns", namespace);
}
