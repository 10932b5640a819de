import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { withRack, type Rack, type RackShape } from "../support/rack";

/** The engine stops at the first resource that is refused: so each of these has one that breaks as many rules as it can. */
async function assertRefused(rack: Rack, shape: RackShape, expected: readonly string[]): Promise<void> {
  rack.shape(shape);
  const result = await rack.preview();
  assert.notEqual(result.status, 0, result.text);
  const text = result.text.replaceAll(/\s+/g, " ");
  for (const line of expected) assert.ok(text.includes(line), `${line}\nin ${text}`);
}

test("a preview refuses what breaks the rules across resources, all of it at once, with no server in existence", async () => {
  await withRack(async (rack) => {
    await assertRefused(rack, {
      more: `
new pxe.DhcpSubnet("bad", {
  server, cidr: "127.77.0.128/25", routers: ["127.79.0.1"],
  pools: [{ from: "127.77.0.130", to: "127.77.0.140" }, { from: "127.77.0.135", to: "127.77.0.150" }, { from: "127.77.0.220", to: "127.77.0.210" }, { from: "127.77.0.230", to: "127.78.0.1" }],
}, { dependsOn: [subnet] });`,
    }, [
      "PXE_OVERLAP: 127.77.0.128/25 and 127.77.0.0/24 overlap (subnet/bad cidr; subnet/net cidr)",
      "PXE_OVERLAP: two pools overlap (subnet/bad pools[0]; subnet/bad pools[1])",
      "PXE_INPUT_INVALID: pools[2].from is after its to (subnet/bad pools[2].from; subnet/bad pools[2].to)",
      "PXE_OUTSIDE_SUBNET: the pool reaches out of 127.77.0.128/25 (subnet/bad pools[3].to; subnet/bad cidr)",
      "PXE_OUTSIDE_SUBNET: the router 127.79.0.1 is not in 127.77.0.128/25 (subnet/bad routers[0]; subnet/bad cidr)",
    ]);
    const uuid = 'uuid: "11111111-2222-3333-4444-555555555555"';
    await assertRefused(rack, {
      hosts: [],
      more: `
const silent = new pxe.DhcpSubnet("silent", { server, cidr: "127.77.1.0/24" });
const one = new pxe.KickstartHost("one", { server, subnet, profile, macs: ["52:54:00:12:34:01", "52:54:00:12:34:02"], ip: "127.77.0.11", ${uuid} });
new pxe.KickstartHost("two", { server, subnet: silent, profile, macs: ["52:54:00:12:34:03", "52:54:00:12:34:02"], ip: "127.77.0.11", ${uuid} }, { dependsOn: [one] });`,
    }, [
      "PXE_DUPLICATE: the MAC 52:54:00:12:34:02 is used by host/two and host/one (host/two macs[1]; host/one macs[1])",
      "PXE_DUPLICATE: the UUID 11111111-2222-3333-4444-555555555555 is used by host/two and host/one (host/two uuid; host/one uuid)",
      "PXE_DUPLICATE: the address 127.77.0.11 is used by host/two and host/one (host/two ip; host/one ip)",
      "PXE_OUTSIDE_SUBNET: 127.77.0.11 is not in 127.77.1.0/24 (host/two ip; subnet/silent cidr)",
      "PXE_DNS_MISSING: a Debian installer needs a name server (subnet/silent dnsServers; host/two profile)",
    ]);
    await assertRefused(rack, {
      hosts: [], subnet: 'routers: ["127.77.0.253"],',
      more: `
new pxe.KickstartHostGroup("racked", { server, subnet, profile, hosts: {
  first: { macs: ["52:54:00:12:34:01"], ip: "127.77.0.0" }, last: { macs: ["52:54:00:12:34:02"], ip: "127.77.0.255" },
  router: { macs: ["52:54:00:12:34:03"], ip: "127.77.0.253" }, same: { macs: ["52:54:00:12:34:01"] },
} });`,
    }, [
      "PXE_OUTSIDE_SUBNET: 127.77.0.0 is the network address of 127.77.0.0/24 (host/first ip; subnet/net cidr)",
      "PXE_OUTSIDE_SUBNET: 127.77.0.255 is the broadcast address of 127.77.0.0/24 (host/last ip; subnet/net cidr)",
      "PXE_OUTSIDE_SUBNET: 127.77.0.253 is the address of a router (host/router ip; subnet/net routers[0])",
      "PXE_DUPLICATE: the MAC 52:54:00:12:34:01 is used by host/first and host/same (host/first macs[0]; host/same macs[0])",
    ]);
    await assertRefused(rack, { template: "one\n<%= vars.nothing.like.it %>\n" }, ["PXE_TEMPLATE_FAILED: debian.answer.template, line 2, for host db1:"]);
    assert.ok(!existsSync(rack.stateHome), "nothing was applied");
  });
});
