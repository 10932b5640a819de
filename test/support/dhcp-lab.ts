import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { AgentEvent, AgentStatus, LeaseStatus } from "../../provider/model/control";
import type { Document } from "../../provider/model/documents";
import { askControl, endAgent, spawnAgent, untilServing } from "./agent-process";
import { owner, profileDocument, serverDocument, subnetDocument } from "./documents";
import { eventually } from "./eventually";
import { Namespace, wire, type Running, type Wire } from "./netns";

const content = Buffer.from("a boot file of the lab");
const file = (name: string) => ({ name, sha256: createHash("sha256").update(content).digest("hex"), size: content.length });

/** A profile whose files every lab's agent holds, for labs with hosts. */
export const labProfile = profileDocument({
  kernel: file("linux"), initrd: [file("initrd.gz")], loaders: { bios: { program: file("pxelinux.0"), modules: [file("ldlinux.c32")] } },
});

/** A whole agent on `eth1` of one namespace, and a client's `eth0` in another. */
export class DhcpLab {
  private count = 0;

  private constructor(readonly t: TestContext, readonly folder: string, readonly server: Namespace, readonly client: Namespace, readonly pid: () => number) {}

  /** @param under a command that starts the agent's */
  static async create(t: TestContext, mac: string, documents: readonly Document[] = [serverDocument(), subnetDocument()], under: readonly string[] = []): Promise<DhcpLab> {
    const folder = mkdtempSync(join(tmpdir(), "pxe-net-"));
    const { server, client }: Wire = await wire(t, mac);
    const data = join(folder, "data");
    mkdirSync(data, { mode: 0o700 });
    const log = openSync(join(folder, "log"), "a");
    const agent = spawnAgent(data, join(folder, "s"), { stdout: log, wrapped: ["ip", "netns", "exec", server.name, ...under] });
    closeSync(log);
    t.after(async () => {
      await endAgent(agent, "SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    });
    let said = "";
    agent.stderr?.on("data", (chunk: Buffer) => { said += chunk.toString(); });
    await untilServing(join(folder, "s"), 60_000).catch((error: unknown) => { throw new Error(`${String(error)}: ${said}`); });
    const lab = new DhcpLab(t, folder, server, client, () => {
      assert.equal(agent.exitCode, null, said);
      return agent.pid ?? 0;
    });
    const stored = await askControl(join(folder, "s"), "PUT", `/v1/assets/${labProfile.spec.kernel.sha256}`, content);
    assert.equal(stored.status, 200, stored.text);
    await lab.apply(documents);
    return lab;
  }

  /** @param arm hosts that are to be installed, of those that are declared for the first time */
  async apply(put: readonly Document[], remove: readonly { readonly kind: string; readonly name: string }[] = [], arm: readonly string[] = []): Promise<void> {
    const answer = await askControl(join(this.folder, "s"), "POST", "/v1/apply", { owner, put, delete: remove, arm: arm.map((host) => ({ host, reason: "create" })) });
    assert.equal(answer.status, 200, answer.text);
  }

  async status(): Promise<AgentStatus> {
    return JSON.parse((await askControl(join(this.folder, "s"), "GET", "/v1/status")).text) as AgentStatus;
  }

  async leases(): Promise<readonly LeaseStatus[]> {
    return (JSON.parse((await askControl(join(this.folder, "s"), "GET", "/v1/leases")).text) as { leases: LeaseStatus[] }).leases;
  }

  async events(): Promise<readonly AgentEvent[]> {
    const { text } = await askControl(join(this.folder, "s"), "GET", "/v1/events?follow=0");
    return text.split("\n").filter((line) => line.startsWith("data: ")).map((line) => JSON.parse(line.slice(6)) as AgentEvent);
  }

  /** The agent's log, line by line. */
  log(): readonly { readonly level: number; readonly msg: string; readonly event?: string }[] {
    const text = readFileSync(join(this.folder, "log"), "utf8");
    // Whatever clients send, it drives no terminal and turns no writing.
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
    return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as { level: number; msg: string; event?: string });
  }

  /** Resident memory of the agent's process in MiB; fails when it is another process, or none. */
  memory(): number {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(this.pid())}/status`, "utf8")) ?? [];
    return Number(kilobytes) / 1024;
  }

  /** Waits until an event says it. */
  async told(text: RegExp): Promise<AgentEvent> {
    let found: AgentEvent | undefined;
    await eventually(async () => (found = (await this.events()).find((event) => text.test(event.text))) !== undefined, () => String(text), 15_000);
    assert.ok(found);
    return found;
  }

  /** Waits until the agent serves exactly these interfaces with these addresses. */
  async serves(interfaces: Readonly<Record<string, readonly string[]>>): Promise<void> {
    const now = async (): Promise<string> => JSON.stringify((await this.status()).interfaces.filter((item) => item.serving).map((item) => [item.name, item.addresses]));
    await eventually(async () => (await now()) === JSON.stringify(Object.entries(interfaces)), () => JSON.stringify(interfaces), 15_000);
  }

  /** A path in the lab's folder for this use alone. */
  file(name: string): string {
    return join(this.folder, `${String(++this.count)}-${name}`);
  }

  /** A script that writes what a DHCP client tells it as `name=value` lines, one block a call; the further lines may set the address. */
  script(...lines: readonly string[]): { readonly script: string; readonly told: () => string } {
    const script = this.file("client.sh");
    writeFileSync(`${script}.told`, "");
    writeFileSync(script, ["#!/bin/sh", `{ echo "call=$1 $reason"; env; } >> ${script}.told`, ...lines, "exit 0", ""].join("\n"));
    chmodSync(script, 0o755);
    return { script, told: () => readFileSync(`${script}.told`, "utf8") };
  }

  /** tcpdump on `eth0`, once it listens. */
  async dump(...filter: readonly string[]): Promise<Running> {
    return this.dumpOn(this.client, ...filter);
  }

  async dumpOn(on: Namespace, ...filter: readonly string[]): Promise<Running> {
    const dump = on.start(this.t, "tcpdump", ["-i", "eth0", "-l", "-n", "-e", "-vv", "-Z", "root", ...filter]);
    await dump.line((line) => line.includes("listening on"));
    return dump;
  }

  /** One exchange of udhcpc on `eth0`, which sets nothing there: all that it says, and what it tells its script. */
  async udhcpc(on: Namespace, ...more: readonly string[]): Promise<{ readonly said: string; readonly told: string }> {
    const { script, told } = this.script();
    const run = await on.run("udhcpc", ["-i", "eth0", "-f", "-q", "-n", "-t", "5", "-T", "1", "-A", "1", "-s", script, ...more], { timeoutMs: 30_000 });
    return { said: run.stderr, told: told() };
  }

  /** One lease of the client; the address. */
  async lease(...more: readonly string[]): Promise<string> {
    return leased(await this.udhcpc(this.client, ...more));
  }
}

/** The address that udhcpc got. */
export function leased({ said }: { readonly said: string }): string {
  const address = /lease of (\S+) obtained/.exec(said)?.[1];
  assert.ok(address, said);
  return address;
}
