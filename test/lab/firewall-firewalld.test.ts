import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { networkUnit } from "../../provider/deploy/layout";
import { everything, FirewallSite, nothing, outerAddress } from "../support/firewall-site";

let site: FirewallSite;
const gateway = { gateway: { nat: true } };
const routed = { ...everything, outside: outerAddress };
const settings = `the network settings ${networkUnit}`;

/** What firewalld will say after a restart, and what it has made of what it says now. */
const listing = async (): Promise<string> => (await site.target.exec("firewall-cmd --permanent --list-all-zones; ls /etc/firewalld/policies; nft -s list ruleset")).stdout;

before(async () => {
  site = await FirewallSite.create("firewalld");
  await site.target.exec("systemctl enable --now firewalld");
});
after(() => site.down());

// One target's life: each test takes up where the one before it left off.
describe("a target with firewalld", { concurrency: 1 }, () => {
  let pristine = "";

  test("is refused with the commands that open it; as they are told, they do; without them nothing comes through", async () => {
    pristine = await listing();
    const finding = await site.refused(gateway);
    assert.match(finding.what, /^firewalld on .* drops 67\/udp, 69\/udp, 80\/tcp, what is to be routed on prov0$/);
    assert.equal(await listing(), pristine);
    await site.obey(finding);
    await site.deploy("check", gateway);
    await site.declare();
    await site.gets(routed);
    await site.deploy("check", gateway);
    assert.deepEqual(site.lines, []);
    const ports = "--remove-port=67/udp --remove-port=69/udp --remove-port=80/tcp";
    await site.target.exec(`firewall-cmd --permanent ${ports}; firewall-cmd --permanent --delete-policy=pxe-gateway; firewall-cmd --reload; rm /etc/firewalld/policies/*`);
    assert.match(await listing(), /ports: \n/);
    await site.gets(nothing);
  });

  test("managed, it lets the machine in and routes it, also after a reload and a restart of firewalld; a second deployment changes nothing", async () => {
    await site.deploy("manage", gateway);
    await site.gets(routed);
    for (const command of ["firewall-cmd --reload", "systemctl restart firewalld"]) {
      await site.target.exec(command);
      await site.gets(routed);
    }
    assert.deepEqual(await site.edited("manage", gateway), []);
    await site.deploy("manage", gateway);
    assert.deepEqual(site.lines, []);
  });

  test("what is shut by hand is told, and the next deployment opens just that", async () => {
    for (const [command, left] of [
      ["firewall-cmd --remove-port=69/udp", { ...routed, tftp: false }],
      ["rm /etc/firewalld/policies/pulumi-pxe.xml; firewall-cmd --reload", everything],
    ] as const) {
      await site.target.exec(command);
      await site.gets(left);
      assert.deepEqual(await site.edited("manage", gateway), [settings]);
      await site.deploy("manage", gateway);
      assert.deepEqual(site.lines, [`set up: ${settings}`]);
    }
  });

  test("after a restart of the target all is as it was", async () => {
    await site.reboot("poweroff");
    await site.gets(routed);
    assert.deepEqual(await site.edited("manage", gateway), []);
  });

  test("while firewalld is stopped addresses are translated all the same; a removal then takes back what firewalld has kept", async () => {
    await site.target.exec("systemctl stop firewalld");
    await site.gets(routed);
    await site.remove();
    assert.equal(await site.forwards(), false);
    await site.target.exec("systemctl start firewalld");
    assert.equal(await listing(), pristine);
    assert.deepEqual(await site.settingsLeft(), []);
  });
});
