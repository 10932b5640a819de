import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { excessAlert, PacketRates, type Excess } from "../../../provider/engine/dhcp/packet-rates";
import type { InstallFacts } from "../../../provider/engine/facts";
import { DocumentView } from "../../../provider/engine/view";
import type { Document } from "../../../provider/model/documents";
import { encodeDhcp, messageTypes, type DhcpPacket } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { db1, stranger } from "./world";

const standard: readonly Document[] = [serverDocument(), profileDocument(), hostDocument({ macs: [db1] })];

const noFacts: InstallFacts = {
  id: "", owner: "", name: "", macs: [], uuids: [], state: "adopted", since: 0, reason: "", token: null, armedUntil: null, installedAt: null, consumed: [], sshHostKeys: [],
};

/** Rates with these limits, or the usual ones. */
function ratesWith(packetLimits?: object, documents: readonly Document[] = standard): PacketRates {
  const all = packetLimits === undefined ? documents : [serverDocument({ packetLimits }), ...documents.slice(1)];
  const stored = all.map((document, index) => ({ ...document, rev: index + 1 }));
  return new PacketRates(new DocumentView(stored, ({ name, owner }) => ({ ...noFacts, name, owner }), () => undefined));
}

const macOf = (index: number): string => `52:54:${index.toString(16).padStart(8, "0").replace(/(..)(?=.)/g, "$1:")}`;
const datagram = (mac: string, fields: Partial<DhcpPacket> = {}): Uint8Array => encodeDhcp(clientPacket(mac, messageTypes.discover, [], fields));

/** How many of `count` packets at one time are let through. */
function passed(rates: PacketRates, packet: Uint8Array, count: number, now: number): number {
  let through = 0;
  for (let index = 0; index < count; index++) if (rates.excess(packet, now) === undefined) through += 1;
  return through;
}

describe("packet rates", () => {
  test("F1 a machine that asks without end is heard a hundred times, then twenty times a second, and holds up nobody else", () => {
    const rates = ratesWith();
    const endless = datagram(stranger);
    assert.equal(passed(rates, endless, 10_000, 1_000_000), 100);
    assert.equal(rates.excess(endless, 1_000_000), "client");
    assert.equal(rates.excess(datagram(macOf(1)), 1_000_000), undefined);
    assert.deepEqual([1, 2, 3].map((second) => passed(rates, endless, 10_000, 1_000_000 + second * 1000)), [20, 20, 20]);
    assert.equal(passed(rates, endless, 10_000, 2_000_000), 100, "after a rest it may ask as often as at first");
  });

  test("F1 so is a declared host: no boot comes near that, and its MAC can be forged", () => {
    const rates = ratesWith();
    assert.equal(passed(rates, datagram(db1), 10_000, 1_000_000), 100);
    assert.equal(rates.excess(datagram(db1), 1_000_000), "client");
  });

  for (const [who, limit, giaddr] of [["relay", "perRelay", "10.77.0.254"], ["interface", "perInterface", "0.0.0.0"]] as const) {
    test(`F1 beyond what a whole ${who} may bring only declared hosts are heard`, () => {
      const rates = ratesWith({ [limit]: 50 });
      const results = Array.from({ length: 1000 }, (_, index) => rates.excess(datagram(macOf(index), { giaddr }), 1_000_000));
      assert.deepEqual(results.flatMap((result, index) => (result === undefined ? [index] : [])), Array.from({ length: 100 }, (_, index) => index));
      assert.equal(results.at(-1), who);
      assert.equal(rates.excess(datagram(db1, { giaddr }), 1_000_000), undefined);
      const later = Array.from({ length: 1000 }, (_, index) => rates.excess(datagram(macOf(index), { giaddr }), 1_001_000));
      assert.equal(later.filter((result) => result === undefined).length, 50);
    });
  }

  test("F1 one relay's excess leaves the others and the interface what is theirs, and so does one machine's", () => {
    const rates = ratesWith({ perRelay: 50, perInterface: 100 });
    const through = (relay: number, count: number, from: number): (Excess | undefined)[] =>
      Array.from({ length: count }, (_, index) => rates.excess(datagram(macOf(from + index), { giaddr: `10.77.${String(relay)}.1` }), 1_000_000));
    assert.equal(passed(rates, datagram(stranger, { giaddr: "10.77.1.1" }), 1000, 1_000_000), 100);
    assert.equal(through(1, 100, 0).filter((result) => result === undefined).length, 0, "the machine's hundred were the relay's");
    assert.deepEqual(new Set(through(2, 100, 1000)), new Set([undefined]));
    assert.equal(through(3, 1, 2000)[0], "interface");
  });

  test("F1 by default two thousand machines that boot at once are all heard, and 15,000 exchanges a second through one relay", () => {
    const storm = ratesWith();
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 2000; index++) assert.equal(storm.excess(datagram(macOf(index)), 1_000_000), undefined);
    }
    const load = ratesWith();
    const packets = Array.from({ length: 30_000 }, (_, index) => datagram(macOf(index), { giaddr: "10.77.0.254" }));
    for (let second = 0; second < 10; second++) {
      for (const [index, packet] of packets.entries()) assert.equal(load.excess(packet, 1_000_000 + second * 1000 + Math.floor(index / 30)), undefined);
    }
  });

  test("F1 a flood under ever other MACs doesn't set free the one that sends too much, and a clock that goes back locks nobody out", () => {
    const rates = ratesWith();
    const endless = datagram(stranger);
    passed(rates, endless, 1000, 1_000_000);
    for (let index = 0; index < 100_000; index++) rates.excess(datagram(macOf(index)), 1_000_000 + index / 100);
    assert.ok(passed(rates, endless, 1000, 1_001_000) <= 20);
    assert.equal(passed(rates, endless, 1000, 5), 100);
  });

  test("F1 property: whoever keeps to the rate is heard each time, whatever others send and the clock does", () => {
    const step = fc.record({ after: fc.nat(200), others: fc.array(fc.nat(0xffffffff), { maxLength: 40 }), jump: fc.option(fc.integer({ min: -1e9, max: 1e9 }), { freq: 20 }) });
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rates = ratesWith({ perRelay: 1_000_000, perInterface: 1_000_000 });
      const good = datagram(stranger);
      let now = 1e10;
      for (const { after, others, jump } of steps) {
        now += 50 + after + (jump ?? 0);
        assert.equal(rates.excess(good, now), undefined);
        for (const other of others) rates.excess(datagram(macOf(other)), now);
      }
    }));
  });

  test("hardware addresses of other lengths count too, each for itself; without one the interface's rate holds", () => {
    const rates = ratesWith();
    const odd = (last: number, hlen: number): Uint8Array => datagram(stranger, { hlen, chaddr: Uint8Array.of(...Array<number>(15).fill(7), last) });
    assert.deepEqual([passed(rates, odd(1, 16), 1000, 1_000_000), passed(rates, odd(2, 16), 1000, 1_000_000), passed(rates, odd(1, 0), 1000, 1_000_000)], [100, 100, 1000]);
    assert.equal(rates.excess(Uint8Array.of(1, 1, 6), 1_000_000), undefined);
    const wrong = odd(1, 16);
    wrong[2] = 255;
    assert.equal(rates.excess(wrong, 1_000_000), "client", "as if it were 16: what follows is not part of the address");
  });

  test("without a server's document nothing is limited", () => {
    assert.equal(passed(ratesWith(undefined, standard.slice(1)), datagram(stranger), 1000, 1_000_000), 1000);
  });

  test("what is told names the limit, and the first that was beyond it", () => {
    const limits = { perClient: 20, perRelay: 300, perInterface: 400 };
    const alerts = (["client", "relay", "interface"] as const).map((excess) => excessAlert(excess, datagram(stranger, { giaddr: "10.77.0.254" }), "eth1", limits));
    assert.deepEqual(alerts.map(({ mac, address, text }) => [mac, address, text]), [
      [stranger, null, "a machine sends more than 20 DHCP packets a second: the rest is dropped"],
      [stranger, "10.77.0.254", "a relay passes on more than 300 DHCP packets a second: beyond that only declared machines are answered"],
      [stranger, null, "eth1 brings more than 400 DHCP packets a second: beyond that only declared machines are answered"],
    ]);
  });
});
