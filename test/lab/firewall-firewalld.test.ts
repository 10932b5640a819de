import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { networkUnit } from "../../provider/deploy/layout";
import { everything, FirewallSite, nothing, outerAddress } from "../support/firewall-site";

let site: FirewallSite;
const gateway = { gateway: { nat: true } };
const routed = { ...everything, outside: outerAddress };
const settings = `the network settings ${networkUnit}`;

/** What firewalld says, now and after a restart, and what it has made of it. */
const listing = async (): Promise<string> =>
  (await site.target.exec("for when in '' --permanent; do firewall-cmd $when --list-all-zones; firewall-cmd $when --list-all-policies; done; firewall-cmd --direct --get-all-rules; nft -s list ruleset")).stdout;

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
    const finding = await site.refused();
    assert.match(finding.what, /^firewalld on .* drops 67\/udp, 69\/udp, 80\/tcp on prov0$/);
    assert.equal(await listing(), pristine);
    await site.obey(finding);
    await site.deploy("check");
    await site.declare();
    await site.gets(everything);
    await site.target.exec("firewall-cmd --reload");
    await site.gets(everything);
    assert.deepEqual(await site.edited("check"), []);
    const ports = "--remove-port=67/udp --remove-port=69/udp --remove-port=80/tcp";
    await site.target.exec(`firewall-cmd --permanent ${ports}; firewall-cmd ${ports}`);
    assert.equal(await listing(), pristine);
    await site.gets(nothing);
  });

  test("managed, it lets the machine in, also after a reload and a restart of firewalld; a second deployment changes nothing", async () => {
    await site.deploy("manage");
    await site.gets(everything);
    for (const command of ["firewall-cmd --reload", "systemctl reload firewalld", "systemctl restart firewalld"]) {
      await site.target.exec(command);
      await site.gets(everything);
    }
    assert.deepEqual(await site.edited("manage"), []);
    await site.deploy("manage");
    assert.deepEqual(site.lines, []);
  });

  test("a port that is shut by hand is told, and the next deployment opens just that", async () => {
    await site.target.exec("firewall-cmd --remove-port=69/udp; firewall-cmd --permanent --remove-port=69/udp");
    await site.gets({ ...everything, tftp: false });
    assert.deepEqual(await site.edited("manage"), [settings]);
    await site.deploy("manage");
    assert.deepEqual(site.lines, [`set up: ${settings}`]);
    await site.gets(everything);
  });

  test("it routes the machine to the outside under its own address, and after a restart of the target", async () => {
    await site.deploy("manage", gateway);
    await site.gets(routed);
    await site.reboot("poweroff");
    await site.gets(routed);
    assert.deepEqual(await site.edited("manage", gateway), []);
    await site.target.exec("systemctl restart firewalld");
    await site.gets(routed);
    await site.target.exec("firewall-cmd --permanent --delete-policy=pulumi-pxe; firewall-cmd --reload");
    await site.gets(everything);
    assert.deepEqual(await site.edited("manage", gateway), [settings]);
    await site.deploy("manage", gateway);
    assert.deepEqual(site.lines, [`set up: ${settings}`]);
    await site.gets(routed);
  });

  test("while firewalld is stopped addresses are translated all the same; a removal then takes back what it has kept", async () => {
    await site.target.exec("systemctl stop firewalld");
    await site.gets(routed);
    await site.remove();
    assert.equal(await site.forwards(), false);
    await site.target.exec("systemctl start firewalld");
    assert.equal(await listing(), pristine);
    assert.deepEqual(await site.traces(), []);
  });
});
