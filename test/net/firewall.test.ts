import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { networkSettings } from "../../provider/deploy/network";
import { parseReport, type Observation } from "../../provider/deploy/observe";
import { preflight } from "../../provider/deploy/preflight";
import { surroundingsScript } from "../../provider/deploy/surroundings";
import { serverSpec } from "../../provider/model/documents";
import { Namespace, plug, wire } from "../support/netns";

const dropping = `table inet filter {
  chain input { type filter hook input priority filter; policy drop; ct state established,related accept; iif "lo" accept; tcp dport 22 accept; }
  chain forward { type filter hook forward priority filter; policy drop; }
}`;

async function ok(namespace: Namespace, program: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await namespace.run(program, args, { timeoutMs: 10_000 });
  assert.equal(code, 0, `${program} ${args.join(" ")}: ${stderr}`);
  return stdout.toString();
}

const rules = (namespace: Namespace): Promise<string> => ok(namespace, "nft", "list", "ruleset");
const forwarding = async (namespace: Namespace): Promise<string> => (await ok(namespace, "cat", "/proc/sys/net/ipv4/ip_forward")).trim();

/** What a deployment sees of a target, as far as a namespace can be one. */
async function seen(namespace: Namespace): Promise<Observation> {
  const report = ["interface\teth1", "address\teth1 10.77.0.1/24", "system\tLinux", "machine\tx86_64", "uid\t0", "init\tsystemd", "libc\tglibc 2.36", "room-program\t4000000", "room-data\t4000000"];
  const said = await ok(namespace, "sh", "-c", `say() { printf '%s\\t%s\\n' "$1" "$2"; }; have() { command -v "$1" >/dev/null 2>&1; }\n${surroundingsScript}\n:`);
  return parseReport([...report, said, "end\t1", ""].join("\n"), undefined, "rack1");
}

/** The settings script, with its own folder and that of systemd-networkd elsewhere. */
async function settings(t: TestContext, text: string): Promise<{ folder: string; path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "pxe-network-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "settings");
  await writeFile(path, text.replaceAll("/opt/pulumi-pxe/network", folder).replaceAll("/etc/systemd/network/", `${folder}/`), { mode: 0o755 });
  return { folder, path };
}

const listen = `import select, socket, sys
socks = []
for kind, port in ((socket.SOCK_DGRAM, 67), (socket.SOCK_DGRAM, 69), (socket.SOCK_STREAM, 80)):
    s = socket.socket(socket.AF_INET, kind); s.bind(("", port)); socks.append(s)
    if kind == socket.SOCK_STREAM: s.listen()
print("listening", flush=True)
while True:
    for s in select.select(socks, [], [])[0]:
        peer = s.accept()[1] if s.type == socket.SOCK_STREAM else s.recvfrom(99)[1]
        print("got", s.getsockname()[1], peer[0], flush=True)
`;
const send = `import socket, sys
for port in (67, 69): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (sys.argv[1], port))
s = socket.socket(); s.settimeout(float(sys.argv[2]))
try: s.connect((sys.argv[1], 80)); print("connected")
except OSError: print("refused")
`;

test("the commands of PXE_FIREWALL open just the ports, and managing opens them as well and takes all back", async (t) => {
  const { server, client } = await wire(t, "52:54:00:00:00:01");
  await client.ip("address", "add", "10.77.0.9/24", "dev", "eth0");
  await ok(server, "nft", dropping);
  const before = await rules(server);
  const spec = serverSpec.parse({ interfaces: ["eth1"], dhcpMode: "proxy" });
  const listener = server.start(t, "python3", ["-c", listen]);
  await listener.line((line) => line === "listening");
  assert.equal((await ok(client, "python3", "-c", send, "10.77.0.1", "1")).trim(), "refused");
  assert.deepEqual(listener.lines.filter((line) => line.startsWith("got")), []);

  const [finding] = preflight(await seen(server), spec, { form: "system", label: "rack1", givenNode: false });
  assert.equal(finding?.code, "PXE_FIREWALL");
  assert.match(finding.what, /nftables on rack1 drops 67\/udp, 69\/udp, 4011\/udp, 80\/tcp on eth1/);
  const lines = finding.fix.split("\n").filter((line) => line.startsWith("  "));
  await ok(server, "sh", "-ec", lines.join("\n"));
  assert.equal((await ok(client, "python3", "-c", send, "10.77.0.1", "5")).trim(), "connected");
  for (const port of [67, 69, 80]) await listener.line((line) => line === `got ${String(port)} 10.77.0.9`);
  assert.deepEqual(preflight(await seen(server), spec, { form: "system", label: "rack1", givenNode: false }), [], "what a person has opened is open");
  assert.equal(networkSettings(await seen(server), spec, "manage", "demo/dev"), undefined);

  await ok(server, "nft", "flush", "ruleset");
  await ok(server, "nft", dropping);
  const wanted = networkSettings(await seen(server), spec, "manage", "demo/dev");
  assert.equal(wanted?.isShut, true);
  const { path, folder } = await settings(t, wanted.script);
  await ok(server, "sh", path, "start");
  const once = await rules(server);
  assert.notEqual(once, before);
  await ok(server, "sh", path, "start");
  assert.equal(await rules(server), once, "twice is as once");
  const again = networkSettings(await seen(server), spec, "manage", "demo/dev");
  assert.deepEqual(again, { ...wanted, isShut: false }, "a second deployment wants the same: what is open by our own rules counts as shut");
  assert.equal((await ok(client, "python3", "-c", send, "10.77.0.1", "5")).trim(), "connected");
  await ok(server, "sh", path, "undo");
  assert.equal(await rules(server), before);
  assert.deepEqual(await readdir(folder), ["settings"]);
});

test("a gateway routes its clients by address translation, through a firewall that drops, and leaves nothing", async (t) => {
  const { server, client } = await wire(t, "52:54:00:00:00:01");
  const outside = await Namespace.create(t);
  await plug({ server, client: outside }, "52:54:00:00:00:02", "eth2", "192.0.2.1/24");
  await client.ip("address", "add", "10.77.0.9/24", "dev", "eth0");
  await client.ip("route", "add", "default", "via", "10.77.0.1");
  await outside.ip("address", "add", "192.0.2.2/24", "dev", "eth0");
  await ok(server, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward");
  await ok(server, "nft", dropping);
  const before = await rules(server);
  const listener = outside.start(t, "python3", ["-c", listen]);
  await listener.line((line) => line === "listening");

  const spec = serverSpec.parse({ interfaces: ["eth1"], gateway: { nat: true } });
  const wanted = networkSettings(await seen(server), spec, "manage", "demo/dev");
  const { path, folder } = await settings(t, wanted?.script ?? "");
  const reaches = async (limit: string): Promise<string> => (await ok(client, "python3", "-c", send, "192.0.2.2", limit)).trim();
  assert.equal(await reaches("1").catch(() => "refused"), "refused");
  await ok(server, "sh", path, "start");
  await ok(server, "sh", path, "start");
  assert.equal(await reaches("5"), "connected");
  await listener.line((line) => line === "got 80 192.0.2.1");
  await ok(server, "sh", path, "stop");
  assert.equal(await rules(server), before);
  assert.equal(await forwarding(server), "1", "a restart of the unit doesn't interrupt what is routed");
  await ok(server, "sh", path, "undo");
  assert.equal(await forwarding(server), "0");
  assert.equal(await rules(server), before);
  assert.deepEqual(await readdir(folder), ["settings"]);

  for (const [line, left] of [["IPForward=no", "0"], ["IPMasquerade=ipv4", "1"]] as const) {
    await ok(server, "sh", path, "start");
    await writeFile(join(folder, "lan.network"), `[Match]\nName=eth3\n[Network]\n${line}\n`);
    await ok(server, "sh", path, "undo");
    assert.equal(await forwarding(server), left, line);
  }
  await rm(join(folder, "lan.network"));
  await ok(server, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward");

  await ok(server, "sh", path, "start");
  await ok(server, "nft", 'table ip other { chain out { type nat hook postrouting priority 100; oifname "eth2" masquerade; }; }');
  await ok(server, "sh", path, "undo");
  assert.equal(await forwarding(server), "1", "another's address translation goes on");
  assert.doesNotMatch(await rules(server), /pulumi/);
});

test("a filter of iptables is opened in its own words, by a person or managed, for what comes in and for what is routed", async (t) => {
  const { server, client } = await wire(t, "52:54:00:00:00:01");
  const outside = await Namespace.create(t);
  await plug({ server, client: outside }, "52:54:00:00:00:02", "eth2", "192.0.2.1/24");
  await client.ip("address", "add", "10.77.0.9/24", "dev", "eth0");
  await client.ip("route", "add", "default", "via", "10.77.0.1");
  await outside.ip("address", "add", "192.0.2.2/24", "dev", "eth0");
  await server.ip("route", "add", "default", "via", "192.0.2.2");
  await ok(server, "sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward");
  const filter = ["-P INPUT DROP", "-P FORWARD DROP", "-A INPUT -i lo -j ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT", "-A FORWARD -i eth2 -o eth1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"];
  const save = async (): Promise<string> => ok(server, "iptables", "-S");
  const start = async (): Promise<string> => {
    await ok(server, "iptables", "-F");
    await ok(server, "sh", "-ec", filter.map((rule) => `iptables ${rule}`).join("\n"));
    return save();
  };
  const before = await start();
  for (const namespace of [server, outside]) {
    const listener = namespace.start(t, "python3", ["-c", listen]);
    await listener.line((line) => line === "listening");
  }
  const reaches = async (address: string, limit: string): Promise<string> => (await ok(client, "python3", "-c", send, address, limit)).trim();
  for (const address of ["10.77.0.1", "192.0.2.2"]) assert.equal(await reaches(address, "1").catch(() => "refused"), "refused");

  const spec = serverSpec.parse({ interfaces: ["eth1"], gateway: { nat: true } });
  const findings = async (): Promise<ReturnType<typeof preflight>> => preflight(await seen(server), spec, { form: "system", label: "rack1", givenNode: false });
  const [finding] = await findings();
  assert.match(finding?.what ?? "", /^iptables on rack1 drops 67\/udp, 69\/udp, 80\/tcp, what is to be routed on eth1$/);
  await ok(server, "sh", "-ec", (finding?.fix.split("\n") ?? []).filter((line) => line.startsWith("  ")).join("\n"));
  assert.deepEqual(await findings(), []);
  assert.equal(await reaches("10.77.0.1", "5"), "connected");

  assert.equal(await start(), before);
  const wanted = networkSettings(await seen(server), spec, "manage", "demo/dev");
  const { path } = await settings(t, wanted?.script ?? "");
  await ok(server, "sh", path, "start");
  const once = await save();
  await ok(server, "sh", path, "start");
  assert.equal(await save(), once, "twice is as once");
  assert.deepEqual(networkSettings(await seen(server), spec, "manage", "demo/dev"), { ...wanted, isShut: false });
  for (const address of ["10.77.0.1", "192.0.2.2"]) assert.equal(await reaches(address, "5"), "connected");
  await ok(server, "sh", path, "undo");
  assert.equal(await save(), before);
  assert.equal(await forwarding(server), "0");
});
