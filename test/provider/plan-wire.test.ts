import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { PulumiProject, runCommand, type CommandResult } from "../../lab/project";
import { captureLines, DhcpCapture } from "../support/dhcp-capture";
import { wire, type Namespace, type Wire } from "../support/netns";
import { ended } from "../support/rack";

const server = "10.77.0.1";
const preseed = `d-i netcfg/get_hostname string <%= host.hostname %>
d-i netcfg/get_ipaddress string <%- host.ip %>
d-i passwd/root-password-crypted password <%= preseed(secrets.root) %>
d-i preseed/early_command string <%- pxe.report("installing") %>
d-i preseed/late_command string echo <%= sh(secrets.join) %> > /target/join; <%- pxe.done() %>
`;
const kickstart = `network --hostname=<%= host.hostname %>
rootpw --iscrypted <%= ks(secrets.root) %>
%post
echo <%= sh(secrets.join) %> > /root/join
<%- pxe.done() %>
%end
`;
/** Each is one that its place has to be quoted for. */
const secrets = { root: "$6$salt$Hash/of.a.password", join: "it's \"a\" $token; rm -rf" };

interface Machine {
  readonly name: string;
  readonly mac: string;
  readonly answer: "preseed.cfg" | "ks.cfg";
  readonly source: string;
}

const machines = {
  debian: { name: "db1", mac: "52:54:00:12:34:01", answer: "preseed.cfg", source: 'profile: debian, ip: "10.77.0.11"' },
  rocky: { name: "web1", mac: "52:54:00:12:34:02", answer: "ks.cfg", source: 'profile: rocky, ip: "10.77.0.12", hostname: "web"' },
  leased: { name: "db2", mac: "52:54:00:12:34:03", answer: "preseed.cfg", source: "profile: debian" },
  settled: { name: "old", mac: "52:54:00:12:34:04", answer: "preseed.cfg", source: 'profile: debian, ip: "10.77.0.14", install: "never"' },
} as const satisfies Record<string, Machine>;

const program = `
const server = new pxe.PxeServer("rack1", { target: "local", interfaces: ["eth1"] });
const subnet = new pxe.DhcpSubnet("net", {
  server, cidr: "10.77.0.0/24", pools: [{ from: "10.77.0.100", to: "10.77.0.109" }], routers: ["10.77.0.254"],
  dnsServers: ["10.77.0.253", "10.77.0.254"], domainName: "rack.example", leaseTime: "2h",
});
const debian = new pxe.BootProfile("debian", {
  server, ...pxe.distro.debian(12, { installer: ".", console: "ttyS0,115200n8" }),
  loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } }, answer: pxe.preseed({ template: ${JSON.stringify(preseed)} }),
});
const rocky = new pxe.BootProfile("rocky", {
  server, distro: { family: "rhel", release: "9", repository: "http://10.77.0.253/rocky/" }, kernel: { path: "linux" }, initrd: [{ path: "initrd.gz" }],
  loader: { bios: { program: { path: "lpxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } }, answer: pxe.kickstart({ template: ${JSON.stringify(kickstart)} }),
});
${Object.values(machines).map(({ name, mac, source }) => `new pxe.KickstartHost("${name}", { server, subnet, macs: ["${mac}"], secrets: ${JSON.stringify(secrets)}, ${source} });`).join("\n")}
`;
const installerFiles = ["linux", "initrd.gz", "pxelinux.0", "lpxelinux.0", "ldlinux.c32"];

/** A project whose target is a machine on the wire: the server's namespace. */
class Site {
  readonly project = new PulumiProject();
  private readonly plans = join(this.project.folder, "plan");

  constructor(t: TestContext, readonly wire: Wire) {
    t.after(() => { this.project.close(); });
    for (const file of installerFiles) this.project.file(file, `stands in for ${file}\n`);
    this.project.program(program);
  }

  pulumi(...args: string[]): Promise<CommandResult> {
    const env = { ...this.project.env, PXE_PLAN_DIR: this.plans };
    return runCommand("ip", ["netns", "exec", this.wire.server.name, "pulumi", ...args, "--non-interactive", "--color", "never"], this.project.folder, env);
  }

  planned(machine: Machine, file: string): string {
    return readFileSync(join(this.plans, "rack1", machine.name, file), "utf8");
  }

  hasPlan(machine: Machine): boolean {
    return existsSync(join(this.plans, "rack1", machine.name, "plan.json"));
  }
}

/** One machine's network card, with programs that nobody here wrote. */
class Client {
  address = "";

  constructor(private readonly on: Namespace, private readonly capture: DhcpCapture, private readonly folder: string, readonly machine: Machine) {}

  /** What the server answers its boot ROM, as lines. */
  async lease(): Promise<string> {
    const { mac } = this.machine;
    await this.on.ip("address", "flush", "dev", "eth0");
    await this.on.ip("link", "set", "eth0", "address", mac);
    const script = join(this.folder, "udhcpc.sh");
    const rom = ["-V", "PXEClient:Arch:00000:UNDI:002001", "-x", "0x5d:0000"];
    await this.run("udhcpc", ["-i", "eth0", "-f", "-q", "-n", "-t", "4", "-T", "1", "-A", "1", "-s", script, ...rom]);
    const reply = await this.capture.ack(mac);
    this.address = reply.yiaddr;
    await this.on.ip("address", "add", `${this.address}/24`, "dev", "eth0");
    return captureLines(reply, 24);
  }

  /** PXELINUX's configuration, asked for by the name that PXELINUX uses, with two clients. */
  async configuration(): Promise<string> {
    const path = `bios/pxelinux.cfg/01-${this.machine.mac.replaceAll(":", "-")}`;
    const [one, two] = [join(this.folder, "curl.out"), join(this.folder, `atftp-${this.machine.name}-${String(Date.now())}.out`)];
    await this.run("curl", ["-sS", "--noproxy", "*", "-o", one, `tftp://${server}/${path}`]);
    await this.run("atftp", ["--get", "-r", path, "-l", two, server]);
    assert.deepEqual(readFileSync(two), readFileSync(one));
    return readFileSync(one, "utf8");
  }

  async get(path: string): Promise<string> {
    return this.run("curl", ["-sS", "-f", "--noproxy", "*", `http://${server}${path}`]);
  }

  async post(path: string, body: string): Promise<string> {
    return this.run("curl", ["-sS", "-f", "--noproxy", "*", "--data-binary", body, `http://${server}${path}`]);
  }

  /** The plan's text with its placeholders filled by this test's own hand. */
  filled(text: string, token: string): string {
    const known: Record<string, string> = {
      server, token, address: this.address,
      "secret:root|preseed": secrets.root, "secret:root|ks": `"${secrets.root}"`, "secret:join|sh": `'${secrets.join.replaceAll("'", String.raw`'\''`)}'`,
    };
    for (const file of installerFiles) known[`asset:${file}`] = `/a/${createHash("sha256").update(`stands in for ${file}\n`).digest("hex")}/${file}`;
    return text.replaceAll(/‹([^›]*)›/gu, (whole, name: string) => known[name] ?? `(unknown ${whole})`);
  }

  private async run(command: string, args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.on.run(command, args, { timeoutMs: 30_000 });
    assert.equal(code, 0, `${command} ${args.join(" ")}: ${stderr}`);
    return stdout.toString("utf8");
  }
}

/** Fetches all that an installing machine does, then says that it is done. */
async function installs(site: Site, client: Client): Promise<void> {
  const { machine } = client;
  const same = (fetched: string, file: string, token: string): void => {
    assert.equal(fetched, client.filled(site.planned(machine, file), token), `${machine.name} ${file}`);
  };
  const lease = await client.lease();
  same(lease, "dhcp.txt", "");
  const install = await client.configuration();
  const token = /\/answer\/([\w-]+)\//.exec(install)?.[1] ?? "";
  assert.notEqual(token, "", install);
  same(install, "bios/pxelinux.cfg", token);
  same(await client.get(`/answer/${token}/${machine.answer}`), machine.answer, token);
  await client.post(`/done/${token}`, "");
  same(await client.lease(), "dhcp.txt", "");
  same(await client.configuration(), "bios/pxelinux.local.cfg", "");
}

test("what a first preview shows is what machines fetch: DHCP answer, loader configurations, preseed, kickstart", async (t) => {
  const site = new Site(t, await wire(t, machines.debian.mac));
  ended(await site.pulumi("preview", "--diff"));
  assert.ok(Object.values(machines).every((machine) => site.hasPlan(machine)));
  const plans = Object.values(machines).flatMap((machine) => ["dhcp.txt", "bios/pxelinux.cfg", machine.answer].map((file) => site.planned(machine, file)));
  assert.ok(!plans.some((text) => text.includes(secrets.root) || text.includes(secrets.join)), "a plan holds a secret");
  ended(await runCommand("cp", ["-a", join(site.project.folder, "plan"), join(site.project.folder, "first")], "/", process.env));
  ended(await site.pulumi("up", "--yes", "--skip-preview"));
  ended(await runCommand("diff", ["-r", "first", "plan"], site.project.folder, process.env));

  const { client: station } = site.wire;
  const folder = site.project.folder;
  chmodSync(site.project.file("udhcpc.sh", "#!/bin/sh\nexit 0\n"), 0o755);
  const capture = await DhcpCapture.start(t, station, "eth0", join(folder, "replies.pcap"));
  const clientOf = (machine: Machine): Client => new Client(station, capture, folder, machine);

  for (const machine of [machines.debian, machines.rocky, machines.leased]) await installs(site, clientOf(machine));
  const settled = clientOf(machines.settled);
  assert.equal(await settled.lease(), settled.filled(site.planned(machines.settled, "dhcp.txt"), ""));
  assert.equal(await settled.configuration(), settled.filled(site.planned(machines.settled, "bios/pxelinux.local.cfg"), ""));
});
