import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { pino } from "pino";
import { freePorts, freeUdpPort } from "../../lab/ports";
import { simulateBoot, type SimMachine, type SimResult } from "../../lab/simclient";
import { answerUrl, configSearch, parseConfig } from "../../lab/simclient/pxelinux";
import { AssetStore } from "../../provider/agent/assets";
import { startAgent, type RunningAgent } from "../../provider/agent/run";
import { PxeError } from "../../provider/errors";
import type { AssetSpec } from "../../provider/model/documents";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../support/documents";
import { randomContent } from "../support/files-context";

const loaderConfig = (files: { kernel: AssetSpec; initrd: AssetSpec }): string => [
  "DEFAULT install",
  "LABEL install",
  `  KERNEL http://‹server›/a/${files.kernel.sha256}/linux`,
  `  INITRD http://‹server›/a/${files.initrd.sha256}/initrd.gz`,
  "  APPEND auto=true priority=critical url=http://‹server›/answer/‹token›/preseed.cfg --",
  "",
].join("\n");

const macs = { db1: "52:54:00:00:01:01", db2: "52:54:00:00:01:02", db3: "52:54:00:00:01:03" } as const;

describe("a simulated machine boots from a real agent, without root", () => {
  let folder = "";
  let agent: RunningAgent;
  let machine: Omit<SimMachine, "mac" | "install">;
  let kernel: AssetSpec;
  const kernelContent = randomContent(2_000_000);

  async function store(assets: AssetStore, name: string, content: Buffer): Promise<AssetSpec> {
    const sha256 = createHash("sha256").update(content).digest("hex");
    return { name, ...(await assets.put(sha256, Readable.from([content]))) };
  }

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), `pxe-sim-${process.pid}-`));
    const assets = await AssetStore.at(folder);
    kernel = await store(assets, "linux", kernelContent);
    const initrd = await store(assets, "initrd.gz", randomContent(5_000_000));
    const program = await store(assets, "pxelinux.0", randomContent(90_000));
    const module = await store(assets, "ldlinux.c32", randomContent(120_000));
    const { dhcpPort, tftpPort, httpPort } = await freePorts();
    const rendered = {
      "preseed.cfg": "address ‹address› secret ‹secret:root›\n",
      "bios/pxelinux.cfg": loaderConfig({ kernel, initrd }),
      "bios/pxelinux.local.cfg": "DEFAULT local\nLABEL local\n  LOCALBOOT -1\n",
    };
    const host = (name: keyof typeof macs, more: Parameters<typeof hostDocument>[0] = {}) =>
      hostDocument({ macs: [macs[name]], ip: undefined, rendered, secrets: { root: "$6$x" }, ...more }, name);
    agent = await startAgent({
      data: folder, socket: path.join(folder, "control.sock"), log: pino({ level: "silent" }),
      file: {
        documents: [
          serverDocument({ interfaces: ["lo"], dhcpPort, tftpPort, httpPort }),
          subnetDocument({ cidr: "127.77.0.0/24", pools: [{ from: "127.77.0.100", to: "127.77.0.199" }], routers: [], dnsServers: ["127.77.0.254"] }),
          profileDocument({ kernel, initrd: [initrd], loaders: { bios: { program, modules: [module] } } }),
          host("db1", { ip: "127.77.0.11", uuid: "564d2c3a-1b2c-3d4e-5f60-718293a4b5c6" }), host("db2"), host("db3", { install: "never" }),
        ],
        arm: ["db1", "db2", "db3"],
      },
    });
    assert.deepEqual(agent.status().problems, []);
    machine = { server: "127.0.0.1", dhcpPort, tftpPort, relay: "127.77.0.254" };
  });
  after(async () => {
    await agent.close();
    await rm(folder, { recursive: true, force: true });
  });

  function sums(result: SimResult): string[] {
    return result.files.map((file) => `${file.via} ${path.basename(file.name)}`);
  }

  test("C1 an armed host with a reservation: loader, configuration, kernel, answer file, reports, and then its disk", async () => {
    const lines: string[] = [];
    const boot = () => simulateBoot({ ...machine, mac: macs.db1, uuid: "564d2c3a-1b2c-3d4e-5f60-718293a4b5c6", install: true, progress: (line) => { lines.push(line); } });
    const first = await boot();
    assert.equal(first.action, "install");
    assert.equal(first.lease.address, "127.77.0.11");
    assert.deepEqual(sums(first), ["tftp pxelinux.0", "tftp ldlinux.c32", "tftp 01-52-54-00-00-01-01", "http linux", "http initrd.gz"]);
    assert.equal(first.files.find((file) => file.name.endsWith("/linux"))?.sha256, kernel.sha256);
    assert.deepEqual(first.missing, ["bios/pxelinux.cfg/3a2c4d56-2c1b-4e3d-5f60-718293a4b5c6"]);
    assert.equal(first.answer?.text, "address 127.77.0.11 secret $6$x\n");
    assert.deepEqual(first.reports, [{ stage: "installing", status: 200 }, { stage: "wiping", status: 200 }, { stage: "done", status: 200 }]);
    assert.deepEqual(agent.state.hostByMac(macs.db1)?.facts.sshHostKeys, first.sshHostKeys);
    assert.equal(agent.state.hostByMac(macs.db1)?.facts.state, "installed");
    assert.ok(lines.some((line) => line === "HTTP: answer file preseed.cfg, 32 bytes"), lines.join("\n"));

    const second = await boot();
    assert.equal(second.action, "local");
    assert.equal(second.answer, undefined);
  });

  test("an armed host without a reservation gets an address of the pool, and may be interrupted before it writes", async () => {
    for (let boot = 0; boot < 2; boot += 1) {
      const result = await simulateBoot({ ...machine, mac: macs.db2, install: false });
      assert.equal(result.action, "install");
      assert.match(result.lease.address, /^127\.77\.0\.1\d\d$/);
      assert.match(result.answer?.text ?? "", new RegExp(`^address ${result.lease.address.replaceAll(".", "\\.")} `));
    }
  });

  test("a host that is never installed boots from its disk; an unknown machine is offered no boot file", async () => {
    assert.equal((await simulateBoot({ ...machine, mac: macs.db3, install: true })).action, "local");
    assert.equal((await simulateBoot({ ...machine, mac: "52:54:00:99:99:99", install: true })).action, "nothing");
  });

  test("many machines at once", async () => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, at) => simulateBoot({
      ...machine, mac: at % 2 === 0 ? macs.db2 : `52:54:00:00:02:${at.toString(16).padStart(2, "0")}`, install: false,
    })));
    assert.deepEqual(new Set(results.filter((_, at) => at % 2 === 0).map((result) => result.action)), new Set(["install"]));
    assert.equal(new Set(results.map((result) => result.lease.address)).size, 11);
  });

  test("where nobody answers it says so", async () => {
    await assert.rejects(
      simulateBoot({ ...machine, dhcpPort: await freeUdpPort(), mac: macs.db1, install: false }),
      (error) => error instanceof PxeError && error.code === "PXE_TIMEOUT",
    );
  });
});

describe("PXELINUX as simulated", () => {
  test("C1 it looks for its UUID, its MAC, its address in hexadecimal, and default", () => {
    const names = configSearch({ mac: "52:54:00:AB:CD:EF", uuid: undefined, address: "192.0.2.91" });
    assert.deepEqual(names.map((name) => name.slice("pxelinux.cfg/".length)), ["01-52-54-00-ab-cd-ef", "C000025B", "C000025", "C00002", "C0000", "C000", "C00", "C0", "C", "default"]);
  });

  test("the entry that DEFAULT names", () => {
    assert.deepEqual(parseConfig("DEFAULT b\nLABEL a\n KERNEL x\nLABEL b\n  KERNEL http://h/linux\n  INITRD http://h/1,http://h/2\n  APPEND a b=c\n"), {
      action: "boot", kernel: "http://h/linux", initrds: ["http://h/1", "http://h/2"], append: "a b=c",
    });
    assert.deepEqual(parseConfig("default l\nlabel l\nlocalboot -1\n"), { action: "local" });
    assert.equal(parseConfig("DEFAULT x\n"), undefined);
    assert.equal(answerUrl("inst.ks=http://a inst.ks=http://b quiet"), "http://b");
  });
});
