import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dhclient } from "../support/dhcp-clients";
import { DhcpLab, labProfile } from "../support/dhcp-lab";
import { hostDocument, serverDocument, subnetDocument } from "../support/documents";
import { eventually } from "../support/eventually";

const mac = "52:54:00:aa:00:01";
const rich = subnetDocument({
  domainName: "rack.example", ntpServers: ["10.77.0.4", "10.77.0.5"], options: { timeServers: ["10.77.0.6"], logServers: ["10.77.0.7"], mtu: 9000, rootPath: "/srv/nfs" },
});

/** What nmap's scripts name a value, and how they write it. */
const read: Readonly<Record<string, string>> = {
  "Server Identifier": "10.77.0.1", "Subnet Mask": "255.255.255.0", "Router": "10.77.0.254", "Domain Name Server": "10.77.0.254", "Domain Name": "rack.example",
  "Broadcast Address": "10.77.0.255", "NTP Servers": "10.77.0.4, 10.77.0.5", "Time Server": "10.77.0.6", "Log Server": "10.77.0.7", "Interface MTU": "9000", "Root Path": "/srv/nfs",
};

function assertRead(text: string, expected: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(expected)) assert.match(text, new RegExp(`\\|_? +${name}: ${value.replaceAll(".", "\\.")}$`, "m"));
}

describe("readers that nobody here wrote", { concurrency: 3 }, () => {
  test("A24 A28 nmap's dhcp-discover reads the answer to its INFORM, and takes no address", async (t) => {
    const lab = await DhcpLab.create(t, mac, [serverDocument(), rich]);
    await lab.client.ip("address", "add", "10.77.0.50/24", "dev", "eth0");
    const run = await lab.client.run("nmap", ["-sU", "-n", "-Pn", "-p", "67", "--script", "dhcp-discover", "10.77.0.1"], { timeoutMs: 60_000 });
    const text = run.stdout.toString();
    assertRead(text, { "DHCP Message Type": "DHCPACK", ...read });
    assert.doesNotMatch(text, /Lease Time|Renewal|Rebinding/);
    assert.deepEqual(await lab.leases(), []);
  });

  test("A28 nmap's broadcast-dhcp-discover reads an offer", async (t) => {
    const lab = await DhcpLab.create(t, mac, [serverDocument(), rich]);
    // It passes over an interface without one.
    await lab.client.ip("address", "add", "10.77.0.50/24", "dev", "eth0");
    const args = ["-e", "eth0", "--script", "broadcast-dhcp-discover", "--script-args", "broadcast-dhcp-discover.timeout=3"];
    const run = await lab.client.run("nmap", args, { timeoutMs: 60_000 });
    assertRead(run.stdout.toString(), {
      "IP Offered": "10.77.0.100", "DHCP Message Type": "DHCPOFFER", "IP Address Lease Time": "1h00m00s", "Renewal Time Value": "30m00s", "Rebinding Time Value": "52m30s", ...read,
    });
  });

  /**
   * The npm package dhcp. Its REQUEST names neither a server nor, before it has had an address once, the one that it was offered (its
   * source says "TODO"): so it is given the address beforehand, and asks as one that remembers it. Its socket gets only what is sent to
   * an address that the machine has. What its table has no name for ends its process, so it can't ask for more than these.
   */
  test("A3 A27 the npm package dhcp is offered and given the address that it remembers, and reads its parameters", async (t) => {
    const lab = await DhcpLab.create(t, mac, [serverDocument(), rich, labProfile, hostDocument({ macs: [mac] })]);
    await lab.client.ip("address", "add", "10.77.0.11/24", "dev", "eth0");
    await lab.client.ip("route", "add", "255.255.255.255/32", "dev", "eth0");
    const program = `
      const client = require(${JSON.stringify(require.resolve("dhcp"))}).createClient({ mac: ${JSON.stringify(mac)}, features: ["domainName", "ntpServer", "mtuInterface", "broadcast", "hostname"] });
      client._state.address = "10.77.0.11";
      client.on("message", (packet) => console.log(JSON.stringify({ type: packet.options[53], yiaddr: packet.yiaddr, times: [packet.options[51], packet.options[58], packet.options[59]] })));
      client.on("bound", (state) => console.log(JSON.stringify({ bound: state.address, server: state.server, options: state.options })));
      client.listen();
      client.on("listening", () => client.sendDiscover());`;
    const client = lab.client.start(t, process.execPath, ["-e", program]);
    const { bound, server, options } = JSON.parse(await client.line((line) => line.startsWith('{"bound"'))) as { bound: string; server: string; options: Record<string, unknown> };
    assert.deepEqual([bound, server], ["10.77.0.11", "10.77.0.1"]);
    assert.deepEqual(client.lines.filter((line) => line.startsWith('{"type"')).map((line) => JSON.parse(line) as unknown), [2, 5].map((type) => ({ type, yiaddr: "10.77.0.11", times: [3600, 1800, 3150] })));
    const { netmask, router, dns, domainName, ntpServer, mtuInterface, broadcast, hostname } = options;
    assert.deepEqual({ netmask, router, dns, domainName, ntpServer, mtuInterface, broadcast, hostname }, {
      netmask: "255.255.255.0", router: ["10.77.0.254"], dns: ["10.77.0.254"], domainName: "rack.example", ntpServer: ["10.77.0.4", "10.77.0.5"], mtuInterface: 9000,
      broadcast: "10.77.0.255", hostname: "db1",
    });
  });

  test("A29 A31 A34 dhclient joins a search list of more than 255 bytes, and gets classless routes without the routers beside them", async (t) => {
    const domainSearch = Array.from({ length: 6 }, (_, index) => `row-number-${String(index)}.the-whole-machine-room.of-the-${String(index)}th-building.example`);
    const subnet = subnetDocument({
      domainSearch, classlessRoutes: [{ destination: "0.0.0.0/0", router: "10.77.0.254" }, { destination: "10.9.0.0/16", router: "10.77.0.253" }],
      options: { raw: [{ code: 33, type: "hex", value: "0a0100000a4d0002" }] },
    });
    const lab = await DhcpLab.create(t, mac, [serverDocument(), subnet]);
    const dump = await lab.dump("udp", "dst", "port", "68");
    const ask = async (...config: readonly string[]): Promise<string> => {
      const { script, told } = lab.script();
      const client = dhclient(lab, script, { config: ["option rfc3442 code 121 = array of unsigned integer 8;", ...config] });
      await client.line((line) => line.startsWith("bound to "));
      await eventually(() => Promise.resolve(told().includes("\nnew_ip_address=")), told);
      await client.kill();
      return told();
    };
    const all = await ask("request subnet-mask, routers, static-routes, domain-search, rfc3442;", "send dhcp-max-message-size 1500;");
    assert.ok(all.includes(`\nnew_domain_search=${domainSearch.map((name) => `${name}.`).join(" ")}\n`), all);
    assert.match(all, /\nnew_rfc3442=0 10 77 0 254 16 10 9 10 77 0 253\n/);
    assert.doesNotMatch(all, /new_routers|new_static_routes/);
    // In parts, as it is too long for one; the other options aren't. The OFFER's, as tcpdump tells them.
    const parts = (): string => dump.lines.flatMap((line) => /\((119|121)\), length (\d+)/.exec(line)?.slice(1, 3).join(" ") ?? []).join(", ");
    await dump.line(() => /121 12/.test(parts()));
    assert.match(parts(), /^119 255, 119 \d+, 121 12/);

    // What doesn't fit into 576 bytes is left out, and the reply stays as short as that.
    const small = await ask("request subnet-mask, routers, static-routes, domain-search, domain-name-servers;");
    assert.doesNotMatch(small, /new_domain_search/);
    for (const line of ["new_routers=10.77.0.254", "new_static_routes=10.1.0.0 10.77.0.2", "new_domain_name_servers=10.77.0.254"]) assert.ok(small.includes(`\n${line}\n`), small);
  });
});
