import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { networkUnit } from "../../provider/deploy/layout";
import { everything, FirewallSite, nothing, outerAddress } from "../support/firewall-site";

let site: FirewallSite;
const gateway = { gateway: { nat: true } };
const routed = { ...everything, outside: outerAddress };
const settings = `the network settings ${networkUnit}`;

/** What ufw says, what it keeps, and what it has made of it. */
const listing = async (): Promise<string> => (await site.target.exec("ufw status verbose; cat /etc/ufw/user.rules /etc/ufw/user6.rules; nft -s list ruleset")).stdout;

before(async () => {
  site = await FirewallSite.create("ufw");
  await site.target.exec("ufw allow 22/tcp; ufw --force enable; systemctl enable --now ufw");
});
after(() => site.down());

// One target's life: each test takes up where the one before it left off.
describe("a target with ufw", { concurrency: 1 }, () => {
  let pristine = "";

  test("is refused with the commands that open it; as they are told, they do; without them nothing comes through", async () => {
    pristine = await listing();
    const finding = await site.refused(gateway);
    assert.match(finding.what, /^ufw on .* drops 67\/udp, 69\/udp, 80\/tcp, what is to be routed on prov0$/);
    assert.equal(await listing(), pristine);
    await site.obey(finding);
    await site.deploy("check", gateway);
    await site.declare();
    await site.gets(routed);
    await site.deploy("check", gateway);
    assert.deepEqual(site.lines, []);
    await site.target.exec("ufw --force delete allow in on prov0 to any port 67,69 proto udp; ufw --force delete allow in on prov0 to any port 80 proto tcp; ufw --force route delete allow in on prov0");
    await site.gets(nothing);
  });

  test("managed, it lets the machine in and routes it, also after a reload and a restart of ufw; a second deployment changes nothing", async () => {
    await site.deploy("manage", gateway);
    await site.gets(routed);
    for (const command of ["ufw reload", "systemctl restart ufw"]) {
      await site.target.exec(command);
      await site.gets(routed);
    }
    assert.deepEqual(await site.edited("manage", gateway), []);
    await site.deploy("manage", gateway);
    assert.deepEqual(site.lines, []);
  });

  test("a rule that is deleted by hand is told, and the next deployment makes just that", async () => {
    for (const [rule, left] of [["allow in on prov0 to any port 67,69,4011 proto udp", { ...routed, dhcp: undefined, tftp: false }], ["route allow in on prov0", everything]] as const) {
      await site.target.exec(`ufw --force ${rule.replace("allow", "delete allow")}`);
      await site.gets(left);
      assert.deepEqual(await site.edited("manage", gateway), [settings]);
      await site.deploy("manage", gateway);
      assert.deepEqual(site.lines, [`set up: ${settings}`]);
    }
  });

  test("after a power cut all is as it was", async () => {
    await site.reboot("kill");
    await site.gets(routed);
    assert.deepEqual(await site.edited("manage", gateway), []);
  });

  test("a removal leaves ufw as it was, and forwarding where ufw's own settings want it by then", async () => {
    await site.target.exec("echo net/ipv4/ip_forward=1 >>/etc/ufw/sysctl.conf");
    await site.remove();
    assert.equal(await site.forwards(), true);
    // ufw tells what it routes only while the target does.
    await site.target.exec("sysctl -qw net.ipv4.ip_forward=0");
    assert.equal(await listing(), pristine);
    assert.deepEqual(await site.settingsLeft(), []);
  });
});
