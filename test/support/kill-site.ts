import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePorts } from "../../lab/ports";
import type { AgentStatus, ApplyResult, LeaseStatus } from "../../provider/model/control";
import type { Document } from "../../provider/model/documents";
import { messageTypes, type DhcpPacket } from "../../provider/wire/dhcp";
import { askControl, bundledAgent, endAgent, spawnAgent, untilServing } from "./agent-process";
import { owner, serverDocument, subnetDocument } from "./documents";
import { RelayClient, typeOf } from "./relay-client";

const leaseTime = 12 * 3600;

/** A machine's MAC address. */
export function macOf(index: number): string {
  return `52:54:${index.toString(16).padStart(8, "0").replace(/(..)(?=.)/g, "$1:")}`;
}

/** The subnet, with a setting that changes from one push to the next. */
export function killSubnet(push: number): Document {
  return subnetDocument({
    cidr: "127.77.0.0/16", pools: [{ from: "127.77.1.0", to: "127.77.200.255" }], routers: [], dnsServers: [`127.77.0.${String((push % 200) + 1)}`],
    leaseTime, limits: { newClientsPerSecond: 1_000_000 },
  });
}

/** An agent on loopback that is killed and started again, and the clients that believe what it acknowledged. */
export class KillSite {
  /** Who was told that an address is theirs. */
  readonly acknowledged = new Map<string, string>();
  /** Addresses that two machines were told are theirs. */
  readonly doubly: string[] = [];
  private agent: ChildProcess | undefined;
  private said = "";

  private constructor(readonly folder: string, private readonly data: string, readonly client: RelayClient) {
    client.onReply = (packet) => { this.hear(packet); };
  }

  static async create(t: TestContext): Promise<KillSite> {
    const folder = mkdtempSync(join(tmpdir(), "pxe-kill-"));
    const ports = await freePorts();
    const client = await RelayClient.open(ports.dhcpPort);
    const data = join(folder, "data");
    mkdirSync(data, { mode: 0o700 });
    const site = new KillSite(folder, data, client);
    t.after(async () => {
      await client.close();
      await site.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    await site.start();
    await site.apply([serverDocument({ interfaces: ["lo"], ...ports, packetLimits: { perClient: 1000 } }), killSubnet(0)]);
    return site;
  }

  async start(): Promise<void> {
    const agent = spawnAgent(this.data, join(this.folder, "s"), { program: bundledAgent });
    agent.stderr?.on("data", (chunk: Buffer) => { this.said += chunk.toString(); });
    this.agent = agent;
    await untilServing(join(this.folder, "s")).catch((error: unknown) => { throw new Error(`${String(error)}: ${this.said}`); });
  }

  get pid(): number {
    return this.agent?.pid ?? 0;
  }

  /** Sends SIGKILL before anything else happens; resolves when the process is gone. */
  async kill(): Promise<void> {
    const { agent } = this;
    this.agent = undefined;
    if (agent === undefined) return;
    agent.kill("SIGKILL");
    await endAgent(agent, "SIGKILL");
    assert.equal(agent.signalCode, "SIGKILL", this.said);
  }

  /** DISCOVER and REQUEST; the address if it was acknowledged, undefined where the agent is silent. */
  async lease(mac: string): Promise<string | undefined> {
    const offered = await this.client.discover(mac);
    if (offered === undefined) return undefined;
    assert.equal(typeOf(offered), messageTypes.offer);
    const answer = await this.client.select(mac, offered.yiaddr);
    assert.ok(answer === undefined || typeOf(answer) === messageTypes.ack);
    return answer?.yiaddr;
  }

  /** @returns the store's revision, which the agent says is stored */
  async apply(put: readonly Document[]): Promise<number> {
    const answer = await askControl(join(this.folder, "s"), "POST", "/v1/apply", { owner, put });
    assert.equal(answer.status, 200, answer.text);
    return (JSON.parse(answer.text) as ApplyResult).revision;
  }

  async status(): Promise<AgentStatus> {
    return JSON.parse((await askControl(join(this.folder, "s"), "GET", "/v1/status")).text) as AgentStatus;
  }

  /** All that was acknowledged is held by whom it was acknowledged to, and the store is sound. */
  async assertWhole(): Promise<void> {
    const { text } = await askControl(join(this.folder, "s"), "GET", "/v1/leases");
    const held = new Map((JSON.parse(text) as { leases: LeaseStatus[] }).leases.map((lease) => [lease.address, lease]));
    for (const [address, mac] of this.acknowledged) {
      const lease = held.get(address);
      assert.deepEqual([lease?.mac, lease?.state], [mac, "active"], `${address}, acknowledged to ${mac}`);
      assert.ok((lease?.expiresAt ?? 0) > Date.now() + (leaseTime - 3600) * 1000, `${address} ends too early`);
    }
    assert.deepEqual((await this.status()).problems, []);
  }

  /** What SQLite itself says of the files, which nobody has open. */
  assertSound(): void {
    assert.deepEqual(readdirSync(this.data).filter((name) => name.includes("corrupt")), []);
    for (const name of ["agent.db", "documents.db"]) {
      const db = new DatabaseSync(join(this.data, name));
      try {
        assert.deepEqual(db.prepare("PRAGMA integrity_check").all().map((row) => row["integrity_check"]), ["ok"], name);
      } finally {
        db.close();
      }
    }
  }

  /** Hears what was sent before the kill and nobody has read yet. */
  async hearRest(): Promise<void> {
    await delay(20);
    this.client.giveUp();
  }

  private hear(packet: DhcpPacket): void {
    if (typeOf(packet) !== messageTypes.ack) return;
    const mac = Buffer.from(packet.chaddr.subarray(0, 6)).toString("hex").replace(/(..)(?=.)/g, "$1:");
    const other = this.acknowledged.get(packet.yiaddr);
    if (other !== undefined && other !== mac) this.doubly.push(`${packet.yiaddr} to ${other} and to ${mac}`);
    this.acknowledged.set(packet.yiaddr, mac);
  }
}
