import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test, type TestContext } from "node:test";
import type { NewEvent } from "../../provider/model/control";
import type { DhcpAgentFile } from "../support/dhcp-agent";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../support/documents";
import { Namespace, wire, type Running, type Wire } from "../support/netns";

const db1 = "52:54:00:12:34:56";
const stranger = "52:54:00:aa:00:01";

interface Bench extends Wire {
  readonly folder: string;
  /** @param under a command that starts the agent's */
  readonly startAgent: (change?: Partial<DhcpAgentFile>, under?: readonly string[]) => Promise<Running>;
}

async function bench(t: TestContext, mac: string): Promise<Bench> {
  const folder = await mkdtemp(path.join(tmpdir(), `pxe-dhcp-${String(process.pid)}-`));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const both = await wire(t, mac);
  const startAgent = async (change: Partial<DhcpAgentFile> = {}, under: readonly string[] = []): Promise<Running> => {
    const file: DhcpAgentFile = {
      database: path.join(folder, "agent.db"), broken: false, arm: ["db1"], interfaces: ["eth1"],
      documents: [serverDocument(), subnetDocument({ domainName: "rack.example" }), profileDocument(), hostDocument()], ...change,
    };
    await writeFile(path.join(folder, "agent.json"), JSON.stringify(file));
    const command = [...under, process.execPath, path.join(__dirname, "../support/dhcp-agent.js"), path.join(folder, "agent.json")];
    const agent = both.server.start(t, "env", command);
    await agent.line((line) => line.includes('"ready":true'));
    return agent;
  };
  return { ...both, folder, startAgent };
}

/** A script that writes what a DHCP client tells it as `name=value` lines, one block for each call, and configures nothing. */
async function clientScript(folder: string, ...lines: readonly string[]): Promise<{ readonly script: string; readonly told: () => Promise<string> }> {
  const script = path.join(folder, "client.sh");
  const output = path.join(folder, "told");
  await writeFile(script, ["#!/bin/sh", `{ echo "call=$1"; env; } >> ${output}`, ...lines, "exit 0", ""].join("\n"));
  await chmod(script, 0o755);
  return { script, told: () => readFile(output, "utf8") };
}

/** dhclient in the foreground, so that it ends with the test. */
function startDhclient(t: TestContext, on: Bench, script: string): Running {
  return on.client.start(t, "dhclient", ["-4", "-d", "-v", ...dhclientFiles(on.folder), "-sf", script, "eth0"]);
}

function dhclientFiles(folder: string): string[] {
  return ["-lf", path.join(folder, "leases"), "-pf", path.join(folder, "pid"), "-cf", "/dev/null"];
}

const bound = (line: string) => line.startsWith("bound to ");

async function eventsOf(agent: Running, kind: NewEvent["kind"]): Promise<string> {
  return (JSON.parse(await agent.line((line) => line.includes(`"kind":"${kind}"`))) as NewEvent).text;
}

describe("dhclient", () => {
  test("A15 A28 a declared host gets its address and the subnet's parameters", async (t) => {
    const on = await bench(t, db1);
    const agent = await on.startAgent();
    const { script, told } = await clientScript(on.folder);
    await startDhclient(t, on, script).line(bound);
    const text = await told();
    const expected = {
      new_ip_address: "10.77.0.11", new_subnet_mask: "255.255.255.0", new_routers: "10.77.0.254", new_domain_name_servers: "10.77.0.254",
      new_domain_name: "rack.example", new_host_name: "db1", new_broadcast_address: "10.77.0.255", new_dhcp_lease_time: "3600",
      new_dhcp_server_identifier: "10.77.0.1",
    };
    for (const [name, value] of Object.entries(expected)) assert.ok(text.includes(`\n${name}=${value}\n`), `${name}: ${text}`);
    assert.equal(await eventsOf(agent, "dhcp.ack"), `leased 10.77.0.11 to ${db1} (db1) for 3600 s`);
  });

  test("A3 a remembered address of another network is refused, and the client starts anew", async (t) => {
    const on = await bench(t, stranger);
    const agent = await on.startAgent();
    const { script } = await clientScript(on.folder);
    await writeFile(path.join(on.folder, "leases"), [
      "lease {", '  interface "eth0";', "  fixed-address 192.168.1.5;", "  option subnet-mask 255.255.255.0;",
      "  option dhcp-lease-time 86400;", "  option dhcp-server-identifier 192.168.1.1;",
      "  renew 0 2037/01/04 00:00:00;", "  rebind 0 2037/01/04 00:00:00;", "  expire 0 2037/01/04 00:00:00;", "}", "",
    ].join("\n"));
    const client = startDhclient(t, on, script);
    await client.line(bound);
    assert.match(client.lines.join("\n"), /DHCPREQUEST for 192\.168\.1\.5[^]*DHCPNAK from 10\.77\.0\.1[^]*bound to 10\.77\.0\.100/);
    assert.match(await eventsOf(agent, "dhcp.nak"), /192\.168\.1\.5 is not in 10\.77\.0\.0\/24/);
  });

  test("A22 a release frees the address", async (t) => {
    const on = await bench(t, stranger);
    const agent = await on.startAgent();
    const { script } = await clientScript(on.folder, '[ -n "$new_ip_address" ] && ip address replace "$new_ip_address/24" dev eth0');
    await startDhclient(t, on, script).line(bound);
    const release = await on.client.run("dhclient", ["-4", "-v", "-r", ...dhclientFiles(on.folder), "-sf", script, "eth0"], { timeoutMs: 30_000 });
    assert.match(release.stderr, /DHCPRELEASE/);
    assert.equal(await eventsOf(agent, "dhcp.release"), `${stranger} released 10.77.0.100`);
  });
});

const udhcpc = (script: string, ...more: readonly string[]) => ["-i", "eth0", "-f", "-q", "-n", "-t", "4", "-T", "1", "-A", "1", "-s", script, ...more];

describe("udhcpc", () => {
  test("A10 A14 an unknown machine gets an address of the pool, and the same one again", async (t) => {
    const { client, folder, startAgent } = await bench(t, stranger);
    await startAgent();
    const { script, told } = await clientScript(folder);
    for (const more of [[], ["-C"], ["-B"], ["-r", "10.77.0.100"]]) {
      const run = await client.run("udhcpc", udhcpc(script, ...more), { timeoutMs: 30_000 });
      assert.equal(run.code, 0, run.stderr);
      assert.match(run.stderr, /lease of 10\.77\.0\.100 obtained from 10\.77\.0\.1, lease time 3600/);
    }
    assert.match(await told(), /call=bound/);
  });

  test("B9 a boot ROM's options bring the boot program", async (t) => {
    const { client, folder, startAgent } = await bench(t, db1);
    const agent = await startAgent();
    const { script, told } = await clientScript(folder);
    const rom = ["-V", "PXEClient:Arch:00000:UNDI:002001", "-x", "0x5d:0000", "-O", "tftp", "-O", "bootfile"];
    const run = await client.run("udhcpc", udhcpc(script, ...rom), { timeoutMs: 30_000 });
    assert.equal(run.code, 0, run.stderr);
    const text = await told();
    for (const line of ["siaddr=10.77.0.1", "boot_file=bios/pxelinux.0", "tftp=10.77.0.1", "bootfile=bios/pxelinux.0"]) {
      assert.ok(text.includes(`\n${line}`), `${line}: ${text}`);
    }
    assert.equal(await eventsOf(agent, "dhcp.offer"), `offered 10.77.0.11 to ${db1} (db1, bios, boots: install)`);
  });

  test("A19 when the lease can't be stored the client is left without one", async (t) => {
    const { client, folder, startAgent } = await bench(t, stranger);
    const agent = await startAgent({ broken: true });
    const { script, told } = await clientScript(folder);
    const run = await client.run("udhcpc", udhcpc(script, "-t", "2"), { timeoutMs: 30_000 });
    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stderr, /broadcasting select for 10\.77\.0\.100/);
    assert.doesNotMatch(await told(), /call=bound/);
    assert.match(await eventsOf(agent, "alert"), /database or disk is full/);
  });

  test("A19 a lease survives kill -9 right after its ACK", async (t) => {
    const { client, folder, startAgent } = await bench(t, stranger);
    const first = await startAgent();
    const { script } = await clientScript(folder);
    await client.run("udhcpc", udhcpc(script), { timeoutMs: 30_000 });
    await first.kill();
    await startAgent();
    await client.ip("link", "set", "eth0", "address", "52:54:00:aa:00:02");
    const other = await client.run("udhcpc", udhcpc(script, "-r", "10.77.0.100"), { timeoutMs: 30_000 });
    assert.match(other.stderr, /lease of 10\.77\.0\.101 obtained/);
    await client.ip("link", "set", "eth0", "address", stranger);
    const again = await client.run("udhcpc", udhcpc(script), { timeoutMs: 30_000 });
    assert.match(again.stderr, /lease of 10\.77\.0\.100 obtained/);
  });
});

describe("perfdhcp", () => {
  test("A17 A20 a hundred machines behind a relay, all at once: each gets an address of its own", async (t) => {
    const { client, startAgent } = await bench(t, stranger);
    await client.ip("address", "add", "10.77.0.253/24", "dev", "eth0");
    const agent = await startAgent();
    const report = await client.run("perfdhcp", ["-4", "-r", "100", "-R", "100", "-n", "100", "-l", "10.77.0.253", "-b", "mac=52:54:00:bb:00:00", "-u", "-W", "500000", "10.77.0.1"], { timeoutMs: 60_000 });
    const text = report.stdout.toString();
    assert.deepEqual(text.match(/^drops: \d+$/gm), ["drops: 0", "drops: 0"], text + report.stderr);
    assert.deepEqual(text.match(/^received packets: \d+$/gm), ["received packets: 100", "received packets: 100"], text);
    const leased = agent.lines.flatMap((line) => /"text":"leased (\S+) to/.exec(line)?.[1] ?? []);
    assert.equal(new Set(leased).size, 100);
  });
});

describe("interfaces", () => {
  test("each request is answered by its own interface, though both hear port 67", async (t) => {
    const { server, client, folder, startAgent } = await bench(t, stranger);
    await server.ip("link", "add", "eth2", "type", "veth", "peer", "name", "eth0", "address", "52:54:00:aa:00:09", "netns", (await Namespace.create(t)).name);
    await server.ip("address", "add", "10.78.0.1/24", "dev", "eth2");
    await server.ip("link", "set", "eth2", "up");
    const second = subnetDocument({ cidr: "10.78.0.0/24", pools: [{ from: "10.78.0.100", to: "10.78.0.110" }], routers: [], dnsServers: [] }, "second");
    await startAgent({ documents: [serverDocument({ interfaces: ["eth1", "eth2"] }), subnetDocument(), second], interfaces: ["eth2", "eth1"], arm: [] });
    const { script } = await clientScript(folder);
    const run = await client.run("udhcpc", udhcpc(script), { timeoutMs: 30_000 });
    assert.match(run.stderr, /lease of 10\.77\.0\.100 obtained from 10\.77\.0\.1/);
  });

  test("a taken port is refused, naming who has it, and so is one that needs a right", async (t) => {
    const on = await bench(t, stranger);
    const taken = on.server.start(t, process.execPath, ["-e", "require('dgram').createSocket('udp4').bind(67, () => console.log('taken'))"]);
    await taken.line((line) => line === "taken");
    await assert.rejects(on.startAgent(), /PXE_PORT_TAKEN: UDP port 67 is taken by \S+ \(pid \d+\)/);
    await taken.kill();
    await assert.rejects(
      on.startAgent({}, ["setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]),
      /PXE_NOT_PERMITTED: UDP port 67 on eth1 may not be opened: bind: EACCES/,
    );
  });
});
