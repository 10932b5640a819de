import assert from "node:assert/strict";
import { execFileSync, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { freePorts } from "../../lab/ports";
import { simulateBoot } from "../../lab/simclient";
import type { AgentStatus, HostStatus } from "../../provider/model/control";
import type { AssetSpec, Document } from "../../provider/model/documents";
import { placeholders } from "../../provider/render/placeholders";
import { decodeTftp, encodeTftp } from "../../provider/wire/tftp/message";
import { askControl, endAgent, putAsset, spawnAgent } from "./agent-process";
import { hostDocument, owner, profileDocument, serverDocument, subnetDocument } from "./documents";

/** A folder that agents serve one after the other, on loopback, and the clients that boot from them. */
export class Site {
  readonly base = mkdtempSync(join(tmpdir(), "pxe-ho-"));
  readonly data = join(this.base, "data");
  readonly socket = join(this.base, "s");
  readonly big = randomBytes(24 * 1024 * 1024);
  readonly initrd = randomBytes(192 * 1024);
  private readonly children: ChildProcess[] = [];
  private readonly texts = new Map<ChildProcess, string>();
  private mounted = false;
  private ports = { dhcpPort: 0, tftpPort: 0, httpPort: 0 };

  /**
   * Starts the first agent and declares `count` machines to install.
   * @param megabytes size of a file system of its own for the data, which is then without the big file
   */
  static async create(count: number, megabytes?: number): Promise<Site> {
    const site = new Site();
    mkdirSync(site.data, { mode: 0o700 });
    if (megabytes !== undefined) {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${String(megabytes)}m,mode=0700`, "tmpfs", site.data]);
      site.mounted = true;
    }
    site.ports = await freePorts();
    site.start();
    await site.untilBundleServes((status) => status.pid > 0);
    const asset = async (name: string, bytes: Buffer): Promise<AssetSpec> => {
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      assert.equal(await putAsset(site.socket, sha256, bytes), 200);
      return { name, sha256, size: bytes.length };
    };
    if (!site.mounted) await asset("big", site.big);
    const profile = profileDocument({
      kernel: await asset("linux", randomBytes(50_000)), initrd: [await asset("initrd.gz", site.initrd)],
      loaders: { bios: { program: await asset("pxelinux.0", randomBytes(20_000)), modules: [await asset("ldlinux.c32", randomBytes(20_000))] } },
    });
    const hosts = Array.from({ length: count }, (_item, index) => hostDocument({
      macs: [macOf(index)], ip: `127.77.0.${String(index + 10)}`,
      rendered: {
        "preseed.cfg": "d-i\n",
        "bios/pxelinux.cfg": `DEFAULT install\nLABEL install\n  KERNEL ::${placeholders.asset("linux")}\n  INITRD ::${placeholders.asset("initrd.gz")}\n  APPEND url=http://${placeholders.server}/answer/${placeholders.token}/preseed.cfg\n`,
        "bios/pxelinux.local.cfg": "default local\nlabel local\n localboot 0\n",
      },
    }, `h${String(index)}`));
    await site.apply([serverDocument({ interfaces: ["lo"], ...site.ports }), subnetDocument({ cidr: "127.77.0.0/24", pools: [{ from: "127.77.0.100", to: "127.77.0.199" }], routers: [] }), profile, ...hosts], hosts.map((host) => host.name));
    return site;
  }

  /** @param wrapped a command line that the agent's is appended to */
  start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): ChildProcess {
    const wrapped = Object.entries(env).length === 0 ? [] : ["env", ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
    const child = spawnAgent(this.data, this.socket, { args, wrapped });
    this.children.push(child);
    this.texts.set(child, "");
    child.stderr?.on("data", (chunk: Buffer) => { this.texts.set(child, (this.texts.get(child) ?? "") + chunk.toString()); });
    return child;
  }

  said(child: ChildProcess): string { return this.texts.get(child) ?? ""; }

  async status(): Promise<AgentStatus> {
    return JSON.parse((await askControl(this.socket, "GET", "/v1/status")).text) as AgentStatus;
  }

  async hosts(): Promise<HostStatus[]> {
    return (JSON.parse((await askControl(this.socket, "GET", "/v1/hosts")).text) as { hosts: HostStatus[] }).hosts;
  }

  async events(): Promise<string[]> {
    const { text } = await askControl(this.socket, "GET", "/v1/events?follow=0");
    return text.split("\n").filter((line) => line.startsWith("data: ")).map((line) => (JSON.parse(line.slice(6)) as { text: string }).text);
  }

  async apply(put: readonly Document[], arm: readonly string[] = []): Promise<void> {
    const answer = await askControl(this.socket, "POST", "/v1/apply", { owner, put, arm: arm.map((host) => ({ host, reason: "create" })) });
    assert.equal(answer.status, 200, answer.text);
  }

  async untilBundleServes(matches: (status: AgentStatus) => boolean, limitMs = 20_000): Promise<AgentStatus> {
    const end = Date.now() + limitMs;
    for (;;) {
      const status = await this.status().catch(() => undefined);
      if (status !== undefined && matches(status)) return status;
      if (Date.now() > end) throw new Error(`not within ${String(limitMs)} ms: ${JSON.stringify(status)}; ${[...this.texts.values()].join("\n")}`);
      await delay(25);
    }
  }

  async until(condition: () => boolean, limitMs = 20_000): Promise<void> {
    const end = Date.now() + limitMs;
    while (!condition()) {
      if (Date.now() > end) throw new Error(`not within ${String(limitMs)} ms`);
      await delay(1);
    }
  }

  /** Leaves no room on the file system of the data. */
  fill(): void {
    const fd = openSync(join(this.data, "filler"), "w");
    try {
      for (;;) writeSync(fd, Buffer.alloc(4096));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
    } finally {
      closeSync(fd);
    }
  }

  /** Changes the database behind the agent's back. */
  edit(work: (db: DatabaseSync) => void): void {
    const db = new DatabaseSync(join(this.data, "agent.db"));
    work(db);
    db.close();
  }

  /** A file that orders the agent that is started with it to take over. */
  order(): string {
    const path = join(this.base, "order");
    writeFileSync(path, "");
    return path;
  }

  /** Has a new agent take over; resolves when it serves, within the process that is returned. */
  async handOver(): Promise<ChildProcess> {
    const child = this.start(["--take-over"]);
    await this.untilBundleServes((status) => status.pid === child.pid);
    return child;
  }

  boot(index: number): Promise<Awaited<ReturnType<typeof simulateBoot>>> {
    return simulateBoot({ mac: macOf(index), server: "127.0.0.1", dhcpPort: this.ports.dhcpPort, tftpPort: this.ports.tftpPort, relay: "127.77.0.254", install: false });
  }

  url(bytes: Buffer): string {
    return `http://127.0.0.1:${String(this.ports.httpPort)}/a/${createHash("sha256").update(bytes).digest("hex")}/file`;
  }

  /** Fetches slowly on one connection; resolves to its bytes. */
  async slowHttp(pauseMs: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      get(this.url(this.big), { agent: false, localAddress: "127.77.0.10" }, (response) => {
        void (async () => {
          const chunks: Buffer[] = [];
          for await (const chunk of response as AsyncIterable<Buffer>) {
            chunks.push(chunk);
            await delay(pauseMs);
          }
          resolve(Buffer.concat(chunks));
        })().catch(reject);
      }).on("error", reject);
    });
  }

  /** Fetches in lock step with a pause before each ACK. */
  async slowTftp(path: string, pauseMs: number): Promise<Buffer> {
    const socket = createSocket("udp4").bind(0, "127.77.0.10");
    await once(socket, "listening");
    const parts: Buffer[] = [];
    try {
      socket.send(encodeTftp({ type: "rrq", filename: path, mode: "octet", options: [] }), this.ports.tftpPort, "127.0.0.1");
      for (;;) {
        const [packet, from] = await once(socket, "message", { signal: AbortSignal.timeout(10_000) }) as [Buffer, { port: number; address: string }];
        const message = decodeTftp(packet);
        if (message.type !== "data") throw new Error(`${path}: ${message.type}`);
        if (message.block === ((parts.length + 1) & 0xffff)) parts.push(Buffer.from(message.data));
        await delay(pauseMs);
        socket.send(encodeTftp({ type: "ack", block: message.block }), from.port, from.address);
        if (message.data.length < 512) {
          await delay(50);
          return Buffer.concat(parts);
        }
      }
    } finally {
      socket.close();
    }
  }

  /** Asks again and again on kept connections until told to stop; the failures. */
  async keptAlive(going: () => boolean): Promise<{ count: number; failures: string[] }> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const failures: string[] = [];
    let count = 0;
    while (going()) {
      await new Promise<void>((resolve) => {
        get(this.url(this.initrd), { agent, localAddress: "127.77.0.11" }, (response) => {
          response.on("data", () => undefined).on("end", resolve).on("error", (error) => { failures.push(error.message); resolve(); });
        }).on("error", (error) => { failures.push(error.message); resolve(); });
      });
      count += 1;
      await delay(7);
    }
    agent.destroy();
    return { count, failures };
  }

  async close(): Promise<void> {
    for (const child of this.children) {
      child.kill("SIGCONT");
      await endAgent(child, "SIGKILL");
    }
    if (this.mounted) execFileSync("umount", [this.data]);
    rmSync(this.base, { recursive: true, force: true });
  }
}

function macOf(index: number): string {
  return `52:54:00:77:00:${(index + 16).toString(16)}`;
}
