import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DhcpLab, labProfile } from "../support/dhcp-lab";
import { hostDocument, serverDocument, subnetDocument } from "../support/documents";
import type { Namespace } from "../support/netns";
import { behind, RelayLab, row } from "../support/relay-lab";

const mac = "52:54:00:aa:00:01";

/** Debian's BOOTP client: what it tells a script, or that nobody answered. Its kernel takes no reply but a broadcast one. */
async function bootpc(on: Namespace): Promise<string> {
  await on.ip("route", "replace", "255.255.255.255/32", "dev", "eth0");
  const run = await on.run("bootpc", ["--dev", "eth0", "--serverbcast", "--returniffail", "--timeoutwait", "3"], { timeoutMs: 30_000 });
  return run.stdout.toString() + run.stderr;
}

const unanswered = /bootpc failed to locate a network address/;
const never = 8_640_000_000_000_000;

describe("BOOTP clients", { concurrency: 2 }, () => {
  test("A35 A36 bootpc gets its reservation, boot file and parameters in 300 bytes without an option of DHCP; without a reservation it gets nothing", async (t) => {
    const lab = await DhcpLab.create(t, mac, [serverDocument()]);
    await lab.apply([subnetDocument({ domainName: "rack.example", bootFile: "grub.0", nextServer: "10.77.0.9" }), labProfile, hostDocument({ macs: [mac] })], [], ["db1"]);
    const dump = await lab.dump("udp", "dst", "port", "68");
    const told = await bootpc(lab.client);
    for (const [name, value] of Object.entries({
      IPADDR: "10.77.0.11", SERVER: "10.77.0.9", BOOTFILE: "grub.0", NETMASK: "255.255.255.0", BROADCAST: "10.77.0.255", GATEWAYS: "10.77.0.254",
      DNSSRVS: "10.77.0.254", DOMAIN: "rack.example", HOSTNAME: "db1",
    })) assert.ok(told.includes(`${name}='${value}'\n`), `${name}: ${told}`);
    await dump.line((line) => /BR \(28\)/.test(line));
    const reply = dump.lines.join("\n");
    assert.match(reply, /BOOTP\/DHCP, Reply, length 300, /);
    assert.doesNotMatch(reply, /DHCP-Message|Lease-Time|Server-ID/);
    await lab.told(/gave 10\.77\.0\.11 to .* by BOOTP$/);

    const packets = async () => (await lab.status()).interfaces[0]?.packets ?? { received: 0, replied: 0, malformed: 0 };
    const before = await packets();
    await lab.client.ip("link", "set", "eth0", "address", "52:54:00:aa:00:09");
    assert.match(await bootpc(lab.client), unanswered);
    const { received, replied, malformed } = await packets();
    assert.deepEqual([received > before.received, replied, malformed], [true, before.replied, 0]);
    assert.deepEqual((await lab.leases()).map((lease) => lease.address), ["10.77.0.11"]);
  });

  test("A35 where a subnet says dynamicBootp an address of the pool is for ever, behind a relay too", async (t) => {
    const net = await RelayLab.create(t, [serverDocument(), row(78, { dynamicBootp: true }), row(79)]);
    const { lab, clients: [first, second] } = net;
    await net.dhcrelay("-a");
    for (let round = 0; round < 2; round++) assert.match(await bootpc(first), /IPADDR='10\.78\.0\.100'\n[^]*GATEWAYS='10\.78\.0\.254'\n/);
    await lab.told(/gave 10\.78\.0\.100 to .* by BOOTP for ever/);
    assert.deepEqual((await lab.leases()).map(({ address, mac: owner, expiresAt }) => [address, owner, expiresAt]), [["10.78.0.100", behind[0], never]]);
    assert.match(await bootpc(second), unanswered);
  });

  test("A10 A35 bootptest, at an address of its own already, is answered there without a broadcast", async (t) => {
    const lab = await DhcpLab.create(t, mac, [serverDocument()]);
    await lab.apply([subnetDocument({ bootFile: "grub.0" }), labProfile, hostDocument({ macs: [mac] })], [], ["db1"]);
    await lab.client.ip("address", "add", "10.77.0.11/24", "dev", "eth0");
    const dump = await lab.dump("udp", "dst", "port", "68");
    const run = await lab.client.run("bootptest", ["-h", "10.77.0.1"], { timeoutMs: 30_000 });
    assert.equal(run.code, 0, run.stdout.toString() + run.stderr);
    assert.match(run.stdout.toString(), /Y:10\.77\.0\.11 S:10\.77\.0\.1 .*file:"grub\.0"/);
    await dump.line((line) => line.includes("BOOTP/DHCP, Reply"));
    assert.match(dump.lines.join("\n"), new RegExp(` > ${mac}, ethertype IPv4[^]*10\\.77\\.0\\.1\\.67 > 10\\.77\\.0\\.11\\.68: `));
  });
});
