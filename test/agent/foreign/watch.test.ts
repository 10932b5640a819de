import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ForeignWatch } from "../../../provider/agent/foreign";
import { beginsToServe, refuseBesideForeign } from "../../../provider/agent/foreign/guard";
import { neighbourIn } from "../../../provider/agent/foreign/neighbour";
import type { Via } from "../../../provider/engine/dhcp";
import { applyRequest, type NewEvent } from "../../../provider/model/control";
import type { Document, ServerDocument, Stored, SubnetDocument } from "../../../provider/model/documents";
import { messageTypes, optionEntry, options } from "../../../provider/wire/dhcp";
import { owner, serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";

const hour = 3_600_000;

describe("F12 what is told of other DHCP servers", () => {
  function bench(): { hear: (...addresses: string[]) => Promise<void>; told: () => string[]; watch: ForeignWatch; pass: (ms: number) => void } {
    let now = hour;
    const events: NewEvent[] = [];
    const watch = new ForeignWatch({ clock: () => now, emit: (event) => events.push(event) }, () => Promise.resolve(undefined));
    const via: Via = { interface: { name: "eth1", addresses: [{ address: "10.77.0.1", prefix: 24 }] }, served: [], source: { address: "0.0.0.0", port: 68 } };
    const state = { server: { ...serverDocument(), rev: 1 } as Stored<ServerDocument>, subnets: [{ ...subnetDocument(), rev: 2 } as Stored<SubnetDocument>], hostByMac: () => undefined, hostByAddress: () => undefined, hosts: () => [] };
    return {
      watch,
      async hear(...addresses) {
        for (const address of addresses) watch.look(clientPacket("52:54:00:aa:00:01", messageTypes.request, [optionEntry(options.serverId, address)]), via, state, { address: "0.0.0.0", port: 68, family: "IPv4", size: 300 });
        await new Promise((resolve) => setImmediate(resolve));
      },
      told: () => events.map((event) => event.address ?? ""),
      pass: (ms) => { now += ms; },
    };
  }

  test("F12 once an hour each; it leaves the status when nothing was heard of it for an hour", async () => {
    const { hear, told, watch, pass } = bench();
    await hear("10.77.0.9", "10.77.0.9", "10.77.0.8");
    assert.deepEqual(told(), ["10.77.0.9", "10.77.0.8"]);
    pass(hour - 1);
    await hear("10.77.0.9");
    assert.equal(told().length, 2);
    pass(1);
    assert.deepEqual(watch.problems(), ["another DHCP server, 10.77.0.9, gives out addresses on eth1"]);
    await hear("10.77.0.9");
    assert.equal(told().length, 3);
    pass(hour);
    assert.deepEqual(watch.problems(), []);
  });

  test("F12 who makes servers up fills neither the log nor the status", async () => {
    const { hear, told, watch, pass } = bench();
    await hear(...Array.from({ length: 200 }, (_, index) => `10.77.0.${String(index + 20)}`));
    assert.deepEqual([told().length, watch.problems().length], [16, 16]);
    pass(hour);
    await hear("10.77.0.9");
    assert.deepEqual([told().length, watch.problems().length], [17, 1]);
  });

  test("a neighbour is read where its entry is complete, on the interface asked for", () => {
    const table = [
      "IP address       HW type     Flags       HW address            Mask     Device",
      "10.77.0.9        0x1         0x2         52:54:00:00:fe:01     *        eth1",
      "10.77.0.8        0x1         0x0         00:00:00:00:00:00     *        eth1",
      "10.77.0.9        0x1         0x2         52:54:00:00:fe:02     *        eth2", "",
    ].join("\n");
    assert.deepEqual([neighbourIn(table, "10.77.0.9", "eth2"), neighbourIn(table, "10.77.0.8", "eth1"), neighbourIn("", "10.77.0.9", "eth1")], ["52:54:00:00:fe:02", undefined, undefined]);
  });
});

describe("F12 when other servers are looked for", () => {
  const inet = (address: string) => [{ address, netmask: "", family: "IPv4" as const, mac: "", internal: false, cidr: `${address}/24` }];
  const machine = { eth1: inet("10.77.0.1"), eth2: inet("10.78.0.1") };
  const held = (server: ServerDocument | undefined, ...subnets: SubnetDocument[]) => ({ server: server === undefined ? undefined : { ...server, rev: 1 }, subnets: subnets.map((doc) => ({ ...doc, rev: 2 })) });
  const begins = (state: ReturnType<typeof held>, put: readonly Document[], more: object = {}): string[] => beginsToServe(applyRequest.parse({ owner, put, ...more }), state, () => machine);
  const on = (...interfaces: string[]): ServerDocument => serverDocument({ interfaces });
  const proxy = serverDocument({ interfaces: ["eth1", "eth2"], dhcpMode: "proxy" });

  test("F12 on every interface that begins to give out addresses, and on no other", () => {
    const other = subnetDocument({ cidr: "10.78.0.0/24", pools: [], routers: [], dnsServers: [] }, "other");
    assert.deepEqual(begins(held(undefined), [on("eth1", "eth2"), subnetDocument(), other]), ["eth1", "eth2"]);
    assert.deepEqual(begins(held(on("eth1"), subnetDocument(), other), [on("eth1", "eth2")]), ["eth2"]);
    assert.deepEqual(begins(held(on("eth1")), [on("eth1"), subnetDocument()]), ["eth1"]);
    assert.deepEqual(begins(held(on("eth1"), subnetDocument()), [on("eth1"), subnetDocument({ domainName: "x" })]), []);
    assert.deepEqual(begins(held(proxy), [subnetDocument()]), []);
    assert.deepEqual(begins(held(proxy), [subnetDocument({ dhcpMode: "full" })]), ["eth1"]);
    assert.deepEqual(begins(held(proxy, subnetDocument({ dhcpMode: "full" })), [subnetDocument({ dhcpMode: "full", domainName: "x" })]), []);
    assert.deepEqual(begins(held(proxy, subnetDocument({ dhcpMode: "full" }), other), [on("eth1", "eth2")]), ["eth2"]);
    assert.deepEqual(begins(held(undefined), [serverDocument({ allowForeignDhcp: true })]), []);
    assert.deepEqual(begins(held(on("eth1")), [], { delete: [{ kind: "server", name: "rack1" }] }), []);
  });

  test("F12 only where a subnet gives them out: none does before it is declared, nor one in proxy mode of its own, nor one behind a relay", () => {
    const proxied = subnetDocument({ dhcpMode: "proxy", pools: [] });
    assert.deepEqual(begins(held(undefined), [on("eth1")]), []);
    assert.deepEqual(begins(held(on("eth1")), [proxied]), []);
    assert.deepEqual(begins(held(undefined), [on("eth1", "eth2"), proxied]), []);
    assert.deepEqual(begins(held(on("eth1"), proxied), [subnetDocument()]), ["eth1"]);
    assert.deepEqual(begins(held(on("eth1")), [subnetDocument({ cidr: "10.99.0.0/24", relays: ["10.99.0.1"], pools: [], routers: [], dnsServers: [] })]), []);
  });

  test("F12 what is wrong with a batch is told before anything is asked, and a dry run asks nothing", async () => {
    const asked: string[] = [];
    const probe = (name: string): Promise<undefined> => { asked.push(name); return Promise.resolve(undefined); };
    const state = { ...held(undefined), apply: () => Promise.reject(new Error("overlaps")) };
    await assert.rejects(refuseBesideForeign(applyRequest.parse({ owner, put: [on("lo"), subnetDocument({ cidr: "127.0.0.0/24", pools: [], routers: [], dnsServers: [] })] }), state, undefined, probe), /overlaps/);
    await refuseBesideForeign(applyRequest.parse({ owner, put: [on("lo"), subnetDocument({ cidr: "127.0.0.0/24", pools: [], routers: [], dnsServers: [] })], dryRun: true }), state, undefined, probe);
    assert.deepEqual(asked, []);
  });
});
