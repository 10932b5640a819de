import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import { after, before, describe, test } from "node:test";
import { diskBootMessage, Lab, listRecords, sweep, waitFor, type LabRecord } from "../../lab/index";
import { identify, isRunning, run, type ProcessIdentity } from "../../lab/process";
import { tracesOf } from "./traces";

const root = path.join(__dirname, "../..");

/** A process of its own that has a lab; `ended` tells how it ended. */
class Owner {
  private readonly lines: AsyncIterator<string>;
  private stderr = "";
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(mode: string) {
    this.child = spawn(process.execPath, [path.join(__dirname, "owner.js"), mode], { stdio: ["ignore", "pipe", "pipe"] });
    const { stdout, stderr } = this.child;
    assert(stdout !== null && stderr !== null);
    stderr.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.lines = readline.createInterface({ input: stdout })[Symbol.asyncIterator]();
    this.ended = once(this.child, "exit").then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }));
  }

  readonly child: ChildProcess;

  async line(): Promise<string> {
    const next = await this.lines.next();
    assert(next.done !== true, `the owner ended early: ${this.stderr}`);
    return next.value;
  }

  async id(): Promise<string> {
    return (await this.line()).replace(/^id /, "");
  }
}

function recordOf(id: string): LabRecord {
  const record = listRecords().find((each) => each.id === id);
  assert(record !== undefined);
  return record;
}

/** All processes of a lab, the container's included. */
async function processesIn(id: string): Promise<ProcessIdentity[]> {
  const namespaces = fs.readdirSync("/run/netns").filter((name) => name.includes(id));
  const lists = await Promise.all(namespaces.map((name) => run("ip", ["netns", "pids", name])));
  return lists.flatMap(({ stdout }) => stdout.trim().split("\n")).map((pid) => identify(Number(pid))).filter((identity) => identity !== undefined);
}

async function pxe(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return run(process.execPath, [path.join(root, "cli/pxe.js"), ...args], { allowFailure: true });
}

/** The banner that an SSH server sends first, read in a namespace. */
const readBanner = (host: string): string[] => ["-c", `exec 3<>/dev/tcp/${host}/22; head -c 7 <&3`];

describe("lab", () => {
  const state = fs.mkdtempSync(path.join(os.tmpdir(), "pxe-lab-test-"));
  before(() => {
    // Records of their own, so that no other lab is swept or listed here; the cached root is shared.
    process.env["XDG_STATE_HOME"] = state;
  });
  after(() => fs.rmSync(state, { recursive: true, force: true }));

  test("two labs stand side by side, each with a target that real ssh reaches, and are gone after down", async () => {
    const labs = await Promise.all([Lab.create({ name: "left" }), Lab.create({ name: "right" })]);
    try {
      const targets = await Promise.all(labs.map((lab) => lab.target()));
      assert.equal(new Set(targets.map(({ host }) => host)).size, 2);
      for (const [index, target] of targets.entries()) {
        assert.match((await target.ssh("id -un; cat /proc/1/comm")).stdout, /^root\nsystemd\n$/);
        assert.equal((await target.ssh("sudo -n id -un", { user: "deploy" })).stdout, "root\n");
        assert.notEqual((await target.ssh("sudo -n id -un", { user: "nosudo", allowFailure: true })).code, 0);
        assert.match((await target.exec("ip -brief address show dev prov0")).stdout, /10\.77\.0\.1\/24/);
        assert.deepEqual((await target.exec(["ls", "/sys/class/net"])).stdout.trim().split("\n"), ["lo", "mgmt0", "prov0"]);
        assert.equal((await target.exec(["systemctl", "is-system-running", "--wait"])).stdout, "running\n");
        await target.writeFile("/etc/marker", String(index));
        const client = await labs[index]?.netns("c1", "10.77.0.50/24");
        assert.equal((await client?.exec("bash", readBanner(target.address)))?.stdout, "SSH-2.0");
      }
      assert.deepEqual(await Promise.all(targets.map((target) => target.readFile("/etc/marker"))), ["0", "1"]);
    } finally {
      await Promise.all(labs.map((lab) => lab.down()));
    }
    for (const { id } of labs) assert.deepEqual(await tracesOf(id), []);
  });

  test("a target survives a power-off and a power cut with its disk, and can be given a full one", async () => {
    const lab = await Lab.create();
    try {
      const target = await lab.target();
      await target.writeFile("/var/lib/kept", "yes");
      await target.stop();
      assert.equal(target.running, false);
      await target.start();
      await target.stop("kill");
      await target.start();
      assert.equal(await target.readFile("/var/lib/kept"), "yes");
      await target.mountSmall("/var/lib/small", 64);
      const written = await target.exec("head -c 100000 /dev/zero > /var/lib/small/file", { allowFailure: true });
      assert.match(written.stderr, /No space left/);
      await target.unmountSmall("/var/lib/small");
    } finally {
      await lab.down();
    }
    assert.deepEqual(await tracesOf(lab.id), []);
  });

  test("a service with the agent's hardening runs in a target", async () => {
    const lab = await Lab.create();
    try {
      const target = await lab.target();
      const capabilities = "CAP_NET_BIND_SERVICE CAP_NET_RAW";
      const unit = [
        ...["[Service]", "Type=oneshot", "DynamicUser=yes", `AmbientCapabilities=${capabilities}`, `CapabilityBoundingSet=${capabilities}`],
        ...["ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes", "ProtectProc=invisible", "ProtectKernelTunables=yes"],
        ...["NoNewPrivileges=yes", "RestrictNamespaces=yes", "SystemCallFilter=@system-service", "StateDirectory=hardened"],
        // A port below 1024, and a packet socket.
        "ExecStart=/bin/sh -ec 'perl -MSocket -e \"socket(U, PF_INET, SOCK_DGRAM, 0) && bind(U, sockaddr_in(67, INADDR_ANY)) && socket(F, 17, SOCK_RAW, 0) or die; print q(opened)\"; touch /var/lib/hardened/x; ! touch /etc/x'",
      ];
      await target.writeFile("/etc/systemd/system/hardened.service", `${unit.join("\n")}\n`);
      await target.exec("systemctl daemon-reload && systemctl start hardened.service || { journalctl -u hardened >&2; exit 1; }");
      assert.match((await target.exec("journalctl -u hardened -o cat")).stdout, /^opened/m);
      await target.exec("test -e /var/lib/hardened/x && ! test -e /etc/x");
    } finally {
      await lab.down();
    }
  });

  test("a BIOS machine boots from its disk, again after a reset, and goes off", async () => {
    const lab = await Lab.create();
    try {
      const machine = await lab.machine({ name: "db1", memoryMb: 128, disk: { sizeMb: 8, bootable: true } });
      await assert.rejects(machine.waitForConsole(/anything/), { code: "PXE_LAB_FAILED" });
      await machine.powerOn();
      // With nobody to answer, the network card's ROM gives up first.
      await machine.waitForConsole(new RegExp(diskBootMessage), { timeoutMs: 180_000 });
      assert.match(machine.consoleText(), /iPXE/);
      await machine.reset();
      await machine.waitForConsole(/SeaBIOS/, { timeoutMs: 60_000 });
      const exit = once(machine.events, "exit");
      await machine.powerOff();
      assert.deepEqual(await exit, [{ code: null, signal: "SIGKILL" }]);
      assert.equal(machine.running, false);
    } finally {
      await lab.down();
    }
    assert.deepEqual(await tracesOf(lab.id), []);
  });

  for (const firmware of ["uefi", "uefi-secureboot"] as const) {
    test(`a ${firmware} machine starts its own network boot`, async () => {
      const lab = await Lab.create();
      try {
        const machine = await lab.machine({ name: "u1", firmware, memoryMb: 512 });
        await machine.powerOn();
        await machine.waitForConsole(/Start PXE over IPv4/, { timeoutMs: 240_000 });
      } finally {
        await lab.down();
      }
    });
  }

  test("a QEMU that can't start says why", async () => {
    const lab = await Lab.create();
    try {
      const machine = await lab.machine({ name: "m1", extraArguments: ["-device", "no-such-device"] });
      await assert.rejects(machine.powerOn(), /no-such-device/);
    } finally {
      await lab.down();
    }
  });

  test("after SIGKILL of its owner a lab is listed as orphaned, and `pxe lab down --all` removes all of it", async () => {
    const owner = new Owner("idle");
    const id = await owner.id();
    assert.equal(await owner.line(), "ready");
    const used = JSON.parse((await pxe("lab", "down", "--all", "--json")).stdout) as { removed: unknown[]; left: { id: string }[] };
    assert.deepEqual([used.removed, used.left.map((lab) => lab.id)], [[], [id]], "a lab in use is left alone");
    const processes = await processesIn(id);
    assert(processes.length > 3);
    owner.child.kill("SIGKILL");
    await owner.ended;
    assert.notDeepEqual(await tracesOf(id), []);
    const listed = JSON.parse((await pxe("lab", "status", "--json")).stdout) as { id: string; state: string }[];
    assert.deepEqual(listed.map((lab) => [lab.id, lab.state]), [[id, "orphaned"]]);
    const down = await pxe("lab", "down", "--all");
    assert.equal(down.code, 0, down.stderr);
    assert.deepEqual(await tracesOf(id), []);
    assert.deepEqual(processes.filter(isRunning), []);
  });

  test("a new lab sweeps what killed owners left, also when it was killed in the making", async () => {
    const owner = new Owner("idle");
    const id = await owner.id();
    owner.child.kill("SIGKILL");
    await owner.ended;
    const swept: string[] = [];
    const lab = await Lab.create({ progress: (line) => swept.push(line) });
    await lab.down();
    assert.match(swept.join("\n"), /removed owned-idle/);
    assert.deepEqual(await tracesOf(id), []);
  });

  for (const moment of ["ready", "half made"] as const) {
    test(`after SIGINT of its owner nothing is left (${moment})`, async () => {
      const owner = new Owner("idle");
      const id = await owner.id();
      if (moment === "ready") await owner.line();
      owner.child.kill("SIGINT");
      const { code, signal } = await owner.ended;
      // In the making, the owner's own failure may end it before the signal does.
      assert(signal === "SIGINT" || (moment === "half made" && code === 1), `ended with ${String(code)}, ${String(signal)}`);
      assert.deepEqual(await tracesOf(id), []);
    });
  }

  test("an interrupted making of the root leaves neither its parts nor its processes", async () => {
    const cache = fs.mkdtempSync(path.join(os.tmpdir(), "pxe-lab-cache-"));
    const shared = process.env["XDG_CACHE_HOME"];
    process.env["XDG_CACHE_HOME"] = cache;
    try {
      const owner = new Owner("idle");
      const id = await owner.id();
      const parts = path.join(cache, "pulumi-pxe/lab");
      const begun = (): boolean => fs.existsSync(parts) && fs.readdirSync(parts).some((name) => name.endsWith(id) && fs.existsSync(path.join(parts, name, "etc")));
      await waitFor(begun, { what: "mmdebstrap to begin", timeoutMs: 60_000 });
      owner.child.kill("SIGTERM");
      await owner.ended;
      assert.deepEqual(await tracesOf(id), []);
      assert.deepEqual(fs.readdirSync(parts), []);
    } finally {
      if (shared === undefined) delete process.env["XDG_CACHE_HOME"];
      else process.env["XDG_CACHE_HOME"] = shared;
      fs.rmSync(cache, { recursive: true, force: true });
    }
  });

  for (const [mode, expected] of [["throw", 1], ["return", 0]] as const) {
    test(`nothing is left when the owner ends by ${mode}`, async () => {
      const owner = new Owner(mode);
      const id = await owner.id();
      assert.equal((await owner.ended).code, expected);
      assert.deepEqual(await tracesOf(id), []);
    });
  }

  test("a process that got a recorded number later is never ended", async () => {
    const lab = await Lab.create();
    const bystander = spawn("sleep", ["60"]);
    try {
      const file = path.join(lab.folder, "lab.json");
      const record = JSON.parse(fs.readFileSync(file, "utf8")) as LabRecord;
      const reused = { kind: "process", role: "machine x", pid: bystander.pid, startTime: "1" };
      fs.writeFileSync(file, JSON.stringify({ ...record, items: [...record.items, reused] }));
      assert.equal((await pxe("lab", "down", "--name", lab.id)).code, 0);
      assert.deepEqual(await tracesOf(lab.id), []);
      assert.equal(bystander.exitCode, null);
      assert.notEqual(identify(bystander.pid ?? 0), undefined);
    } finally {
      bystander.kill();
      await lab.down();
    }
  });

  test("a kept lab outlives `pxe lab up`, which says how to reach it, and is gone after `pxe lab down`", async () => {
    const up = await pxe("lab", "up", "--name", "kept", "--json");
    assert.equal(up.code, 0, up.stderr);
    const lab = JSON.parse(up.stdout) as { id: string; state: string; targets: { ssh: string[] }[] };
    try {
      assert.equal(lab.state, "kept");
      assert.deepEqual(await sweep(), []);
      const [file = "", ...args] = lab.targets[0]?.ssh ?? [];
      assert.equal((await run(file, [...args, "hostname"])).stdout, "target\n");
      assert.equal((JSON.parse((await pxe("lab", "up", "--name", "kept", "--json")).stdout) as { id: string }).id, lab.id);
      assert.equal(recordOf(lab.id).keep, true);
    } finally {
      assert.equal((await pxe("lab", "down", "--name", "kept")).code, 0);
    }
    assert.deepEqual(await tracesOf(lab.id), []);
    assert.equal((await pxe("lab", "down", "--name", "kept")).code, 1);
  });
});
