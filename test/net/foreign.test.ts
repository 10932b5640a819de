import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test, type TestContext } from "node:test";
import type { ErrorBody, Finding } from "../../provider/errors";
import type { AgentEvent, AgentStatus } from "../../provider/model/control";
import type { Document } from "../../provider/model/documents";
import { askControl, endAgent, spawnAgent, untilServing } from "../support/agent-process";
import { owner, serverDocument, subnetDocument } from "../support/documents";
import { eventually } from "../support/eventually";
import type { Namespace } from "../support/netns";
import { startDnsmasq, startKea, TestSegment } from "../support/segment";

const foreignMac = "52:54:00:00:fe:01";
const server = (spec: Parameters<typeof serverDocument>[0] = {}): Document => serverDocument({ interfaces: ["eth0"], ...spec });
const subnet = (spec: Parameters<typeof subnetDocument>[0] = {}): Document => subnetDocument({ pools: [], ...spec });

interface Applied {
  readonly status: number;
  readonly findings: readonly Finding[];
  readonly milliseconds: number;
}

interface Agent {
  apply(...put: readonly Document[]): Promise<Applied>;
  status(): Promise<AgentStatus>;
  alerts(): Promise<AgentEvent[]>;
  documents(): Promise<readonly Document[]>;
  end(): Promise<void>;
}

interface Site {
  readonly segment: TestSegment;
  readonly machine: Namespace;
  readonly folder: string;
  startAgent(...args: readonly string[]): Promise<Agent>;
}

async function site(t: TestContext): Promise<Site> {
  const folder = await mkdtemp(path.join(tmpdir(), `pxe-foreign-${String(process.pid)}-`));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const segment = await TestSegment.create(t);
  const machine = await segment.station("10.77.0.1/24");
  const startAgent = async (...args: readonly string[]): Promise<Agent> => {
    const socket = path.join(folder, "control.sock");
    const child = spawnAgent(path.join(folder, "data"), socket, { wrapped: ["ip", "netns", "exec", machine.name], args });
    t.after(() => endAgent(child, "SIGKILL"));
    await untilServing(socket);
    const get = async (url: string): Promise<unknown> => JSON.parse((await askControl(socket, "GET", url)).text);
    return {
      async apply(...put) {
        const started = Date.now();
        const { status, text } = await askControl(socket, "POST", "/v1/apply", { owner, put });
        const milliseconds = Date.now() - started;
        return { status, milliseconds, findings: status === 200 ? [] : (JSON.parse(text) as ErrorBody).findings };
      },
      status: async () => await get("/v1/status") as AgentStatus,
      alerts: async () => {
        const { text } = await askControl(socket, "GET", "/v1/events?follow=0");
        const events = text.split("\n").filter((line) => line.startsWith("data: ")).map((line) => JSON.parse(line.slice(6)) as AgentEvent);
        return events.filter((event) => event.kind === "alert");
      },
      documents: async () => (await get("/v1/documents") as { documents: Document[] }).documents,
      end: () => endAgent(child),
    };
  };
  return { segment, machine, folder, startAgent };
}

function assertRefused(applied: Applied, address: string): void {
  assert.equal(applied.status, 422, JSON.stringify(applied));
  const [item, ...more] = applied.findings;
  assert.deepEqual([item?.code, more.length, item?.where], ["PXE_FOREIGN_DHCP", 0, [{ document: "server/rack1", property: "interfaces[0]" }, { document: "subnet/provisioning", property: "cidr" }]]);
  assert.match(item?.what ?? "", new RegExp(`${address.replaceAll(".", "\\.")} \\(MAC ${foreignMac}\\), answers on eth0$`));
  assert.match(item?.fix ?? "", /dhcpMode: "proxy"/);
}

describe("F12 another DHCP server on the segment, when serving is to begin", () => {
  test("F12 dnsmasq is found with address and MAC, nothing is half applied; proxy mode and allowForeignDhcp go on", async (t) => {
    const { segment, folder, startAgent } = await site(t);
    const foreign = await segment.station("10.77.0.9/24", foreignMac);
    await startDnsmasq(t, foreign, folder, "--dhcp-range=10.77.0.50,10.77.0.60,1h");
    const agent = await startAgent();
    const refused = await agent.apply(server(), subnet());
    assertRefused(refused, "10.77.0.9");
    assert.ok(refused.milliseconds < 2500, `it has answered the INFORM: ${String(refused.milliseconds)} ms`);
    assert.deepEqual([await agent.documents(), (await agent.status()).interfaces], [[], []]);

    const proxy = await agent.apply(server({ dhcpMode: "proxy" }), subnet());
    assert.deepEqual([proxy.status, proxy.milliseconds < 1000], [200, true], JSON.stringify(proxy));
    assertRefused(await agent.apply(subnet({ dhcpMode: "full" })), "10.77.0.9");
    assertRefused(await agent.apply(server()), "10.77.0.9");
    assert.equal((await agent.apply(server({ allowForeignDhcp: true }))).status, 200);
  });

  test("F12 a subnet that is a proxy by itself goes on beside it on a server in full mode, and is refused when it is to be full", async (t) => {
    const { segment, folder, startAgent } = await site(t);
    await startDnsmasq(t, await segment.station("10.77.0.9/24", foreignMac), folder, "--dhcp-range=10.77.0.50,10.77.0.60,1h");
    const agent = await startAgent();
    for (const put of [server(), subnet({ dhcpMode: "proxy" })]) {
      const applied = await agent.apply(put);
      assert.deepEqual([applied.status, applied.milliseconds < 1000], [200, true], JSON.stringify(applied));
    }
    assertRefused(await agent.apply(subnet()), "10.77.0.9");
    assertRefused(await agent.apply(subnet({ dhcpMode: "full" })), "10.77.0.9");
    assert.deepEqual((await agent.documents()).find((doc) => doc.kind === "subnet")?.spec.dhcpMode, "proxy");
  });

  test("F12 Kea is found", async (t) => {
    const { segment, folder, startAgent } = await site(t);
    await startKea(t, await segment.station("10.77.0.9/24", foreignMac), folder, "10.77.0.0/24", "10.77.0.50-10.77.0.60");
    assertRefused(await (await startAgent()).apply(server(), subnet()), "10.77.0.9");
  });

  test("F12 a server of another network on the same wire is found, with its MAC", async (t) => {
    const { segment, folder, startAgent } = await site(t);
    const foreign = await segment.station("192.168.5.1/24", foreignMac);
    await startDnsmasq(t, foreign, folder, "--dhcp-range=192.168.5.50,192.168.5.60,1h");
    assertRefused(await (await startAgent()).apply(server(), subnet()), "192.168.5.1");
  });

  test("F12 it is found though a DHCP client of the machine holds port 68", async (t) => {
    const { segment, machine, folder, startAgent } = await site(t);
    const client = machine.start(t, "dhclient", ["-4", "-d", "-lf", path.join(folder, "leases"), "-pf", path.join(folder, "pid"), "-cf", "/dev/null", "-sf", "/bin/true", "eth0"]);
    await client.line((line) => line.startsWith("DHCPDISCOVER"));
    const foreign = await segment.station("10.77.0.9/24", foreignMac);
    await startDnsmasq(t, foreign, folder, "--dhcp-range=10.77.0.50,10.77.0.60,1h");
    assertRefused(await (await startAgent()).apply(server(), subnet()), "10.77.0.9");
  });

  test("F12 documents of a file are refused at the first start, and hold at every other", async (t) => {
    const { segment, folder, machine, startAgent } = await site(t);
    const config = path.join(folder, "documents.json");
    await writeFile(config, JSON.stringify({ documents: [server(), subnet()] }));
    await (await startAgent("--config", config)).end();
    const foreign = await segment.station("10.77.0.9/24", foreignMac);
    await startDnsmasq(t, foreign, folder, "--dhcp-range=10.77.0.50,10.77.0.60,1h");
    const again = await startAgent("--config", config);
    assert.equal((await again.status()).ready, true);
    await again.end();
    const program = require.resolve("../../provider/agent/main");
    const fresh = await machine.run(process.execPath, [program, "run", "--data", path.join(folder, "fresh"), "--socket", path.join(folder, "fresh.sock"), "--config", config]);
    assert.equal(fresh.code, 1);
    assert.match(fresh.stderr, /PXE_FOREIGN_DHCP: another DHCP server, 10\.77\.0\.9/);
  });

  test("F12 alone, and with a relay that leads to ourselves, there is no alarm; what serves already is not asked again", async (t) => {
    const { segment, folder, startAgent } = await site(t);
    const relay = await segment.station("10.77.0.8/24");
    await startDnsmasq(t, relay, folder, "--dhcp-relay=10.77.0.8,10.77.0.1");
    const agent = await startAgent();
    const first = await agent.apply(server(), subnet());
    assert.equal(first.status, 200, JSON.stringify(first));
    assert.ok(first.milliseconds < 4500, `${String(first.milliseconds)} ms`);
    const next = await agent.apply(server({ authoritative: false }), subnet({ domainName: "rack.example" }));
    assert.deepEqual([next.status, next.milliseconds < 1000], [200, true], JSON.stringify(next));
    assert.deepEqual([await agent.alerts(), (await agent.status()).problems], [[], []]);
  });

  test("F12 nothing is asked on loopback", async (t) => {
    const { startAgent } = await site(t);
    const applied = await (await startAgent()).apply(server({ interfaces: ["lo"] }), subnet({ cidr: "127.0.0.0/24", routers: [], dnsServers: [] }));
    assert.deepEqual([applied.status, applied.milliseconds < 1000], [200, true], JSON.stringify(applied));
  });
});

describe("F12 another DHCP server that appears while the agent serves", () => {
  async function selectsOther(t: TestContext, spec: Parameters<typeof serverDocument>[0]): Promise<{ agent: Agent; take: () => Promise<void> }> {
    const { segment, folder, startAgent } = await site(t);
    const agent = await startAgent();
    const applied = await agent.apply(server(spec), subnet());
    assert.equal(applied.status, 200, JSON.stringify(applied));
    const foreign = await segment.station("10.77.0.9/24", foreignMac);
    await startDnsmasq(t, foreign, folder, "--dhcp-range=10.77.0.50,10.77.0.60,1h", "--no-ping");
    const client = await segment.station(undefined, "52:54:00:00:00:77");
    const take = async (): Promise<void> => {
      const { code, stderr } = await client.run("udhcpc", ["-i", "eth0", "-f", "-q", "-n", "-s", "/bin/true"]);
      assert.equal(code, 0, stderr);
      assert.match(await readFile(path.join(folder, "dnsmasq.leases"), "utf8"), /52:54:00:00:00:77/);
    };
    return { agent, take };
  }

  test("F12 a client that selects it raises one alert with address and MAC, and stands in the status; serving goes on", async (t) => {
    const { agent, take } = await selectsOther(t, {});
    await take();
    await eventually(async () => (await agent.alerts()).length > 0, () => "an alert", 5000);
    await take();
    const said = `another DHCP server, 10.77.0.9 (${foreignMac}), gives out addresses on eth0`;
    assert.deepEqual((await agent.alerts()).map(({ text, mac, address }) => ({ text, mac, address })), [{ text: said, mac: foreignMac, address: "10.77.0.9" }]);
    const { problems, ready } = await agent.status();
    assert.deepEqual([problems, ready], [[said], true]);
  });

  for (const [what, spec] of [["in proxy mode", { dhcpMode: "proxy" }], ["where it is allowed", { allowForeignDhcp: true }]] as const) {
    test(`F12 ${what} it is expected`, async (t) => {
      const { agent, take } = await selectsOther(t, spec);
      await take();
      assert.deepEqual([await agent.alerts(), (await agent.status()).problems], [[], []]);
    });
  }
});
