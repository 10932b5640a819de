import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Exchange } from "../../../provider/engine/dhcp/exchange";
import { ClientLimits } from "../../../provider/engine/dhcp/limits";
import { LeaseTable } from "../../../provider/engine/lease-table";
import { subnetDocument } from "../../support/documents";

const limits = { leasesPerRelayPort: 2, newClientsPerSecond: 10, declinesPerClient: 2, poolAlert: 90 };

/** What the limits read of an exchange. */
function asks(now: number, more: { identity?: string; circuitId?: Uint8Array; host?: unknown } = {}): Exchange {
  const { identity = "mac a", circuitId, host } = more;
  return { identity, host, now, subnet: { document: subnetDocument({ limits }) }, packet: { giaddr: "10.0.0.1" }, client: { relay: { circuitId } } } as unknown as Exchange;
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

  test("F2 A21 a client's DECLINEs within an hour are counted, and no more memory is used than for a few thousand clients", () => {
    const own = new ClientLimits(new LeaseTable());
    const answers = [0, 1, 2, 3_600_001].map((now) => own.decline(asks(now)) === undefined);
    assert.deepEqual(answers, [true, true, false, true]);
    for (let index = 0; index < 10_000; index++) own.decline(asks(4_000_000, { identity: `mac ${index}` }));
    assert.equal(own.decline(asks(4_000_000)), undefined);
  });
});
