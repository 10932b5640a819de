import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { serverSpec } from "../../provider/model/documents";
import { networkSettings, refuseForeignNetwork } from "../../provider/deploy/network";
import { compareVersions, observe, parseReport, usableNode, type Observation } from "../../provider/deploy/observe";
import { onlyTold, preflight } from "../../provider/deploy/preflight";
import type { Shell } from "../../provider/deploy/shell";

const good: Record<string, string | string[]> = {
  "pulumi-pxe-report": "1", system: "Linux", machine: "x86_64", uid: "0", user: "root", init: "systemd", libc: "glibc 2.36",
  "room-program": "4000000", "room-data": "4000000", interface: ["lo", "eth0", "eth1"],
  address: ["lo 127.0.0.1/8", "eth0 192.0.2.10/24", "eth1 10.77.0.1/24"], "lowest-port": "1024",
};

function report(changes: Record<string, string | string[]> = {}, sudoRefusal?: string): Observation {
  const lines = Object.entries({ ...good, ...changes }).flatMap(([key, value]) => [value].flat().map((text) => `${key}\t${text}`));
  return parseReport([...lines, "end\t1", ""].join("\n"), sudoRefusal, "rack1");
}

const server = serverSpec.parse({ interfaces: ["eth1"] });
const options = { form: "system", label: "rack1", givenNode: false } as const;
const codes = (observation: Observation, spec = server): string[] => preflight(observation, spec, options).map((item) => item.code);
const messages = (observation: Observation): string => preflight(observation, server, options).map((item) => item.what).join("\n");

describe("preflight", () => {
  test("nothing stands in the way of a good target", () => {
    assert.deepEqual(codes(report()), []);
  });

  test("everything that is wrong is found at once", () => {
    const observation = report(
      {
        system: "Linux", machine: "riscv64", init: "sysvinit", libc: "", missing: ["tar"], "room-program": "100", "room-data": "100", interface: ["lo", "eth0"],
        udp: ['UNCONN 0 0 0.0.0.0:67 0.0.0.0:* users:(("dnsmasq",pid=812,fd=4))', 'UNCONN 0 0 0.0.0.0:69 0.0.0.0:* users:(("in.tftpd",pid=813,fd=4))'],
        tcp: 'LISTEN 0 511 *:80 *:* users:(("nginx",pid=900,fd=6),("nginx",pid=899,fd=6))',
      },
      "sudo: a password is required",
    );
    assert.deepEqual(codes(observation).sort(), [
      "PXE_DISK_FULL", "PXE_DISK_FULL", "PXE_NO_INTERFACE", "PXE_PORT_TAKEN", "PXE_PORT_TAKEN", "PXE_PORT_TAKEN", "PXE_SUDO_REFUSED",
      "PXE_UNSUPPORTED_TARGET", "PXE_UNSUPPORTED_TARGET", "PXE_UNSUPPORTED_TARGET", "PXE_UNSUPPORTED_TARGET",
    ]);
    const text = messages(observation);
    for (const part of [/dnsmasq \(pid 812/, /in\.tftpd \(pid 813/, /nginx \(pid 900/, /there are eth0, lo/, /a password is required/]) assert.match(text, part);
  });

  test("a C library that is too old matters only where Node must be uploaded", () => {
    assert.deepEqual(codes(report({ libc: "glibc 2.17" })), ["PXE_UNSUPPORTED_TARGET"]);
    assert.deepEqual(codes(report({ libc: "glibc 2.17", node: "22.13.0 /usr/bin/node" })), []);
    assert.deepEqual(codes(report({ libc: "glibc 2.17", node: "20.1.0 /usr/bin/node" })), ["PXE_UNSUPPORTED_TARGET"]);
  });

  test("the path of a Node may hold spaces, its version may be unknown", () => {
    const { nodes } = report({ node: ["22.13.0 /opt/my tools/node", " /usr/bin/node"] });
    assert.deepEqual(nodes, [{ version: "22.13.0", path: "/opt/my tools/node" }, { version: "", path: "/usr/bin/node" }]);
  });

  test("without root and without sudo it says which to set", () => {
    assert.match(messages(report({ uid: "1000", user: "ops" })), /ops on rack1 is not root/);
  });

  test("ports: what is bound to another interface or its address is not in the way", () => {
    const taken = (line: string, key = "udp"): string[] => codes(report({ [key]: line }));
    assert.deepEqual(taken('UNCONN 0 0 0.0.0.0%virbr0:67 0.0.0.0:* users:(("dnsmasq",pid=8,fd=4))'), []);
    assert.deepEqual(taken('UNCONN 0 0 0.0.0.0%eth1:67 0.0.0.0:* users:(("dnsmasq",pid=8,fd=4))'), ["PXE_PORT_TAKEN"]);
    assert.deepEqual(taken('LISTEN 0 5 192.0.2.10:80 0.0.0.0:* users:(("nginx",pid=8,fd=4))', "tcp"), []);
    assert.deepEqual(taken('LISTEN 0 5 10.77.0.1:80 0.0.0.0:* users:(("nginx",pid=8,fd=4))', "tcp"), ["PXE_PORT_TAKEN"]);
    assert.deepEqual(taken("LISTEN 0 5 [::]:80 [::]:*", "tcp"), ["PXE_PORT_TAKEN"]);
    assert.deepEqual(taken("00000000:0043 812 dnsmasq", "udp-proc"), ["PXE_PORT_TAKEN"]);
    assert.deepEqual(taken("0100007F:0050 812 nginx", "tcp-proc"), []);
    assert.match(messages(report({ tcp: "LISTEN 0 5 [::]:80 [::]:*" })), /a process of another user/);
  });

  test("ports: our own agent is not in the way", () => {
    const observation = report({
      udp: 'UNCONN 0 0 0.0.0.0%eth1:67 0.0.0.0:* users:(("node",pid=55,fd=4))',
      unit: "pulumi-pxe@0123456789ab.service 55 active",
    });
    assert.deepEqual(codes(observation), []);
    assert.deepEqual(observation.units.get("0123456789ab"), { active: "active", pid: 55 });
  });

  test("a plain process needs no systemd, but unprivileged ports", () => {
    const observation = report({ init: "init", uid: "1000", user: "ops", "room-program": "1" });
    const plain = { ...options, form: "process" } as const;
    assert.deepEqual(preflight(observation, server, plain).map((item) => item.where[0]?.property), ["dhcpPort", "tftpPort", "httpPort"]);
    const high = serverSpec.parse({ interfaces: ["lo"], dhcpPort: 6767, tftpPort: 6969, httpPort: 8080 });
    assert.deepEqual(preflight(observation, high, plain), []);
  });

  test("a clock that is off by more than five minutes", () => {
    const off = (clockSkew: number): string[] => codes({ ...report(), clockSkew });
    assert.deepEqual([off(299), off(-299), off(301), off(-86_400)], [[], [], ["PXE_CLOCK"], ["PXE_CLOCK"]]);
    assert.match(messages({ ...report(), clockSkew: -86_400 }), /1440 minutes behind/);
  });

  test("a clock is read within the time that the question took", async () => {
    const lines = (clock: number): string => `pulumi-pxe-report\t1\nclock\t${String(clock)}\nend\t1\n`;
    const skew = async (by: number): Promise<number> => {
      const run = (): ReturnType<Shell["run"]> => Promise.resolve({ code: 0, stdout: lines(Math.floor(Date.now() / 1000) + by), stderr: "" });
      return (await observe({ label: "rack1", hostKey: null, run } as unknown as Shell, { udp: [], tcp: [] })).clockSkew;
    };
    assert.equal(await skew(0), 0);
    assert.ok(Math.abs((await skew(3600)) - 3600) <= 1);
    assert.ok(Math.abs((await skew(-3600)) + 3600) <= 1);
  });

  test("a file system that runs no programs", () => {
    assert.deepEqual(codes(report({ noexec: "yes" })), ["PXE_PREFLIGHT"]);
    assert.match(messages(report({ noexec: "yes" })), /\/opt\/pulumi-pxe on rack1 .* noexec/);
  });

  test("an interface without an address, or with one by DHCP where it is to serve DHCP alone", () => {
    assert.deepEqual(codes(report({ address: ["eth0 192.0.2.10/24"] })), ["PXE_NO_ADDRESS"]);
    const dynamic = report({ dynamic: "eth1" });
    assert.deepEqual(codes(dynamic), ["PXE_NO_ADDRESS"]);
    assert.deepEqual(codes(report({ dynamic: "eth0" })), []);
    assert.deepEqual(codes(dynamic, serverSpec.parse({ interfaces: ["eth1"], dhcpMode: "proxy" })), []);
    assert.deepEqual(codes(dynamic, serverSpec.parse({ interfaces: ["eth1"], allowForeignDhcp: true })), []);
  });

  test("a firewall that drops is told, unless it is managed", () => {
    const drops = report({ iptables: ["-P INPUT DROP", "-P FORWARD ACCEPT"] });
    assert.deepEqual(codes(drops), ["PXE_FIREWALL"]);
    assert.deepEqual(preflight(drops, server, { ...options, firewall: "manage" }), []);
  });

  test("a firewall that is managed no more is told to drop what was opened, and refuses nothing: it was asked for", () => {
    const findings = preflight(report({ iptables: ["-P INPUT DROP", "-P FORWARD ACCEPT"], noexec: "yes" }), server, options);
    const told = (firewall?: "check" | "manage", firewallBefore?: "check" | "manage"): string[] =>
      onlyTold(findings, { ...(firewall === undefined ? {} : { firewall }), ...(firewallBefore === undefined ? {} : { firewallBefore }) }).map((item) => item.code);
    assert.ok(findings.length > 1);
    assert.deepEqual([told("check", "manage"), told(undefined, "manage"), told("check", "check"), told("check")], [["PXE_FIREWALL"], ["PXE_FIREWALL"], [], []]);
  });

  test("B11 the port that UEFI clients of a proxy ask at is required of a proxy, and opened for every server: a subnet may be a proxy by itself", () => {
    const spec = serverSpec.parse({ interfaces: ["eth1"], pxePort: 14_011, dhcpMode: "proxy" });
    const full = serverSpec.parse({ interfaces: ["eth1"], pxePort: 14_011 });
    const drops = report({ iptables: ["-P INPUT DROP", "-A INPUT -p udp -m multiport --dports 67,69 -j ACCEPT", "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT", "-P FORWARD ACCEPT"] });
    assert.match(preflight(drops, spec, options).map((item) => item.what).join("\n"), /^iptables on rack1 drops 14011\/udp on eth1$/);
    for (const each of [spec, full]) assert.match(networkSettings(drops, each, "manage", "demo/dev")?.script ?? "", /INPUT -i eth1 -p udp -m multiport --dports 14011 /);
    const taken = report({ udp: 'UNCONN 0 0 0.0.0.0:14011 0.0.0.0:* users:(("dnsmasq",pid=812,fd=4))' });
    assert.deepEqual(preflight(taken, spec, options).map((item) => [item.code, item.where[0]?.property]), [["PXE_PORT_TAKEN", "pxePort"]]);
    for (const seen of [drops, taken]) assert.deepEqual(preflight(seen, full, options), []);
  });

  test("network settings of another owner are refused", () => {
    const theirs = report({ "network-owner": "demo/prod" });
    assert.throws(() => { refuseForeignNetwork(theirs, ["demo/dev", undefined], "rack1"); }, { code: "PXE_OWNED_BY_OTHER" });
    refuseForeignNetwork(theirs, ["demo/dev", "demo/prod"], "rack1");
    refuseForeignNetwork(report(), ["demo/dev"], "rack1");
    assert.match(networkSettings(report(), serverSpec.parse({ interfaces: ["eth1"], gateway: {} }), "check", "demo/dev")?.script ?? "", /^# owner demo\/dev$/m);
  });

  test("a report that broke off is no report", () => {
    assert.throws(() => parseReport("pulumi-pxe-report\t1\nsystem\tLinux\n", undefined, "rack1"), { code: "PXE_COMMAND_FAILED" });
  });
});

describe("versions", () => {
  test("are compared by number", () => {
    const ordered = ["0.9.10", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.10.0", "2.0.0"];
    for (const [index, left] of ordered.entries()) {
      for (const [place, right] of ordered.entries()) assert.equal(compareVersions(left, right), Math.sign(index - place), `${left} ${right}`);
    }
  });

  test("Node must be 22.13 or newer, and where the service may look", () => {
    assert.ok(usableNode({ version: "22.13.0", path: "/usr/bin/node" }));
    assert.ok(!usableNode({ version: "22.12.9", path: "/usr/bin/node" }));
    assert.ok(!usableNode({ version: "24.0.0", path: "/root/.nvm/versions/node/v24/bin/node" }));
    assert.ok(!usableNode({ version: "", path: "/usr/bin/node" }));
  });
});
