import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { Lab, type Target as LabTarget } from "../../lab";
import { changedTarget, ensureAgent, observeAgent, removeAgent, type DeployRequest } from "../../provider/deploy/agent";
import { closeAll } from "../../provider/deploy/control";
import { generateControlKey } from "../../provider/deploy/keys";
import { layout } from "../../provider/deploy/layout";
import { PxeError } from "../../provider/errors";
import { serverSpec } from "../../provider/model/documents";
import { eventually } from "../support/eventually";
import { fakeBundle } from "../support/fake-bundle";
import { targetListing } from "./deploy-listing";

const controlKey = generateControlKey();
const owner = "demo/dev";
const server = serverSpec.parse({ interfaces: ["prov0"] });
let lab: Lab;
let machine: LabTarget;
let bundleFolder = "";
let lines: string[] = [];

before(async () => {
  lab = await Lab.create({ name: "preflight" });
  machine = await lab.target();
  bundleFolder = fakeBundle(join(lab.folder, "bundle"));
});
after(async () => {
  await closeAll();
  await lab.down();
});

function request(more: Partial<DeployRequest> = {}): DeployRequest {
  lines = [];
  const { host, privateKey, hostKeyFingerprint: hostKey } = machine;
  return { target: { host, privateKey, hostKey }, owner, controlKey, server, bundleFolder, progress: (line) => lines.push(line), ...more };
}

const edited = async (): Promise<readonly string[]> => (await observeAgent(request())).edited;

function remove(): Promise<void> {
  const { target, progress } = request();
  return removeAgent({ target, owner, controlKey, progress });
}

/** Runs a deployment that must be refused, and checks that nothing was changed on the target. */
async function refused(more: Partial<DeployRequest> = {}): Promise<PxeError> {
  const before = await targetListing(machine);
  let refusal: unknown;
  await ensureAgent(request(more)).catch((error: unknown) => (refusal = error));
  assert.ok(refusal instanceof PxeError, `it was not refused: ${String(refusal)}`);
  assert.deepEqual(await targetListing(machine), before);
  assert.ok(!changedTarget(refusal));
  return refusal;
}

describe("what of a target's own settings keeps an agent from it", { concurrency: 1 }, () => {
  test("a clock that is ahead of the operator's, or behind it", async (t: TestContext) => {
    const { now } = Date;
    // The target's can't be set, having that of this machine's kernel: so it is the operator who is wrong.
    for (const [minutes, told] of [[10, /the clock of .* is (9|10) minutes behind this machine's/], [-10, /the clock of .* is (9|10) minutes ahead of this machine's/]] as const) {
      const clock = t.mock.method(Date, "now", () => now() + minutes * 60_000);
      const error = await refused();
      clock.mock.restore();
      assert.equal(error.code, "PXE_CLOCK");
      assert.match(error.message, told);
    }
  });

  for (const [what, path, link] of [["/opt", "/opt", ""], ["the agent's folder itself", layout.root, ""], ["where /opt leads to by a link", "/srv/more room", "mv /opt /opt.was; ln -s '/srv/more room' /opt"]] as const) {
    test(`programs may not be run from ${what}`, async () => {
      await machine.exec(`mkdir -p '${path}' && mount -t tmpfs -o noexec tmpfs '${path}' && ${link || "true"}`);
      try {
        const error = await refused();
        assert.equal(error.code, "PXE_PREFLIGHT");
        assert.match(error.message, /\/opt\/pulumi-pxe on .* lies on a file system that is mounted noexec/);
      } finally {
        await machine.exec(`umount '${path}'; ${link === "" ? `rmdir ${layout.root} 2>/dev/null || true` : "rm /opt; mv /opt.was /opt; rmdir '/srv/more room'"}`);
      }
    });
  }

  test("noexec on every other folder does no harm, nor on /opt with another file system in it", async () => {
    const folders = ["/opt", "/var/lib", "/tmp", "/run/user", "/home"];
    await machine.exec(`for folder in ${folders.join(" ")}; do mkdir -p $folder; mount --bind $folder $folder && mount -o remount,bind,noexec $folder; done; mkdir ${layout.root}; mount -t tmpfs tmpfs ${layout.root}`);
    try {
      await ensureAgent(request());
      assert.deepEqual(await edited(), []);
      await remove();
      assert.equal((await machine.exec(`ls -A ${layout.root}`)).stdout, "");
    } finally {
      await machine.exec(`systemctl stop 'pulumi-pxe@*'; umount ${layout.root}; umount ${folders.join(" ")}; rmdir ${layout.root}`);
    }
  });

  test("an interface without an address; one that has it by DHCP, where it is to give out addresses alone", async () => {
    await machine.exec("ip address flush dev prov0");
    const none = await refused();
    assert.equal(none.code, "PXE_NO_ADDRESS");
    assert.match(none.message, /prov0 on .* has no IPv4 address/);
    const other = await lab.netns("other", "10.77.0.2/24");
    const running = other.exec("dnsmasq", ["--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=eth0", "--bind-interfaces", "--dhcp-range=10.77.0.100,10.77.0.150", "--dhcp-leasefile=/dev/null", `--pid-file=${join(lab.folder, "dnsmasq.pid")}`], { timeoutMs: 120_000, allowFailure: true });
    try {
      await machine.writeFile("/etc/systemd/network/prov0.network", "[Match]\nName=prov0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n[DHCPv4]\nUseRoutes=no\n");
      await machine.exec("systemctl start systemd-networkd");
      await eventually(async () => (await machine.exec("ip -o -4 address show dev prov0")).stdout.includes("inet 10.77.0.1"), () => "no lease");
      const error = await refused();
      assert.equal(error.code, "PXE_NO_ADDRESS");
      assert.match(error.message, /prov0 on .* has its address by DHCP, and is to serve DHCP itself.*dhcpMode: "proxy"/);
      // Beside the server that gave it this one, it may have it of that.
      await ensureAgent(request({ server: serverSpec.parse({ interfaces: ["prov0"], dhcpMode: "proxy" }) }));
    } finally {
      await machine.exec("systemctl stop systemd-networkd.socket systemd-networkd; rm -f /etc/systemd/network/prov0.network; ip address flush dev prov0; ip address add 10.77.0.1/24 dev prov0");
      await lab.exec(other.namespace, "sh", ["-c", `kill $(cat ${join(lab.folder, "dnsmasq.pid")})`], { allowFailure: true });
      await running;
    }
  });
});

describe("SELinux, of which this machine has none: its switch is a plain file, and chcon stands in for what its kernel gives new files", { concurrency: 1 }, () => {
  const paths = [layout.programs, layout.launcher, layout.nodes, `${layout.nodes}/*/bin/node`, layout.keyFolder, layout.authorizedKeys];
  const labels = async (): Promise<string> => (await machine.exec(`stat -c '%C' ${paths.join(" ")}`)).stdout;
  const expected = ["bin_t", "bin_t", "bin_t", "bin_t", "ssh_home_t", "ssh_home_t"].map((type) => `system_u:object_r:${type}:s0
`).join("");

  before(async () => {
    await machine.exec("mkdir -p /run/fs/selinux /run/fs/cgroup; echo 1 >/run/fs/selinux/enforce; mount --rbind /sys/fs/cgroup /run/fs/cgroup; mount --rbind /run/fs /sys/fs");
    // A file without a label takes none in part.
    await machine.writeFile("/usr/local/bin/chcon", `#!/bin/sh\n[ "$1" = -R ] && { deep=-R; shift; }\nexec /usr/bin/chcon $deep "system_u:object_r:$2:s0" "$3"\n`);
    await machine.exec("chmod 755 /usr/local/bin/chcon");
  });
  after(() => machine.exec("umount -l /sys/fs; rm -f /usr/local/bin/chcon"));

  // The agent is there from the test before: SELinux was switched on since.
  test("programs get the label of programs, keys that of keys; a label that is gone by hand is told, and set again", async () => {
    assert.deepEqual(await edited(), ["the SELinux labels"]);
    await ensureAgent(request());
    assert.equal(await labels(), expected);
    assert.deepEqual(await edited(), []);
    await ensureAgent(request());
    assert.equal(lines.join("\n"), "");
    await machine.exec(`/usr/bin/chcon -t var_lib_t ${layout.authorizedKeys}`);
    assert.deepEqual(await edited(), ["the SELinux labels"]);
    await ensureAgent(request());
    assert.ok(lines.includes("set up: the SELinux labels"), lines.join("\n"));
    assert.equal(await labels(), expected);
    await remove();
  });
});
