import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { configure, dhclient, remembered, udhcpc } from "../support/dhcp-clients";
import { leased } from "../support/dhcp-lab";
import { serverDocument, subnetDocument } from "../support/documents";
import { eventually } from "../support/eventually";
import type { Running } from "../support/netns";
import { behind, RelayLab, row } from "../support/relay-lab";

/** What tcpdump says of each packet. */
function packets(dump: Running): readonly string[] {
  return dump.lines.join("\n").split(/\n(?=\d\d:\d\d:\d\d\.)/);
}

/** What it says of one part of each request, or of each reply. */
function dumped(dump: Running, kind: "Request" | "Reply", part: RegExp): readonly string[] {
  return packets(dump).filter((packet) => packet.includes(`BOOTP/DHCP, ${kind}`)).flatMap((packet) => part.exec(packet)?.[0] ?? []);
}

const isNak = /DHCP-Message \(53\), length 1: NACK[^]*MSG \(56\)/;
const agentInformation = /Agent-Information \(82\)[^]*/;

/** What relays said of their clients, or were told back. */
const informed = (dump: Running, kind: "Request" | "Reply"): readonly string[] => [...new Set(dumped(dump, kind, agentInformation))].sort();

describe("relay agents that nobody here wrote", { concurrency: 2 }, () => {
  test("A10 A32 A33 clients of two networks that the agent has no interface in get addresses there, through dhcrelay with and without option 82 or with a link selection, and through dnsmasq", async (t) => {
    // The network that the relay itself is on is declared too: a link selection goes before it.
    const net = await RelayLab.create(t, [serverDocument(), subnetDocument(), row(78), row(79)]);
    const { lab, relay, clients: [first, second] } = net;
    const start = {
      "dhcrelay": () => net.dhcrelay(),
      // -D: a reply that doesn't bring the relay's own option back is dropped.
      "dhcrelay -a": () => net.dhcrelay("-a", "-D"),
      "dhcrelay -a -U": () => net.dhcrelay("-a", "-D", "-U", "eth0"),
      "dnsmasq": () => net.dnsmasq(),
    };
    for (const [name, started] of Object.entries(start)) {
      const running = await started();
      const dump = await lab.dumpOn(relay, "udp", "port", "67", "and", "host", "10.77.0.1");
      for (const [on, net24] of [[first, "10.78.0"], [second, "10.79.0"]] as const) {
        const client = await lab.udhcpc(on);
        assert.match(client.said, new RegExp(`lease of ${net24}\\.100 obtained from 10\\.77\\.0\\.1, lease time 3600`), `${name}: ${client.said}`);
        for (const line of [`router=${net24}.254`, "subnet=255.255.255.0"]) assert.ok(client.told.includes(`\n${line}\n`), `${name}: ${client.told}`);
      }
      // The last lines of the last packet may still be on their way; a client that waited too long asks again.
      await eventually(() => Promise.resolve(dumped(dump, "Reply", /BOOTP/).length >= 4 && isDeepStrictEqual(informed(dump, "Reply"), informed(dump, "Request"))), () => `${name}: ${dump.lines.join("\n")}`);
      const requests = dumped(dump, "Request", /BOOTP/).length;
      assert.equal(dumped(dump, "Request", agentInformation).length, name.includes("-a") ? requests : 0, name);
      assert.equal(dumped(dump, "Reply", agentInformation).length, name.includes("-a") ? dumped(dump, "Reply", /BOOTP/).length : 0, name);
      assert.equal(dumped(dump, "Request", /Gateway-IP 10\.77\.0\.8\n/).length, name.includes("-U") ? requests : 0, name);
      await dump.kill();
      await running.kill();
    }
    assert.deepEqual((await lab.leases()).map((lease) => [lease.address, lease.mac]), [["10.78.0.100", behind[0]], ["10.79.0.100", behind[1]]]);
  });

  test("A5 A7 A10 A22 a client renews by unicast past its relay, rebinds through it, and releases past it", async (t) => {
    const net = await RelayLab.create(t, [serverDocument(), row(78, { leaseTime: 120, renewAt: 0.04, rebindAt: 0.1 }), row(79)]);
    const { lab, clients: [first, second] } = net;
    const relay = await net.dhcrelay("-a");
    const isc = dhclient(lab, lab.script(...configure).script, { on: first });
    const busybox = udhcpc(lab, second, "-R");
    await busybox.line((line) => line.includes("lease of 10.79.0.100 obtained"));
    await isc.line((line) => line.startsWith("bound to 10.78.0.100"));
    // Now there is no way but past it.
    await relay.kill();
    const acks = (): number => isc.lines.filter((line) => line.startsWith("DHCPACK of 10.78.0.100")).length;
    await isc.line(() => acks() === 2);
    const renewal = isc.lines.findLast((line) => line.startsWith("DHCPREQUEST"));
    assert.match(renewal ?? "", /^DHCPREQUEST for 10\.78\.0\.100 on eth0 to 10\.77\.0\.1 port 67/);
    busybox.signal("SIGUSR1");
    await busybox.line(() => busybox.lines.filter((line) => line.includes("lease of 10.79.0.100 obtained")).length === 2);
    busybox.signal("SIGUSR2");
    await lab.told(new RegExp(`${behind[1]} released 10\\.79\\.0\\.100`));

    await lab.server.run("nft", ["add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in ip saddr 10.78.0.100 udp dport 67 drop"]);
    await net.dhcrelay("-a");
    const before = acks();
    await isc.line(() => isc.lines.some((line) => line.startsWith("DHCPREQUEST for 10.78.0.100 on eth0 to 255.255.255.255")) && acks() > before);
  });

  test("A8 A9 a refusal reaches a client that has no address there yet: the relay is told to broadcast it", async (t) => {
    const net = await RelayLab.create(t);
    const { lab, clients } = net;
    for (const [index, started] of [() => net.dhcrelay("-a"), () => net.dnsmasq()].entries()) {
      const running = await started();
      const on = clients[index] ?? lab.client;
      const dump = await lab.dumpOn(on, "udp", "dst", "port", "68");
      const client = dhclient(lab, lab.script().script, { on, leases: remembered("192.168.1.5", "192.168.1.1") });
      await client.line((line) => line.startsWith(`bound to 10.${String(78 + index)}.0.100`));
      assert.match(client.lines.join("\n"), /DHCPREQUEST for 192\.168\.1\.5[^]*DHCPNAK from/);
      await dump.line(() => packets(dump).some((packet) => isNak.test(packet)));
      const nak = packets(dump).find((packet) => isNak.test(packet)) ?? "";
      assert.match(nak, / > ff:ff:ff:ff:ff:ff, [^]* > 255\.255\.255\.255\.68: [^]*Flags \[Broadcast\] \(0x8000\)/);
      assert.doesNotMatch(nak, /Your-IP|Client-IP|Server-IP|Lease-Time|Agent-Information/);
      await running.kill();
    }
  });

  test("F3 F4 a relay that no subnet allows gets no answer, and an event tells of it; a subnet that lists it is served from the next packet on", async (t) => {
    const net = await RelayLab.create(t, [serverDocument(), row(78), row(79, { relays: ["10.79.0.253"] })]);
    const { lab, clients: [first, second] } = net;
    await net.dhcrelay("-a");
    const refused = await lab.udhcpc(second);
    assert.match(refused.said, /no lease, failing/);
    const event = await lab.told(/a relay passes on requests that no subnet allows it to/);
    assert.deepEqual([event.kind, event.address, event.mac], ["alert", "10.79.0.254", behind[1]]);
    assert.equal(leased(await lab.udhcpc(first)), "10.78.0.100");
    await lab.apply([row(79)]);
    assert.equal(leased(await lab.udhcpc(second)), "10.79.0.100");
    // Many requests, one line: who forges one giaddr forges many.
    await eventually(async () => (await lab.events()).some(({ text }) => text.startsWith("leased 10.79.0.100")), () => "the lease's event");
    assert.equal((await lab.events()).filter(({ text }) => text === event.text).length, 1);
  });
});
