import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { Document } from "../../provider/model/documents";
import { dhclient } from "../support/dhcp-clients";
import { DhcpLab, labProfile } from "../support/dhcp-lab";
import { hostDocument, serverDocument, subnetDocument } from "../support/documents";
import { eventually } from "../support/eventually";

const db1 = "52:54:00:12:34:56";
const stranger = (last: number) => `52:54:00:aa:00:0${String(last)}`;
const one = (third: number, spec: Parameters<typeof subnetDocument>[0] = {}) =>
  subnetDocument({ cidr: `10.${String(third)}.0.0/24`, pools: [{ from: `10.${String(third)}.0.100`, to: `10.${String(third)}.0.100` }], routers: [`10.${String(third)}.0.254`], dnsServers: ["10.77.0.254"], ...spec }, `net${String(third)}`);

/** A lab whose interface has an address in 10.78.0.0/24 as well. */
async function shared(t: TestContext, ...documents: readonly Document[]): Promise<DhcpLab> {
  const lab = await DhcpLab.create(t, stranger(1), [serverDocument()]);
  await lab.server.ip("address", "add", "10.78.0.1/24", "dev", "eth1");
  await lab.serves({ eth1: ["10.77.0.1", "10.78.0.1"] });
  await lab.apply(documents);
  return lab;
}

/** What a machine of this MAC gets: address, server, router, mask. */
async function got(lab: DhcpLab, mac: string, ...more: readonly string[]): Promise<readonly string[]> {
  await lab.client.ip("link", "set", "eth0", "address", mac);
  const { said, told } = await lab.udhcpc(lab.client, ...more);
  if (said.includes("no lease")) return [];
  return ["ip", "serverid", "router", "subnet"].map((name) => new RegExp(`^${name}=(.*)$`, "m").exec(told)?.[1] ?? "");
}

const on77 = ["10.77.0.100", "10.77.0.1", "10.77.0.254", "255.255.255.0"];
const on78 = ["10.78.0.100", "10.78.0.1", "10.78.0.254", "255.255.255.0"];

describe("several subnets on one interface", { concurrency: 2 }, () => {
  test("A15 A16 A20 A33 a machine gets its reservation wherever it is, any other an address of the first subnet that has one, by that subnet's own address; when all are full it is told", async (t) => {
    const lab = await shared(t, one(77), one(78), labProfile, hostDocument({ macs: [db1], ip: "10.78.0.11", subnet: "net78" }));
    assert.deepEqual(await got(lab, db1), ["10.78.0.11", ...on78.slice(1)]);
    assert.deepEqual(await got(lab, stranger(1)), on77);
    assert.deepEqual(await got(lab, stranger(2)), on78);
    assert.deepEqual(await got(lab, stranger(3), "-t", "2"), []);
    await lab.told(/no address is left in net77 for 52:54:00:aa:00:03/);
    // Each keeps what it has, whatever it asks for.
    assert.deepEqual(await got(lab, stranger(2), "-r", "10.77.0.100"), on78);
    assert.deepEqual(await got(lab, stranger(1), "-r", "10.78.0.100"), on77);
  });

  test("A33 option 118 chooses the subnet where the server allows it, and comes back", async (t) => {
    const lab = await shared(t, one(77), one(78));
    const run = async (): Promise<string> => {
      const { script, told } = lab.script();
      const client = dhclient(lab, script, { config: ["send subnet-selection 10.78.0.0;", "request subnet-mask, routers, subnet-selection;"] });
      await client.line((line) => line.startsWith("bound to "));
      await eventually(() => Promise.resolve(told().includes("\nnew_ip_address=")), told);
      await client.kill();
      return told();
    };
    const before = await run();
    assert.match(before, /\nnew_ip_address=10\.77\.0\.100\n/);
    assert.doesNotMatch(before, /new_subnet_selection/);
    await lab.apply([serverDocument({ subnetSelection: true })]);
    const after = await run();
    for (const line of ["new_ip_address=10.78.0.100", "new_subnet_selection=10.78.0.0", "new_routers=10.78.0.254"]) assert.ok(after.includes(`\n${line}\n`), after);
  });
});
