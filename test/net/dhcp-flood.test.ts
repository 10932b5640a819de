import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { SubnetDocument } from "../../provider/model/documents";
import { DhcpLab, labProfile } from "../support/dhcp-lab";
import { hostDocument, serverDocument, subnetDocument } from "../support/documents";
import { StationClient } from "../support/station-client";

/** The MAC of the namespace's interface, for udhcpc. */
const declared = { mac: "52:54:00:12:34:56", ip: "10.77.0.11" };

const place = { server: "10.77.0.1", address: "10.77.0.120", relay: "10.77.0.253", macs: [declared.mac] };

/** An agent that would not live through a flood that its memory grows with. */
const heap = ["env", "NODE_OPTIONS=--max-old-space-size=64"];

/** A flood's length and how much more memory it may take, in MiB. */
const milliseconds = 8000;
const growth = 48;

interface Flooded {
  readonly lab: DhcpLab;
  readonly station: StationClient;
}

async function flooded(t: TestContext, subnet: SubnetDocument, perClient = 20): Promise<Flooded> {
  // Nobody else is on the wire: there is nothing to look for.
  const lab = await DhcpLab.create(t, declared.mac, [serverDocument({ allowForeignDhcp: true, packetLimits: { perClient } }), subnet], heap);
  await lab.client.ip("address", "add", `${place.relay}/24`, "dev", "eth0");
  await lab.apply([labProfile, hostDocument({ macs: [declared.mac], ip: declared.ip })]);
  return { lab, station: await StationClient.start(t, lab.client) };
}

/** Lines of the log by their event. */
function told(lab: DhcpLab, event: string): number {
  return lab.log().filter((line) => line.event === event).length;
}

describe("floods", () => {
  test("F1 A20 machines under ever other MACs take the whole pool and go on asking: a declared host is served all the while, memory and log are bounded", async (t) => {
    const { lab, station } = await flooded(t, subnetDocument());
    const pid = lab.pid();
    await station.work({ do: "flood", place, milliseconds: 1000, macs: 10_000_000, declines: false });
    const before = lab.memory();
    const flood = station.work({ do: "flood", place, milliseconds, macs: 10_000_000, declines: false });
    // A client of its own, on the same wire, that asks five times at most.
    for (let round = 0; round < 3; round++) assert.equal(await lab.lease(), declared.ip);
    const { sent } = await flood;
    const { packets } = (await lab.status()).interfaces[0] ?? {};
    const held = (await lab.leases()).filter(({ state }) => state === "active");
    t.diagnostic(`${String(sent)} packets sent, ${JSON.stringify(packets)}, ${before.toFixed(0)} MiB before, ${lab.memory().toFixed(0)} after`);
    assert.equal(held.length, 101, "the pool and the host");
    assert.equal(new Set(held.map(({ address }) => address)).size, 101);
    assert.equal(lab.pid(), pid);
    assert.ok(lab.memory() - before < growth, `${String(before)} MiB before, ${String(lab.memory())} after`);
    await lab.told(/^100 of the 100 addresses in the pools of provisioning are in use$/);
    assert.equal(told(lab, "dhcp.exhausted"), 1);
    assert.ok(lab.log().length < 500, String(lab.log().length));
    assert.ok(lab.log().every(({ level }) => level < 50));
  });

  test("F1 a pool that is nearly without end is taken no faster than its limit says, and what it has costs no more memory than that", async (t) => {
    const limit = 20;
    const { lab, station } = await flooded(t, subnetDocument({
      cidr: "10.77.0.0/16", pools: [{ from: "10.77.1.0", to: "10.77.254.255" }], limits: { newClientsPerSecond: limit },
    }));
    const from = Date.now();
    const before = lab.memory();
    const { sent } = await station.work({ do: "flood", place, milliseconds, macs: 10_000_000, declines: false });
    const seconds = (Date.now() - from) / 1000;
    const leases = (await lab.leases()).length;
    t.diagnostic(`${String(sent)} packets sent in ${seconds.toFixed(1)} s, ${String(leases)} leases`);
    assert.ok(leases <= limit * (4 + seconds + 1), `${String(leases)} leases in ${String(seconds)} s`);
    assert.ok(lab.memory() - before < growth, `${String(before)} MiB before, ${String(lab.memory())} after`);
    await lab.told(/^machines get no new address in provisioning: more than 20 new machines a second ask$/);
    assert.equal(await lab.lease(), declared.ip);
  });

  test("F2 A21 whoever declines all that it gets puts few addresses into quarantine, and nobody a reserved one or one that it doesn't hold", async (t) => {
    // Let to say so as often as it likes: it is the limit on DECLINEs that counts here.
    const { lab, station } = await flooded(t, subnetDocument(), 1_000_000);
    // One machine, without end; then DECLINEs of others' addresses, and of the host's under its own name.
    await station.work({ do: "flood", place, milliseconds: 3000, macs: 1, declines: true });
    const declined = async (): Promise<string[]> => (await lab.leases()).filter(({ state }) => state === "declined").map(({ address }) => address);
    const after = await declined();
    assert.ok(after.length >= 1 && after.length <= 5, after.join(", "));
    assert.equal(await lab.lease(), declared.ip);
    const everywhere = Array.from({ length: 254 }, (_, index) => `10.77.0.${String(index + 1)}`);
    await station.work({ do: "decline", place, mac: "52:54:00:66:66:66", addresses: everywhere.slice(0, 90) });
    await station.work({ do: "decline", place, mac: declared.mac, addresses: [declared.ip, ...everywhere.slice(90, 110)] });
    assert.deepEqual(await declined(), after);
    assert.equal(await lab.lease(), declared.ip);
    // Many machines, each of which declines: the host gets its address while they do.
    const flood = station.work({ do: "flood", place, milliseconds, macs: 10_000_000, declines: true });
    for (let round = 0; round < 3; round++) assert.equal(await lab.lease(), declared.ip);
    await flood;
    assert.ok((await declined()).every((address) => Number(address.split(".")[3]) >= 100), "only addresses of the pool");
    assert.ok(lab.log().every(({ level }) => level < 50));
  });
});
