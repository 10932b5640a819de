import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pino } from "pino";
import { startAgent } from "../../provider/agent/run";
import { applyRequest, type AgentStatus } from "../../provider/model/control";
import type { Document } from "../../provider/model/documents";
import { askControl, endAgent, outcome, spawnAgent, untilServing } from "../support/agent-process";
import { until } from "../support/files-context";
import { hostDocument, owner, serverDocument, subnetDocument } from "../support/documents";

const folder = mkdtempSync(join(tmpdir(), "pxe-run-"));
const children: ChildProcess[] = [];
after(async () => {
  for (const child of children) await endAgent(child, "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

function place(name: string): { data: string; socket: string } {
  const base = join(folder, name);
  mkdirSync(base);
  return { data: join(base, "data"), socket: join(base, "s") };
}

function run(...args: Parameters<typeof spawnAgent>): ChildProcess {
  const child = spawnAgent(...args);
  children.push(child);
  return child;
}

const file = (name: string, content: unknown): string => {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
};

describe("the agent's process", () => {
  test("a second agent on the folder is refused, naming the first, which keeps its socket; after kill -9 the folder is free", async () => {
    const { data, socket } = place("two");
    const first = run(data, socket);
    await untilServing(socket);
    const { code, text } = await outcome(run(data, socket));
    assert.equal(code, 1);
    assert.match(text, new RegExp(`PXE_AGENT_RUNNING: .* is in use by process ${String(first.pid)}\\.`));
    assert.equal((await askControl(socket, "GET", "/v1/status")).status, 200);
    await endAgent(first, "SIGKILL");
    const third = run(data, socket);
    await untilServing(socket);
    await endAgent(third);
    assert.equal(third.exitCode, 0);
  });

  test("the database and its folder are the user's alone, also where the folder was open to all", async () => {
    const { data, socket } = place("modes");
    mkdirSync(data, { mode: 0o755 });
    chmodSync(data, 0o755);
    const child = run(data, socket);
    await untilServing(socket);
    const modes = [data, join(data, "agent.db"), join(data, "agent.db-wal"), join(data, "lock.db"), socket].map((path) => (statSync(path).mode & 0o777).toString(8));
    assert.deepEqual(modes, ["700", "600", "600", "600", "600"]);
    await endAgent(child);
  });

  test("a file that is applied at every start can't order an install", async () => {
    const { data, socket } = place("standing");
    const { code, text } = await outcome(run(data, socket, { args: ["--config", file("standing.json", { documents: [], arm: ["db1"] })] }));
    assert.equal(code, 1);
    assert.match(text, /PXE_INPUT_INVALID: .*\(standing\.json arm\)\. .*pxe-agent apply/);
  });

  test("a file's profile is refused as the control API refuses it: its files are not here", async () => {
    const { data, socket } = place("assets");
    const image = { name: "linux", sha256: "a".repeat(64), size: 3 };
    const profile = { kind: "profile", name: "p", owner, spec: { distro: { family: "debian", release: "12" }, kernel: image, initrd: [image], loaders: { bios: { program: image } } } };
    const { code, text } = await outcome(run(data, socket, { args: ["--config", file("assets.json", { documents: [profile] })] }));
    assert.equal(code, 1, text);
    assert.match(text, /PXE_ASSET_MISSING: .*profile\/p/);
  });

  test("a database that is damaged is set aside and told, by the status and an event, and the agent serves", async () => {
    const { data, socket } = place("damaged");
    mkdirSync(data);
    writeFileSync(join(data, "agent.db"), "no database".repeat(1000));
    const child = run(data, socket);
    await untilServing(socket);
    const { problems } = JSON.parse((await askControl(socket, "GET", "/v1/status")).text) as AgentStatus;
    assert.match(problems.join("\n"), /the database was damaged and is set aside as \S+agent\.db\.corrupt-/);
    assert.match((await askControl(socket, "GET", "/v1/events?follow=0")).text, /"kind":"alert".*the database was damaged/);
    await endAgent(child);
    assert.equal(child.exitCode, 0);
  });

  test("SIGTERM ends it while a reader follows its events", async () => {
    const { data, socket } = place("reader");
    const child = run(data, socket);
    await untilServing(socket);
    const reader = askControl(socket, "GET", "/v1/events").catch(() => undefined);
    await endAgent(child);
    await reader;
    assert.equal(child.exitCode, 0);
  });
});

describe("the log", () => {
  test("on /dev/full it costs lines and nothing else", async () => {
    const { data, socket } = place("dev-full");
    const out = openSync("/dev/full", "w");
    const child = run(data, socket, { stdout: out });
    closeSync(out);
    await untilServing(socket);
    for (let round = 0; round < 20; round++) await askControl(socket, "POST", "/v1/apply", { owner, put: [subnetDocument({ dnsServers: [`10.77.0.${String(round + 1)}`] })] });
    assert.equal((await askControl(socket, "GET", "/v1/status")).status, 200);
    await endAgent(child);
    assert.equal(child.exitCode, 0);
  });

  test("into a pipe that nobody reads, or that is closed, the agent goes on and ends when told to", async () => {
    const { data, socket } = place("pipe");
    const child = run(data, socket, { stdout: "pipe" });
    child.stdout?.pause();
    await untilServing(socket);
    const apply = async (rounds: number): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        const put = [subnetDocument({ dnsServers: [`10.77.${String(round >> 7)}.${String((round & 127) + 1)}`] })];
        assert.equal((await askControl(socket, "POST", "/v1/apply", { owner, put })).status, 200);
      }
    };
    await apply(600);
    child.stdout?.destroy();
    await apply(5);
    await endAgent(child);
    assert.equal(child.exitCode, 0);
  });

  test("on a file system that is full the agent goes on serving", async () => {
    const { data, socket } = place("full-log");
    const mount = join(folder, "tmpfs");
    mkdirSync(mount);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", mount]);
    try {
      const out = openSync(join(mount, "log"), "a");
      const child = run(data, socket, { stdout: out });
      closeSync(out);
      await untilServing(socket);
      for (let round = 0; round < 120; round++) await askControl(socket, "POST", "/v1/apply", { owner, put: [subnetDocument({ dnsServers: [`10.77.0.${String(round + 1)}`] })] });
      assert.equal((await askControl(socket, "GET", "/v1/status")).status, 200);
      await until("the log is full", () => statSync(join(mount, "log")).size === 16 * 1024);
      await endAgent(child);
      assert.equal(child.exitCode, 0);
    } finally {
      for (const child of children) await endAgent(child, "SIGKILL");
      execFileSync("umount", [mount]);
    }
  });
});

describe("owners to forget", () => {
  const options = (name: string): Parameters<typeof startAgent>[0] => ({ data: join(folder, name), socket: join(folder, `${name}.sock`), log: pino({ level: "silent" }) });
  const theirs: Document[] = [serverDocument({ interfaces: ["none0"] }), subnetDocument()];
  const profile = { kind: "profile" as const, name: "debian12", owner, spec: { distro: { family: "debian" as const, release: "12" }, kernel: { name: "k", sha256: "a".repeat(64), size: 1 }, initrd: [{ name: "i", sha256: "a".repeat(64), size: 1 }], loaders: { bios: { program: { name: "l", sha256: "b".repeat(64), size: 1 }, modules: [] } } } };

  test("before anything is served their documents are removed, their hosts disarmed, and the file deleted", async () => {
    const at = options("forget");
    const first = await startAgent(at);
    await first.state.apply(applyRequest.parse({ owner, put: [...theirs, profile, hostDocument()], arm: [{ host: "db1", reason: "create" }] }));
    await first.state.apply(applyRequest.parse({ owner: "lab/other", put: [subnetDocument({ cidr: "10.78.0.0/24", pools: [], routers: [] }, "other", "lab/other")] }));
    assert.equal(first.state.allFacts()[0]?.state, "armed");
    await first.close();
    const path = join(at.data, "forget");
    writeFileSync(path, `${owner}\n\nnonsense\nlab/nobody\n`);
    const second = await startAgent(at);
    assert.deepEqual(second.state.allDocuments().map((doc) => doc.owner), ["lab/other"]);
    assert.deepEqual(second.state.allFacts().map((facts) => [facts.state, facts.token]), [["adopted", null]]);
    assert.equal(existsSync(path), false);
    await second.close();
  });
});

test("A17 after a hand-over that failed the agent still holds what it offered, and knows what it heard of another server's leases", async (t) => {
  const { data, socket } = place("back");
  const agent = await startAgent({ data, socket, log: pino({ level: "silent" }) });
  t.after(() => agent.close());
  const before = agent.context;
  const offer = { address: "10.77.0.100", identity: "525400120001", expiresAt: Date.now() + 60_000 };
  before.leases.applyOffer({ type: "offer.put", offer });
  before.sightings.see({ address: "10.77.0.150", mac: "52:54:00:12:00:02" }, true);
  const taker = spawn(process.execPath, [require.resolve("../support/dying-taker"), data, "given"], { stdio: ["ignore", "inherit", "inherit"] });
  await once(taker, "exit");
  await until("it serves again", () => existsSync(join(data, "take")), 20_000);
  assert.notEqual(agent.context, before);
  assert.deepEqual(agent.context.leases.offerOf(offer.address, Date.now()), offer);
  assert.equal(agent.context.sightings.macAt("10.77.0.150"), "52:54:00:12:00:02");
});
