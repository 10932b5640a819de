import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { answered, lossOf, parsePerfdhcp, percentile } from "../../../bench/dhcp/perfdhcp-output";

/** As perfdhcp 2.2.0 writes it: `-r 10 -n 4 -x t`, one DISCOVER lost, and one REQUEST. */
const written = `WARNING: Currently system can run more than 1 thread in parallel.
Running: perfdhcp -4 -g single -r 10 -R 4 -n 4 -l 10.80.0.1 -b mac=52:54:30:00:00:00 -W 500000 -x t 10.79.0.1
Scenario: basic.
Multi-thread mode disabled.
***Rate statistics***
Rate: 2.5 4-way exchanges/second, expected rate: 10

***Malformed Packets***
Malformed packets: 0
***Statistics for: DISCOVER-OFFER***
sent packets: 4
received packets: 3
drops: 1
drops ratio: 25 %
orphans: 0
rejected leases: 0
non unique addresses: 0

min delay: 0.330 ms
avg delay: 0.571 ms
max delay: 1.012 ms
std deviation: 0.312 ms
collected packets: 0

***Statistics for: REQUEST-ACK***
sent packets: 3
received packets: 2
drops: 1
drops ratio: 33.3333 %
orphans: 0
rejected leases: 0
non unique addresses: 0

min delay: 1.200 ms
avg delay: 2.350 ms
max delay: 3.500 ms
std deviation: 1.150 ms
collected packets: 0

***Timestamps for packets: DISCOVER-OFFER***
sent / received: 000000.000206 / 000000.000577
sent / received: 000000.100243 / 000000.101255
sent / received: 000000.300678 / 000000.301008

***Timestamps for packets: REQUEST-ACK***
sent / received: 000000.000600 / 000000.004100
sent / received: 000000.301020 / 000000.302220

`;

describe("perfdhcp's output", () => {
  test("counts, delays in milliseconds and the rate at which it sent", () => {
    const result = parsePerfdhcp(written);
    assert.deepEqual({ sent: result.sent, offers: result.offers, acks: result.acks }, { sent: 4, offers: 3, acks: 2 });
    assert.deepEqual(result.ackDelays.map((delay) => Number(delay.toFixed(3))), [1.2, 3.5]);
    assert.equal(result.sentRate.toFixed(2), (2 / 0.300472).toFixed(2));
    assert.equal(lossOf(result), 0.5);
    assert.equal(answered(result), 2.5);
  });

  test("where nothing was answered there are no delays", () => {
    const none = written
      .replace("received packets: 3", "received packets: 0").replace("received packets: 2", "received packets: 0")
      .replace(/(\*\*\*Timestamps for packets: [A-Z-]+\*\*\*\n)(?:sent.*\n)+/g, "$1Unavailable! No packets received.\n");
    const result = parsePerfdhcp(none);
    assert.deepEqual(result.ackDelays, []);
    assert.equal(lossOf(result), 1);
    assert.ok(Number.isNaN(percentile(result.ackDelays, 0.5)));
  });

  test("what is no report is refused", () => {
    assert.throws(() => parsePerfdhcp("Failed to open socket"), /perfdhcp gave no times|perfdhcp says nothing/);
    assert.throws(() => parsePerfdhcp(written.slice(0, written.indexOf("***Timestamps"))), /no times for DISCOVER-OFFER/);
  });

  test("a percentile is the value that such a share doesn't exceed", () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    assert.deepEqual([0, 0.5, 0.99, 1].map((share) => percentile(hundred, share)), [1, 50, 99, 100]);
    assert.equal(percentile([7], 0.99), 7);
  });
});
