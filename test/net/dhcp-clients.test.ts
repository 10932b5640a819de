import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { configure, dhclient, udhcpc } from "../support/dhcp-clients";
import { DhcpLab } from "../support/dhcp-lab";
import { serverDocument, subnetDocument } from "../support/documents";
import { eventually } from "../support/eventually";
import { Namespace, type Running } from "../support/netns";

const mac = "52:54:00:aa:00:01";

/** dhcpcd with state folders of its own. */
function dhcpcd(lab: DhcpLab, ...args: readonly string[]): Running {
  const config = lab.file("dhcpcd.conf");
  writeFileSync(config, "duid\nnodev\noption domain_name_servers, routers\n");
  const own = "mount -t tmpfs own /run && mkdir -p /var/lib/dhcpcd && mount -t tmpfs own /var/lib/dhcpcd && exec dhcpcd \"$@\"";
  return lab.client.start(lab.t, "unshare", ["-m", "sh", "-c", own, "dhcpcd", "-4", "-B", "-d", "-f", config, "-c", "/bin/true", ...args, "eth0"]);
}

/** Another machine on the wire, with an address that nobody leased to it. The one whose end of the wire it shares can't reach it. */
async function squatter(lab: DhcpLab, address: string, [at, end]: readonly [Namespace, string] = [lab.server, "eth1"]): Promise<void> {
  const other = await Namespace.create(lab.t);
  await at.ip("link", "add", "mv0", "link", end, "netns", other.name, "type", "macvlan", "mode", "bridge");
  await other.ip("address", "add", `${address}/24`, "dev", "mv0");
  await other.ip("link", "set", "mv0", "up");
}

describe("clients that hold a lease", { concurrency: 3 }, () => {
  test("A5 A7 A27 dhclient renews by unicast at T1, and by broadcast at T2 where no unicast comes through", async (t) => {
    const lab = await DhcpLab.create(t, mac, [serverDocument(), subnetDocument({ leaseTime: 120, renewAt: 0.04, rebindAt: 0.1 })]);
    const client = dhclient(lab, lab.script(...configure).script);
    await client.line((line) => line.startsWith("DHCPREQUEST for 10.77.0.100 on eth0 to 10.77.0.1 port 67"));
    const acks = (): number => client.lines.filter((line) => line.startsWith("DHCPACK of 10.77.0.100 from 10.77.0.1")).length;
    await client.line(() => acks() === 2);
    await lab.server.run("nft", ["add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in ip daddr 10.77.0.1 udp dport 67 drop"]);
    await client.line(() => acks() === 3);
    const last = client.lines.findLastIndex((line) => line.startsWith("DHCPACK"));
    assert.match(client.lines[last - 1] ?? "", /^DHCPREQUEST for 10\.77\.0\.100 on eth0 to 255\.255\.255\.255 port 67/);
    assert.equal((await lab.leases()).length, 1);
  });

  test("A6 A8 A9 A22 a pool that was changed holds from the next packet on: udhcpc's renewal is refused, it gets an address of the new pool, and releases it", async (t) => {
    const lab = await DhcpLab.create(t, mac);
    const client = udhcpc(lab, lab.client, "-R");
    await client.line((line) => line.includes("lease of 10.77.0.100 obtained"));
    client.signal("SIGUSR1");
    await client.line(() => client.lines.filter((line) => line.includes("lease of 10.77.0.100 obtained")).length === 2);
    await lab.apply([subnetDocument({ pools: [{ from: "10.77.0.30", to: "10.77.0.39" }] })]);
    client.signal("SIGUSR1");
    await client.line((line) => line.includes("lease of 10.77.0.30 obtained"));
    await lab.told(/10\.77\.0\.100.*is in no pool/);
    client.signal("SIGUSR2");
    await lab.told(new RegExp(`${mac} released 10\\.77\\.0\\.30`));
  });

  test("A21 F2 udhcpc declines an address that another machine uses: it is told, kept from everybody, and the next one given", async (t) => {
    const lab = await DhcpLab.create(t, mac);
    await squatter(lab, "10.77.0.100");
    const client = udhcpc(lab, lab.client, "-a");
    await client.line((line) => line.includes("lease of 10.77.0.101 obtained"));
    await lab.told(/declined 10\.77\.0\.100/);
    assert.deepEqual((await lab.leases()).map((lease) => [lease.address, lease.state]), [["10.77.0.100", "declined"], ["10.77.0.101", "active"]]);
  });

  test("A18 A21 an address that answers a ping is not offered, kept from everybody, and told; one that its client had before is not pinged, and none where no subnet asks for it", async (t) => {
    const lab = await DhcpLab.create(t, mac, [serverDocument(), subnetDocument({ probe: true })]);
    await squatter(lab, "10.77.0.100", [lab.client, "eth0"]);
    // No ping leaves for an address that nobody answers ARP for; replies need no ARP.
    const pings = await lab.dump("arp");
    const pinged = (): readonly string[] => pings.lines.flatMap((line) => /Request who-has (\S+) tell 10\.77\.0\.1,/.exec(line)?.[1] ?? []);
    assert.equal(await lab.lease("-t", "8"), "10.77.0.101");
    await lab.told(/10\.77\.0\.100 is in use by a machine that it was not leased to/);
    assert.deepEqual((await lab.leases()).map((lease) => [lease.address, lease.state]), [["10.77.0.100", "declined"], ["10.77.0.101", "active"]]);
    assert.equal(await lab.lease(), "10.77.0.101");
    await lab.apply([subnetDocument({ probe: false })]);
    assert.equal(await lab.lease("-x", "0x3d:ff01"), "10.77.0.102");
    // What would have been pinged by now, this one comes after.
    await lab.apply([subnetDocument({ probe: true })]);
    assert.equal(await lab.lease("-t", "8", "-x", "0x3d:ff02"), "10.77.0.103");
    await pings.line(() => pinged().includes("10.77.0.103"));
    assert.deepEqual([...new Set(pinged())].sort(), ["10.77.0.100", "10.77.0.101", "10.77.0.103"]);
  });

  test("A14 A22 dhcpcd with a DUID gets a lease, the same again, and releases it", async (t) => {
    const lab = await DhcpLab.create(t, mac);
    const client = dhcpcd(lab);
    await client.line((line) => line.includes("leased 10.77.0.100 for 3600 seconds"));
    assert.match((await lab.leases())[0]?.clientId ?? "", /^ff/);
    // By then its script has ended: a signal that comes while it runs is lost.
    await client.line((line) => line.includes("ARP announcing 10.77.0.100 (2 of 2)"));
    client.signal("SIGHUP");
    await client.line(() => client.lines.filter((line) => line.includes("leased 10.77.0.100 for 3600 seconds")).length === 2);
    // A signal that comes while it runs its script is lost on it.
    await eventually(async () => {
      client.signal("SIGALRM");
      return (await lab.events()).some((event) => /released 10\.77\.0\.100/.test(event.text));
    }, () => client.lines.join("\n"));
  });

  test("A24 dhcpcd that has its address asks for the rest: an ACK without a lease", async (t) => {
    const lab = await DhcpLab.create(t, mac);
    await lab.client.ip("address", "add", "10.77.0.50/24", "dev", "eth0");
    const client = dhcpcd(lab, "--inform=10.77.0.50/24");
    await client.line((line) => /received approval for 10\.77\.0\.50/.test(line));
    assert.deepEqual(await lab.leases(), []);
  });

  test("A26 dhclient and udhcpc understand a lease for ever", async (t) => {
    const lab = await DhcpLab.create(t, mac, [serverDocument(), subnetDocument({ leaseTime: 0xffffffff })]);
    const { script, told } = lab.script();
    const run = await lab.client.run("udhcpc", ["-i", "eth0", "-f", "-q", "-n", "-t", "5", "-T", "1", "-s", script], { timeoutMs: 30_000 });
    assert.match(run.stderr, /lease time 4294967295/);
    assert.match(told(), /\nlease=4294967295\n/);
    const other = lab.script();
    await dhclient(lab, other.script).line((line) => line.startsWith("bound to 10.77.0.100"));
    await eventually(() => Promise.resolve(other.told().includes("\nnew_dhcp_lease_time=4294967295\n")), other.told);
    assert.doesNotMatch(other.told(), /new_dhcp_(renewal|rebinding)_time/);
  });
});
