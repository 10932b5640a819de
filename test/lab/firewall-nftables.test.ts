import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { networkUnit } from "../../provider/deploy/layout";
import { everything, FirewallSite, nothing, outerAddress } from "../support/firewall-site";

let site: FirewallSite;
const gateway = { gateway: { nat: true } };
const routed = { ...everything, outside: outerAddress };
const settings = `the network settings ${networkUnit}`;
const conf = `#!/usr/sbin/nft -f
flush ruleset
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iif "lo" accept
    tcp dport 22 accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
}
`;

const listing = async (): Promise<string> => (await site.target.exec("nft -s list ruleset; cat /etc/nftables.conf")).stdout;

before(async () => {
  site = await FirewallSite.create("nftables");
  await site.target.writeFile("/etc/nftables.conf", conf);
  await site.target.exec("systemctl enable --now nftables");
});
after(() => site.down());

// One target's life: each test takes up where the one before it left off.
describe("a target with nftables", { concurrency: 1 }, () => {
  let pristine = "";

  test("is refused with the commands that open it; as they are told, they do; without them nothing comes through", async () => {
    pristine = await listing();
    const finding = await site.refused(gateway);
    assert.match(finding.what, /^nftables on .* drops 67\/udp, 69\/udp, 80\/tcp, what is to be routed on prov0$/);
    assert.match(finding.fix, /say the same in \/etc\/nftables\.conf/);
    assert.equal(await listing(), pristine);
    await site.obey(finding);
    await site.deploy("check", gateway);
    await site.declare();
    await site.gets(routed);
    await site.deploy("check", gateway);
    assert.deepEqual(site.lines, []);
    await site.target.exec("systemctl restart nftables");
    await site.gets(nothing);
  });

  test("managed, it lets the machine in and routes it, also after a reload and a restart of nftables; a second deployment changes nothing", async () => {
    await site.deploy("manage", gateway);
    await site.gets(routed);
    for (const command of ["systemctl restart nftables", "systemctl reload nftables"]) {
      await site.target.exec(command);
      await site.gets(routed);
    }
    assert.deepEqual(await site.edited("manage", gateway), []);
    await site.deploy("manage", gateway);
    assert.deepEqual(site.lines, []);
  });

  test("rules that are gone by hand are told, and the next deployment makes just those", async () => {
    await site.target.exec("nft -a list chain inet filter input | sed -n 's/.*udp dport.*# handle //p' | while read -r handle; do nft delete rule inet filter input handle $handle; done");
    await site.gets({ ...routed, dhcp: undefined, tftp: false });
    for (const command of ["true", "nft flush chain ip pulumi_pxe postrouting", "nft -f /etc/nftables.conf", "sysctl -qw net.ipv4.ip_forward=0", "systemctl stop nftables; systemctl start nftables; systemctl stop pulumi-pxe-network"]) {
      await site.target.exec(command);
      assert.deepEqual(await site.edited("manage", gateway), [settings], command);
      await site.deploy("manage", gateway);
      assert.deepEqual(site.lines, [`set up: ${settings}`], command);
    }
    await site.gets(routed);
  });

  test("after a power cut all is as it was", async () => {
    await site.reboot("kill");
    await site.gets(routed);
    assert.deepEqual(await site.edited("manage", gateway), []);
  });

  test("where nothing is shut a gateway alone comes and goes as well", async () => {
    await site.target.exec("systemctl stop nftables");
    await site.deploy("check", gateway);
    await site.gets(routed);
    await site.deploy("check");
    assert.deepEqual(site.lines, [`set up: no ${networkUnit}`]);
    await site.gets(everything);
    assert.equal(await site.forwards(), false);
    assert.equal((await site.target.exec("nft list ruleset")).stdout, "");
    assert.deepEqual(await site.settingsLeft(), []);
  });

  test("a removal leaves the rules as they were, and forwarding where another file wants it by then", async () => {
    await site.target.exec("systemctl start nftables");
    await site.deploy("manage", gateway);
    await site.target.writeFile("/etc/sysctl.d/90-other.conf", "net.ipv4.ip_forward=1\n");
    await site.remove();
    assert.equal(await site.forwards(), true);
    assert.equal(await listing(), pristine);
    assert.deepEqual(await site.settingsLeft(), []);
  });
});
