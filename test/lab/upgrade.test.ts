import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Lab, type Target as LabTarget } from "../../lab";
import { ensureAgent, type DeployRequest } from "../../provider/deploy/agent";
import { connectionOf } from "../../provider/deploy/connection";
import { closeAll, controlClient, type ControlClient } from "../../provider/deploy/control";
import { generateControlKey } from "../../provider/deploy/keys";
import { bundleId, layout, takeOverOrder } from "../../provider/deploy/layout";
import { PxeError } from "../../provider/errors";
import type { AgentStatus } from "../../provider/model/control";
import { serverSpec, type AssetSpec } from "../../provider/model/documents";
import { placeholders } from "../../provider/render/placeholders";
import { bundleCopy } from "../support/bundle-copy";
import type { BootLoop, BootLoopResult } from "../support/boot-loop";
import { hostDocument, owner, profileDocument, serverDocument, subnetDocument } from "../support/documents";

const controlKey = generateControlKey();
const macs = ["52:54:00:77:01:01", "52:54:00:77:01:02", "52:54:00:77:01:03", "52:54:00:77:01:04"];
const address = (index: number): string => `10.77.0.${String(20 + index)}`;
let lab: Lab;
let machine: LabTarget;
let client: ControlClient;
let lines: string[] = [];
let big: AssetSpec;

function deploy(version: string, more: Partial<DeployRequest> & { first?: string } = {}): Promise<unknown> {
  const { first, ...changes } = more;
  lines = [];
  return ensureAgent({
    target: { host: machine.host, privateKey: machine.privateKey, hostKey: machine.hostKeyFingerprint }, owner, controlKey, server: serverSpec.parse({ interfaces: ["prov0"] }),
    bundleFolder: bundleCopy(join(lab.folder, `bundle-${version}`), version, first), progress: (line) => lines.push(line), ...changes,
  });
}

async function asset(name: string, bytes: Buffer): Promise<AssetSpec> {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await client.putAsset(sha256, bytes.length, () => Readable.from([bytes]));
  return { name, sha256, size: bytes.length };
}

/** What serves, what would after a restart of the machine, and which units run. */
async function standing(): Promise<{ status: AgentStatus; current: string; enabled: string; active: string }> {
  const { stdout } = await machine.exec(`readlink ${layout.current}; ls /etc/systemd/system/multi-user.target.wants | grep pulumi-pxe; systemctl list-units --plain --no-legend --state=active 'pulumi-pxe@*' | cut -d' ' -f1`);
  const [current = "", enabled = "", ...active] = stdout.trim().split("\n");
  return { status: await client.status(), current, enabled, active: active.join(" ") };
}

before(async () => {
  lab = await Lab.create({ name: "upgrade" });
  machine = await lab.target();
});
after(async () => {
  await closeAll();
  await lab.down();
});

// One target's life: each test takes up where the one before it left off.
describe("the upgrade of an agent that serves", { concurrency: 1 }, () => {
  before(async () => {
    await deploy("1.0.0");
    client = controlClient(connectionOf({ host: machine.host, privateKey: machine.privateKey, hostKey: machine.hostKeyFingerprint }), controlKey);
    big = await asset("big", randomBytes(32 * 1024 * 1024));
    const profile = profileDocument({
      kernel: await asset("linux", randomBytes(50_000)), initrd: [await asset("initrd.gz", randomBytes(200_000))],
      loaders: { bios: { program: await asset("pxelinux.0", randomBytes(20_000)), modules: [await asset("ldlinux.c32", randomBytes(20_000))] } },
    });
    const rendered = {
      "preseed.cfg": "d-i\n", "bios/pxelinux.local.cfg": "DEFAULT local\nLABEL local\n  LOCALBOOT -1\n",
      "bios/pxelinux.cfg": `DEFAULT install\nLABEL install\n  KERNEL ::${placeholders.asset("linux")}\n  INITRD ::${placeholders.asset("initrd.gz")}\n  APPEND url=http://${placeholders.server}/answer/${placeholders.token}/preseed.cfg\n`,
    };
    const hosts = macs.map((mac, index) => hostDocument({ macs: [mac], ip: address(index), rendered }, `h${String(index)}`));
    await client.apply({ owner, put: [serverDocument({ interfaces: ["prov0"] }), subnetDocument(), profile, ...hosts], arm: hosts.map((host) => ({ host: host.name, reason: "create" as const })) });
    assert.deepEqual((await client.status()).problems, []);
  });

  test("no boot and no transfer fails through it; the new one serves, is the one that starts at boot, and the old one ends", async () => {
    const rack = await lab.netns("rack", "10.77.0.250/24");
    for (const index of macs.keys()) await lab.exec(rack.namespace, "ip", ["address", "add", `${address(index)}/24`, "dev", "eth0"]);
    const until = join(lab.folder, "enough");
    const loop: BootLoop = { server: machine.address.split("/")[0] ?? "", relay: "10.77.0.250", macs, slow: `http://${machine.address.split("/")[0] ?? ""}/a/${big.sha256}/big`, until };
    const running = rack.exec(process.execPath, [require.resolve("../support/boot-loop"), JSON.stringify(loop)]);
    const before = await standing();
    await deploy("1.1.0");
    await delay(500);
    writeFileSync(until, "");
    const result = JSON.parse((await running).stdout) as BootLoopResult;
    assert.deepEqual(result.failures, []);
    assert.equal(result.slow, big.sha256);
    assert.ok(result.boots >= 2 * macs.length, `${String(result.boots)} boots`);
    const { status, current, enabled } = await standing();
    const id = bundleId(status.bundle);
    assert.notEqual(status.pid, before.status.pid);
    assert.deepEqual([current, enabled], [`bundles/${id}`, `pulumi-pxe@${id}.service`]);
    const limit = Date.now() + 30_000;
    while ((await standing()).active !== `pulumi-pxe@${id}.service`) {
      assert.ok(Date.now() < limit, "the old agent does not end");
      await delay(200);
    }
    const old = await machine.exec(`systemctl show -p Result -p ExecMainStatus --value ${before.enabled}; journalctl --unit ${before.enabled} --output cat --no-pager | tail -n 5`);
    assert.match(old.stdout, /^success\n0\n/, old.stdout);
    assert.deepEqual((await client.hosts()).map((host) => host.state), macs.map(() => "armed"));
    await deploy("1.1.0");
    assert.deepEqual(lines, []);
  });

  for (const [what, first, reason] of [
    ["throws as it starts", "throw new Error('the new one is broken');", /the new one is broken/],
    ["dies with the folder in its hands", "if (process.argv[2] === 'run') { const { DatabaseSync } = require('node:sqlite'); const exec = DatabaseSync.prototype.exec; DatabaseSync.prototype.exec = function (sql) { exec.call(this, sql); if (sql.includes('EXCLUSIVE')) process.kill(process.pid, 'SIGKILL'); }; }", /ended at once/],
    ["refuses a stored document", "if (process.argv[2] === 'run') { const { DatabaseSync } = require('node:sqlite'); const prepare = DatabaseSync.prototype.prepare; DatabaseSync.prototype.prepare = function (sql) { return prepare.call(this, sql === 'SELECT json FROM documents' ? \"SELECT json_set(json, '$.spec.unheardOf', 1) AS json FROM documents\" : sql); }; }", /PXE_HANDOVER_FAILED: a stored document is refused: .*unheardOf/],
  ] as const) {
    test(`one that ${what} leaves the old one serving, and the reason is told`, async () => {
      const before = await standing();
      await assert.rejects(deploy("1.2.0", { first }), (error: unknown) => error instanceof PxeError && error.code === "PXE_AGENT_DIED" && reason.test(error.message));
      const after = await standing();
      assert.deepEqual({ ...after, status: after.status.pid }, { ...before, status: before.status.pid });
      assert.equal(after.status.ready, true);
      assert.ok(lines.some((line) => line.includes("was not stopped, and serves on")), lines.join("\n"));
    });
  }

  test("a deployment that was cut off when the agent had taken over is completed without a restart", async () => {
    const before = await standing();
    const older = "systemctl --quiet enable pulumi-pxe@older.service";
    await machine.exec(`cp -a ${layout.root}/${before.current} ${layout.bundles}/older; ln -sfn bundles/older ${layout.current}; systemctl --quiet disable ${before.enabled}; ${older}`);
    await deploy("1.1.0");
    const after = await standing();
    assert.deepEqual({ ...after, status: after.status.pid }, { ...before, status: before.status.pid });
    // Also where it was cut off in the middle of that, or somebody disabled it.
    for (const left of [`systemctl --quiet disable ${before.enabled}`, `ln -s ${layout.unit} /etc/systemd/system/multi-user.target.wants/pulumi-pxe@older.service`]) {
      await machine.exec(left);
      await deploy("1.1.0");
      const mended = await standing();
      assert.deepEqual({ ...mended, status: mended.status.pid }, { ...before, status: before.status.pid });
    }
  });

  test("other users of the target have no say: a link in the order's place is not followed, a lock on a folder holds nothing up", async () => {
    const bundleFolder = bundleCopy(join(lab.folder, "bundle-1.1.1"), "1.1.1");
    const id = bundleId(createHash("sha256").update(readFileSync(join(bundleFolder, "pxe-agent.cjs"))).digest("hex"));
    await machine.exec(`echo precious >/etc/precious; ln -s /etc/precious ${takeOverOrder(id)}`);
    // Nor can another user keep a deployment waiting.
    await machine.exec("for folder in / /etc/systemd/system; do setpriv --reuid=65534 --regid=65534 --clear-groups flock -n $folder sleep 300 >/dev/null 2>&1 </dev/null & done; sleep 0.5; ! flock -n /etc/systemd/system true");
    const began = Date.now();
    await deploy("1.1.1");
    assert.ok(Date.now() - began < 30_000, `${String(Date.now() - began)} ms`);
    assert.equal(bundleId((await client.status()).bundle), id);
    assert.equal(await machine.readFile("/etc/precious"), "precious\n");
  });

  test("an older package is refused; where it is allowed to, the release before runs on the database of the one after", async () => {
    await assert.rejects(deploy("1.0.0"), { code: "PXE_AGENT_NEWER" });
    const before = await standing();
    await deploy("1.0.0", { allowDowngrade: true });
    const after = await standing();
    assert.notEqual(after.status.bundle, before.status.bundle);
    assert.deepEqual([after.status.ready, after.status.revision], [true, before.status.revision]);
    assert.deepEqual((await client.hosts()).map((host) => host.state), macs.map(() => "armed"));
  });

  test("after a power cut exactly one serves", async () => {
    await deploy("1.3.0");
    const before = await standing();
    client.close();
    await closeAll();
    await machine.stop("kill");
    await machine.start();
    client = controlClient(connectionOf({ host: machine.host, privateKey: machine.privateKey, hostKey: machine.hostKeyFingerprint }), controlKey);
    const limit = Date.now() + 20_000;
    while (!(await client.status().then((status) => status.ready, () => false))) assert.ok(Date.now() < limit, "no agent 20 s after the start");
    const after = await standing();
    assert.deepEqual([after.status.bundle, after.active], [before.status.bundle, before.enabled]);
  });
});
