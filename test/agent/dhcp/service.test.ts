import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { startDhcp, type DhcpContext, type DhcpService } from "../../../provider/agent/dhcp";
import type { Store } from "../../../provider/agent/store/port";
import type { LeaseWrite } from "../../../provider/engine/dhcp";
import type { Lease } from "../../../provider/engine/leases";
import type { NewEvent } from "../../../provider/model/control";
import type { Document } from "../../../provider/model/documents";
import { messageTypes } from "../../../provider/wire/dhcp";
import { brokenForLeases, dhcpContext, memoryStore } from "../../support/dhcp-context";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { RelayClient, relayAddress, typeOf } from "../../support/relay-client";
import { corpus } from "../../wire/dhcp/corpus";

const { offer, ack, nak } = messageTypes;
const one = "52:54:00:aa:00:01";
const two = "52:54:00:aa:00:02";

interface Bench {
  readonly service: DhcpService;
  readonly client: RelayClient;
  readonly context: DhcpContext;
  readonly events: NewEvent[];
}

interface Settings {
  readonly subnet?: Parameters<typeof subnetDocument>[0];
  readonly packetLimits?: object;
}

async function bench(t: TestContext, last: string, store?: Store, more: readonly Document[] = [], settings: Settings = {}): Promise<Bench> {
  const events: NewEvent[] = [];
  const subnet = subnetDocument({ cidr: "127.77.0.0/24", pools: [{ from: "127.77.0.10", to: last }], routers: [], dnsServers: [relayAddress], ...settings.subnet });
  const server = serverDocument({ interfaces: ["lo"], packetLimits: settings.packetLimits ?? {} });
  const context = await dhcpContext([server, subnet, ...more], [], store, (event) => { events.push(event); });
  const service = await startDhcp(context, { interface: { name: "lo", addresses: [{ address: "127.0.0.1", prefix: 8 }] }, port: 0 });
  t.after(() => service.close());
  const client = await RelayClient.open(service.port);
  t.after(() => client.close());
  return { service, client, context, events };
}

describe("the DHCP service", () => {
  test("a relayed client on loopback is offered and leased an address, with events", async (t) => {
    const { client, events } = await bench(t, "127.77.0.20");
    const offered = await client.discover(one);
    assert.equal(typeOf(offered), offer);
    assert.equal(offered?.yiaddr, "127.77.0.10");
    assert.equal(typeOf(await client.select(one, "127.77.0.10")), ack);
    assert.deepEqual(
      events.filter((event) => event.kind.startsWith("dhcp.")).map((event) => event.text),
      [`offered 127.77.0.10 to ${one}`, `leased 127.77.0.10 to ${one} for 3600 s`],
    );
  });

  test("A38 F8 malformed packets are counted, and the next good one is answered", async (t) => {
    const { client, service } = await bench(t, "127.77.0.20", undefined, [], { packetLimits: { perClient: 1_000_000 } });
    const malformed = corpus.filter(({ verdict }) => verdict === "codec" || verdict === "engine");
    for (const { name, bytes } of corpus) {
      client.sendRaw(bytes);
      assert.equal(typeOf(await client.discover(one)), offer, `after ${name}`);
    }
    assert.equal(service.counters.malformed, malformed.length);
  });

  test("A19 no ACK when the lease can't be stored: an alert, once", async (t) => {
    const { client, events, service } = await bench(t, "127.77.0.20", brokenForLeases(memoryStore()));
    assert.equal(typeOf(await client.discover(one)), offer);
    for (let round = 0; round < 2; round++) assert.equal(await client.select(one, "127.77.0.10", 200), undefined);
    // It would be told of an address that it can't have.
    assert.equal(await client.discover(one, 200), undefined);
    assert.equal(service.counters.unstored, 2);
    assert.deepEqual(events.filter((event) => event.kind === "alert").map((event) => event.text), [
      "leases can't be stored, so only declared hosts are answered, for their reserved addresses: database or disk is full",
    ]);
    assert.deepEqual(events.filter((event) => event.kind === "dhcp.ack"), []);
  });

  test("A16 A19 while nothing can be stored a host gets the address that its document reserves, and nobody else does", async (t) => {
    const host = hostDocument({ macs: [two], ip: "127.77.0.30" });
    const { client, service } = await bench(t, "127.77.0.20", brokenForLeases(memoryStore()), [profileDocument(), host]);
    assert.equal((await client.discover(two))?.yiaddr, "127.77.0.30");
    const given = await client.select(two, "127.77.0.30");
    assert.deepEqual([typeOf(given), given?.yiaddr], [ack, "127.77.0.30"]);
    assert.equal(typeOf(await client.select(one, "127.77.0.30")), nak);
    assert.equal(await client.select(one, "127.77.0.10", 200), undefined);
    assert.equal(service.counters.unstored, 2);
  });

  test("A16 A19 while nothing can be stored nobody is offered what no document reserves; as soon as it can, everybody is", async (t) => {
    let full = true;
    const store = memoryStore((writes) => (full && writes.some((write) => write.type === "lease.put") ? Promise.reject(new Error("disk full")) : Promise.resolve("ok")));
    const { client } = await bench(t, "127.77.0.20", store, [profileDocument(), hostDocument({ macs: [two], ip: "127.77.0.30" })]);
    const offered = await client.discover(one);
    assert.equal(await client.select(one, offered?.yiaddr ?? "", 200), undefined);
    assert.equal(await client.discover(one, 200), undefined);
    assert.equal((await client.discover(two))?.yiaddr, "127.77.0.30");
    full = false;
    assert.equal(typeOf(await client.select(two, "127.77.0.30")), ack);
    assert.equal((await client.discover(one))?.yiaddr, offered?.yiaddr);
  });

  test("A19 the ACK waits for the store, and nobody else gets the address meanwhile", async (t) => {
    const held = Promise.withResolvers<"ok">();
    const asked = Promise.withResolvers<undefined>();
    const store = memoryStore((writes) => {
      if (!writes.some((write) => write.type === "lease.put")) return Promise.resolve("ok");
      asked.resolve(undefined);
      return held.promise;
    });
    const { client } = await bench(t, "127.77.0.10", store);
    let acknowledged = false;
    const first = client.select(one, "127.77.0.10").then((packet) => {
      acknowledged = true;
      return packet;
    });
    await asked.promise;
    assert.equal(await client.discover(two, 200), undefined);
    assert.equal(typeOf(await client.select(two, "127.77.0.10")), nak);
    assert.equal(acknowledged, false);
    held.resolve("ok");
    assert.equal(typeOf(await first), ack);
    assert.equal(typeOf(await client.select(two, "127.77.0.10")), nak);
  });

  test("closing answers what is under way first", async (t) => {
    const held = Promise.withResolvers<"ok">();
    const asked = Promise.withResolvers<undefined>();
    const store = memoryStore((writes) => {
      if (!writes.some((write) => write.type === "lease.put")) return Promise.resolve("ok");
      asked.resolve(undefined);
      return held.promise;
    });
    const { client, service } = await bench(t, "127.77.0.10", store);
    const answer = client.select(one, "127.77.0.10");
    await asked.promise;
    const closed = service.close();
    held.resolve("ok");
    assert.equal(typeOf(await answer), ack);
    await closed;
  });

  test("on a conflict the decision is made again", async (t) => {
    let conflicts = 2;
    const store = memoryStore((writes) => Promise.resolve(writes.some((write) => write.type === "lease.put") && conflicts-- > 0 ? "conflict" : "ok"));
    const { client } = await bench(t, "127.77.0.10", store);
    assert.equal(typeOf(await client.select(one, "127.77.0.10")), ack);
    assert.equal(conflicts, -1);
  });

  test("A2 where another instance was first, its lease counts in the decision that is made again", async (t) => {
    const theirs: Lease = { address: "127.77.0.10", mac: two, clientId: null, owner: "lab/test", subnet: "provisioning", state: "active", expiresAt: Date.now() + 3_600_000 };
    const asked: (readonly string[])[] = [];
    const store: Store = {
      ...memoryStore((writes) => Promise.resolve(writes.some((write) => write.type === "lease.put" && write.lease.address === theirs.address) ? "conflict" : "ok")),
      leasesOf: (addresses) => { asked.push(addresses); return [theirs]; },
    };
    const { client } = await bench(t, "127.77.0.20", store);
    assert.equal((await client.discover(one))?.yiaddr, theirs.address);
    assert.equal(typeOf(await client.select(one, theirs.address)), nak);
    assert.deepEqual(asked, [[theirs.address]]);
    assert.equal((await client.discover(one))?.yiaddr, "127.77.0.11");
  });

  test("A18 an address that another decision comes to is pinged too", { skip: process.getuid?.() !== 0 }, async (t) => {
    const now = Date.now();
    const lease = (address: string, mac: string, expiresAt: number): LeaseWrite =>
      ({ type: "lease.put", lease: { address, mac, clientId: null, owner: "lab/test", subnet: "provisioning", state: "active", expiresAt } });
    const table = Promise.withResolvers<DhcpContext["leases"]>();
    let conflicts = 0;
    const store = memoryStore(async (writes) => {
      if (conflicts > 0 || !writes.some((write) => write.type === "lease.put" && write.lease.address === "127.77.0.20")) return "ok";
      conflicts += 1;
      (await table.promise).apply(lease("127.77.0.10", two, now + 3_600_000));
      return "conflict";
    });
    const { client, context, events } = await bench(t, "127.77.0.12", store, [profileDocument(), hostDocument({ ip: "127.77.0.20" })], { subnet: { probe: true } });
    const { leases } = context;
    table.resolve(leases);
    // It had one address of the pools, and holds one that has become a host's: giving that back is what is stored.
    leases.apply(lease("127.77.0.10", one, now - 1000));
    leases.apply(lease("127.77.0.20", one, now + 3_600_000));
    // All of 127.0.0.0/8 answers.
    assert.equal(await client.discover(one, 3000), undefined);
    assert.equal(conflicts, 1);
    assert.deepEqual(events.filter((event) => event.kind === "alert").map((event) => event.text), ["127.77.0.11", "127.77.0.12"].map((address) => `${address} is in use by a machine that it was not leased to`));
  });

  test("a client that asks without end is answered each time and told once; another client's first offer is told too", async (t) => {
    const { client, events } = await bench(t, "127.77.0.20");
    for (let round = 0; round < 5; round++) assert.equal(typeOf(await client.discover(one)), offer);
    assert.equal(typeOf(await client.discover(two)), offer);
    assert.deepEqual(events.filter((event) => event.kind === "dhcp.offer").map((event) => event.mac), [one, two]);
  });

  test("F1 what a machine sends beyond its rate is dropped before it is read, counted, and told once; another is answered", async (t) => {
    const { client, events, service } = await bench(t, "127.77.0.20", undefined, [], { packetLimits: { perClient: 2 } });
    const answers = await Promise.all(Array.from({ length: 30 }, () => client.discover(one, 300)));
    const answered = answers.filter((packet) => packet !== undefined).length;
    assert.ok(answered >= 10 && answered < 15, String(answered));
    assert.equal(typeOf(await client.discover(two)), offer);
    assert.equal(service.counters.limited, 30 - answered);
    const alerts = events.filter((event) => event.kind === "alert");
    assert.deepEqual(alerts.map(({ mac, text }) => [mac, text]), [[one, "a machine sends more than 2 DHCP packets a second: the rest is dropped"]]);
  });

  test("F1 a client that renews without end gets its ACK each time, and takes a dozen lines", async (t) => {
    const { client, events } = await bench(t, "127.77.0.20");
    for (let round = 0; round < 60; round++) assert.equal(typeOf(await client.select(one, "127.77.0.10")), ack);
    assert.equal(typeOf(await client.select(two, "127.77.0.11")), ack);
    const told = events.filter((event) => event.kind === "dhcp.ack").map((event) => event.mac);
    assert.ok(told.length >= 11 && told.length < 25, String(told.length));
    assert.equal(told.at(-1), two);
  });

  test("an exhausted pool is told once, not for every packet", async (t) => {
    const { client, events } = await bench(t, "127.77.0.10");
    assert.equal(typeOf(await client.select(one, "127.77.0.10")), ack);
    for (let round = 0; round < 3; round++) assert.equal(await client.discover(two, 50), undefined);
    assert.equal(typeOf(await client.discover(one)), offer);
    assert.equal(events.filter((event) => event.kind === "dhcp.exhausted").length, 1);
  });
});
