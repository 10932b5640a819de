import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Exchange } from "../../../provider/engine/dhcp/exchange";
import { ClientLimits } from "../../../provider/engine/dhcp/limits";
import { LeaseTable } from "../../../provider/engine/lease-table";
import { optionEntry, options } from "../../../provider/wire/dhcp";
import { serverDocument, subnetDocument } from "../../support/documents";
import { stranger, stranger2, World } from "./world";

const limits = { leasesPerRelayPort: 2, leasesPerMac: 3, newClientsPerSecond: 10, declinesPerClient: 2, poolAlert: 90 };

/** What the limits read of an exchange. */
function asks(now: number, more: { identity?: string; circuitId?: Uint8Array; host?: unknown } = {}): Exchange {
  const { identity = "mac a", circuitId, host } = more;
  return { identity, host, now, subnet: { document: subnetDocument({ limits }) }, packet: { giaddr: "10.0.0.1" }, client: { mac: "52:54:00:00:00:01", relay: { circuitId } } } as unknown as Exchange;
}

describe("limits", () => {
  test("F1 new machines of a subnet come at a rate, after a burst; a declared host is not limited", () => {
    const own = new ClientLimits(new LeaseTable());
    const given = (now: number, count: number): number => Array.from({ length: count }, () => own.newAddress(asks(now))).filter((why) => why === undefined).length;
    assert.equal(given(1000, 100), 40);
    assert.equal(given(1500, 100), 5);
    assert.equal(given(500, 100), 0, "a clock that goes back gives nothing");
    assert.equal(own.newAddress(asks(500, { host: {} })), undefined);
  });

  test("F1 one port of a relay holds so many addresses and no more, until they end", () => {
    const table = new LeaseTable();
    const own = new ClientLimits(table);
    const circuitId = Uint8Array.of(1, 2);
    for (const last of [1, 2]) {
      assert.equal(own.newAddress(asks(1000, { circuitId })), undefined);
      const lease = { address: `10.77.0.${last}`, mac: `52:54:00:00:00:0${last}`, clientId: null, owner: "a/b", subnet: "s", state: "active", expiresAt: 5000, port: "10.0.0.1 0102" } as const;
      table.apply({ type: "lease.put", lease });
    }
    assert.match(own.newAddress(asks(1000, { circuitId })) ?? "", /relay 10\.0\.0\.1 holds 2 addresses/);
    assert.equal(own.newAddress(asks(1000, { circuitId: Uint8Array.of(9) })), undefined);
    assert.equal(own.newAddress(asks(5000, { circuitId })), undefined);
  });

  test("F1 what is on offer behind a relay's port counts as held there, once", () => {
    const table = new LeaseTable();
    const own = new ClientLimits(table);
    const port = "10.0.0.1 0102";
    const circuitId = Uint8Array.of(1, 2);
    const offer = { address: "10.77.0.1", identity: "mac a", expiresAt: 5000, port };
    table.applyOffer({ type: "offer.put", offer });
    table.apply({ type: "lease.put", lease: { address: "10.77.0.1", mac: "52:54:00:00:00:09", clientId: null, owner: "a/b", subnet: "s", state: "active", expiresAt: 9000, port } });
    assert.equal(own.newAddress(asks(1000, { circuitId })), undefined, "an address whose lease is being stored");
    table.applyOffer({ type: "offer.put", offer: { ...offer, address: "10.77.0.2", identity: "mac b" } });
    assert.match(own.newAddress(asks(1000, { circuitId })) ?? "", /holds 2 addresses/);
    assert.equal(own.newAddress(asks(5000, { circuitId })), undefined, "an offer that has ended");
    table.applyOffer({ type: "offer.drop", address: "10.77.0.2" });
    assert.equal(own.newAddress(asks(1000, { circuitId })), undefined);
  });

  test("F1 a MAC that comes with ever other client identifiers holds so many addresses, and uses those that it had again", () => {
    const world = new World({ documents: [serverDocument(), subnetDocument({ limits })] });
    const id = (number: number) => [optionEntry(options.clientId, Uint8Array.of(0xff, number >> 8, number & 0xff))];
    const first = Array.from({ length: limits.leasesPerMac }, (_, index) => world.lease(stranger, id(index)));
    assert.equal(new Set(first).size, limits.leasesPerMac);
    const own = new ClientLimits(world.leases);
    assert.match(own.newAddress({ ...asks(world.now), client: { mac: stranger, relay: {} } } as unknown as Exchange) ?? "", /one machine holds 3 addresses/);
    assert.equal(own.newAddress({ ...asks(world.now), client: { mac: stranger2, relay: {} } } as unknown as Exchange), undefined);
    world.now += 3_600_001;
    assert.equal(world.lease(stranger, id(999)), first[0]);
    assert.equal(world.lease(stranger2), "10.77.0.103", "what nobody had comes first for everybody else");
  });

  test("F2 A21 a client's DECLINEs within an hour are counted, and no more memory is used than for a few thousand clients", () => {
    const own = new ClientLimits(new LeaseTable());
    const answers = [0, 1, 2, 3_600_001].map((now) => own.decline(asks(now)) === undefined);
    assert.deepEqual(answers, [true, true, false, true]);
    for (let index = 0; index < 10_000; index++) own.decline(asks(4_000_000, { identity: `mac ${index}` }));
    assert.equal(own.decline(asks(4_000_000)), undefined);
  });
});
