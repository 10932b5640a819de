import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteStore } from "../../provider/agent/store/sqlite";
import type { StoreWrite } from "../../provider/agent/store/port";
import { nodeFlags } from "../../provider/deploy/layout";
import { formatIpv4, ipv4 } from "../../provider/model/ip";
import { packageRoot } from "../../lab/project";
import { groups, macOf, network, serverInterface } from "./network";

/** What a server holds as it starts. */
export interface Load {
  readonly leases: number;
  readonly reservations: number;
}

/** A DHCP server as its makers ship it, but for what the measurement needs. */
export interface DhcpServer {
  readonly name: string;
  /** Writes its configuration and the leases that it is to hold into an empty folder. */
  prepare(folder: string, load: Load): Promise<void>;
  /** What it is started by. @param again whether it has run on this folder before */
  command(folder: string, again: boolean): readonly string[];
}

const owner = "bench/dhcp";

/** A second: as good as no limit. */
const unlimited = 1_000_000;

interface Held {
  readonly address: string;
  readonly mac: string;
  /** Unix time in seconds. */
  readonly ends: number;
}

/** They are all of one age, and end after the measurement. */
function* heldLeases(count: number): Generator<Held> {
  const first = ipv4(network.pool.from);
  const ends = Math.floor(Date.now() / 1000) + network.leaseTime;
  for (let index = 0; index < count; index++) yield { address: formatIpv4(first + index), mac: macOf(groups.held, index), ends };
}

function reservations(count: number): { readonly mac: string; readonly address: string }[] {
  const first = ipv4(network.reserved);
  return Array.from({ length: count }, (_, index) => ({ mac: macOf(groups.declared, index), address: formatIpv4(first + index) }));
}

/**
 * One thread, and plain UDP sockets, which cost it less than its raw ones and do for relayed requests. Its leases go to a file, which it
 * doesn't wait for the disk to take.
 */
const kea: DhcpServer = {
  name: "Kea",
  async prepare(folder, load) {
    const csv = join(folder, "leases.csv");
    const rows = [...heldLeases(load.leases)].map(({ address, mac, ends }) => `${address},${mac},01:${mac},${String(network.leaseTime)},${String(ends)},1,0,0,,0,\n`);
    writeFileSync(csv, `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n${rows.join("")}`);
    writeFileSync(join(folder, "kea.json"), JSON.stringify({
      Dhcp4: {
        "interfaces-config": { interfaces: [serverInterface], "dhcp-socket-type": "udp" },
        "lease-database": { type: "memfile", persist: true, name: csv, "lfc-interval": 3600 },
        "multi-threading": { "enable-multi-threading": false },
        "valid-lifetime": network.leaseTime,
        subnet4: [{
          id: 1, subnet: network.cidr, relay: { "ip-addresses": [network.relay] },
          pools: [{ pool: `${network.pool.from}-${network.pool.to}` }],
          "option-data": [{ name: "routers", data: network.relay }, { name: "domain-name-servers", data: network.relay }],
          reservations: reservations(load.reservations).map(({ mac, address }) => ({ "hw-address": mac, "ip-address": address })),
        }],
        loggers: [{ name: "kea-dhcp4", severity: "INFO", output_options: [{ output: join(folder, "kea.log") }] }],
      },
    }));
    return Promise.resolve();
  },
  command: (folder) => ["kea-dhcp4", "-c", join(folder, "kea.json")],
};

/** It pings no new address, as the others don't. */
const dnsmasq: DhcpServer = {
  name: "dnsmasq",
  async prepare(folder, load) {
    writeFileSync(join(folder, "leases"), [...heldLeases(load.leases)].map(({ address, mac, ends }) => `${String(ends)} ${mac} ${address} * 01:${mac}\n`).join(""));
    writeFileSync(join(folder, "hosts"), reservations(load.reservations).map(({ mac, address }) => `${mac},${address}\n`).join(""));
    return Promise.resolve();
  },
  command: (folder) => [
    "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--port=0", "--no-ping", "--dhcp-authoritative",
    `--log-facility=${join(folder, "dnsmasq.log")}`, `--dhcp-leasefile=${join(folder, "leases")}`, `--dhcp-hostsfile=${join(folder, "hosts")}`, "--dhcp-lease-max=1000000",
    `--dhcp-range=${network.pool.from},${network.pool.to},${network.mask},${String(network.leaseTime)}`,
    `--dhcp-option=option:router,${network.relay}`, `--dhcp-option=option:dns-server,${network.relay}`,
  ],
};

/** The bundle with the flags that deployments start it with. */
const agent: DhcpServer = {
  name: "agent",
  async prepare(folder, load) {
    writeFileSync(join(folder, "documents.json"), JSON.stringify({ documents: documents(load.reservations) }));
    if (load.leases === 0) return;
    mkdirSync(join(folder, "data"), { mode: 0o700 });
    const store = new SqliteStore(join(folder, "data", "agent.db"));
    store.fill(leaseWrites(load.leases));
    await store.close();
  },
  command: (folder, again) => agentCommand(folder, again, []),
};

function agentCommand(folder: string, again: boolean, flags: readonly string[]): readonly string[] {
  return [
    process.execPath, ...nodeFlags, ...flags, join(packageRoot, "dist", "agent", "pxe-agent.cjs"), "run", "--data", join(folder, "data"), "--socket", join(folder, "control"),
    // A deployed agent has its documents in its database.
    ...(again ? [] : ["--config", join(folder, "documents.json")]),
  ];
}

/** The same, and SIGUSR2 makes it collect its garbage. */
export const collectingAgent: DhcpServer = {
  ...agent,
  name: "collecting",
  command: (folder, again) => agentCommand(folder, again, ["--expose-gc", "--require", require.resolve("./collect")]),
};

export const servers: readonly DhcpServer[] = [kea, dnsmasq, agent];

function* leaseWrites(count: number): Generator<StoreWrite> {
  for (const { address, mac, ends } of heldLeases(count)) {
    const lease = { address, mac, clientId: `01${mac.replaceAll(":", "")}`, owner, subnet: "n", state: "active", expiresAt: ends * 1000 } as const;
    yield { type: "lease.put", lease };
  }
}

function documents(hosts: number): readonly object[] {
  const file = (name: string): object => ({ name, sha256: "a".repeat(64), size: 1 });
  const profile = { distro: { family: "debian", release: "12" }, kernel: file("linux"), initrd: [file("initrd.gz")], loaders: {} };
  return [
    // The others have no limits on what clients send and take.
    { kind: "server", name: "s", owner, spec: { interfaces: [serverInterface], packetLimits: { perClient: unlimited, perRelay: unlimited, perInterface: unlimited } } },
    {
      kind: "subnet", name: "n", owner,
      spec: {
        cidr: network.cidr, relays: [network.relay], pools: [network.pool], routers: [network.relay], dnsServers: [network.relay], leaseTime: network.leaseTime,
        limits: { newClientsPerSecond: unlimited },
      },
    },
    ...(hosts === 0 ? [] : [{ kind: "profile", name: "p", owner, spec: profile }]),
    ...reservations(hosts).map(({ mac, address }, index) => {
      const name = `h${String(index)}`;
      return { kind: "host", name, owner, spec: { macs: [mac], ip: address, hostname: name, subnet: "n", profile: "p", rendered: {} } };
    }),
  ];
}
