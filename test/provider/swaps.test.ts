import assert from "node:assert/strict";
import { test } from "node:test";
import { asking, boot, db1, db2, ended, withRack, type Rack, type RackHost } from "../support/rack";

/** One resource after the other: a swap is then two updates, and between them both hosts claim the same. */
const oneByOne = ["--parallel", "1"];

/** Asserts that all is served as declared: a refresh and an `up` find nothing, and no machine would be installed. */
async function assertSettled(rack: Rack, resources: number, expected: Readonly<Record<string, { readonly mac: string; readonly address: string; readonly relay?: string }>>): Promise<void> {
  assert.match(ended(await rack.refresh()), new RegExp(`\\b${String(resources)} unchanged`));
  assert.deepEqual([...rack.state().values()].filter((resource) => JSON.stringify(resource).includes('"drift":')), []);
  // Together: each may hold what is the other's now, until it asks.
  await Promise.all(Object.entries(expected).map(async ([name, { mac, address, relay }]) => {
    const host = await asking(rack, (agent) => agent.host(name));
    assert.equal(host.nextBoot.action, "local", `${name}: ${JSON.stringify(host)}`);
    const served = await boot(rack, mac, relay);
    assert.deepEqual({ action: served.action, address: served.lease.address }, { action: "local", address }, name);
  }));
}

test("two hosts swap their MACs, then their addresses, and one is renamed, each serving its own in the end", async () => {
  await withRack(async (rack) => {
    const swapped: readonly RackHost[] = [{ ...db1, mac: db2.mac }, { ...db2, mac: db1.mac }];
    rack.shape({ hosts: [db1, db2] });
    ended(await rack.up(...oneByOne));
    // The other one's order to install was given to a machine that is db1 from then on: it must not be followed.
    await asking(rack, (agent) => agent.installed("db1"));

    rack.shape({ hosts: swapped });
    assert.match(ended(await rack.up(...oneByOne)), /~ 2 updated\n\s+4 unchanged/);
    await assertSettled(rack, 6, { db1: { mac: db2.mac, address: "127.77.0.11" }, db2: { mac: db1.mac, address: "127.77.0.12" } });

    rack.shape({ hosts: [{ ...swapped[0], ip: "127.77.0.12" }, { ...swapped[1], ip: "127.77.0.11" }] as readonly RackHost[] });
    assert.match(ended(await rack.up(...oneByOne)), /~ 2 updated\n\s+4 unchanged/);
    await assertSettled(rack, 6, { db1: { mac: db2.mac, address: "127.77.0.12" }, db2: { mac: db1.mac, address: "127.77.0.11" } });

    rack.shape({ hosts: [{ name: "db7", mac: db2.mac, ip: "127.77.0.12" }, { name: "db2", mac: db1.mac, ip: "127.77.0.11" }] });
    assert.match(ended(await rack.up(...oneByOne)), /\+ 1 created\n\s+- 1 deleted/);
    await assertSettled(rack, 6, { db7: { mac: db2.mac, address: "127.77.0.12" }, db2: { mac: db1.mac, address: "127.77.0.11" } });
    const documents = await asking(rack, (agent) => agent.documents());
    assert.deepEqual(documents.filter((name) => name.startsWith("host/")), ["host/db2", "host/db7"]);
  });
});

/** A second subnet, declared before the first, and a host in it. */
function second(cidr: string): string {
  return `const second = new pxe.DhcpSubnet("second", { server, cidr: "${cidr}", dnsServers: ["127.77.0.254"] });`;
}

function inSecond({ name, mac, ip }: RackHost): string {
  return `new pxe.KickstartHost("${name}", { server, subnet: second, profile, macs: ["${mac}"], ip: "${String(ip)}" });`;
}

const [lower, upper] = ["127.77.0.0/24", "127.77.1.0/24"] as const;

test("subnets change places, are joined and split again, whatever overlaps in between", async () => {
  await withRack(async (rack) => {
    const [first, other] = [{ ...db1, ip: "127.77.0.11" }, { ...db2, ip: "127.77.1.11" }];
    const below = { mac: db1.mac, address: "127.77.0.11", relay: "127.77.0.254" };
    const above = { mac: db2.mac, address: "127.77.1.11", relay: "127.77.1.254" };
    rack.shape({ hosts: [first], before: second(upper), more: inSecond(other) });
    ended(await rack.up(...oneByOne));
    for (const name of ["db1", "db2"]) await asking(rack, (agent) => agent.installed(name));

    rack.shape({ hosts: [{ ...first, ip: "127.77.1.21" }], before: second(lower), subnet: `cidr: "${upper}",`, more: inSecond({ ...other, ip: "127.77.0.21" }) });
    assert.match(ended(await rack.up(...oneByOne)), /~ 4 updated\n\s+3 unchanged/);
    await assertSettled(rack, 7, { db1: { ...below, address: "127.77.1.21", relay: "127.77.1.254" }, db2: { ...above, address: "127.77.0.21", relay: "127.77.0.254" } });

    rack.shape({ hosts: [first, other], subnet: 'cidr: "127.77.0.0/23",' });
    assert.match(ended(await rack.up(...oneByOne)), /~ 3 updated\n\s+- 1 deleted\n.*3 unchanged/);
    await assertSettled(rack, 6, { db1: below, db2: above });

    // The new one comes first, while the old one still holds the whole range.
    rack.shape({ hosts: [first], before: second(upper), subnet: `cidr: "${lower}",`, more: inSecond(other) });
    assert.match(ended(await rack.up(...oneByOne)), /\+ 1 created\n\s+~ 3 updated\n.*3 unchanged/);
    await assertSettled(rack, 7, { db1: below, db2: above });
  });
});
