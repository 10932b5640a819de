import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import type { Document } from "../../provider/model/documents";
import { DhcpLab, labProfile } from "../support/dhcp-lab";
import { hostDocument, serverDocument, subnetDocument } from "../support/documents";
import type { StationAnswer, StationTask } from "../support/dhcp-station";
import { seedFrom } from "../support/random";
import { StationClient } from "../support/station-client";

/** Packets in a batch, which its socket holds, and batches. */
const count = 60;
const batches = Number(process.env["PXE_FUZZ_BATCHES"] ?? 40);

/** Batches until the process has what it works with; after that its memory may grow by so much, in MiB. */
const warm = 15;
const growth = 32;

const fuzzed = ["52:54:00:12:34:56", "52:54:00:aa:00:01", "52:54:00:aa:00:02"] as const;
/** The declared host that asks after each batch, and what it always gets. */
const good = { mac: "52:54:00:00:00:50", ip: "10.77.0.50" };

const place = { server: "10.77.0.1", address: "10.77.0.120", relay: "10.77.0.253", macs: fuzzed };

const heap = ["env", "NODE_OPTIONS=--max-old-space-size=96"];

/** Without limits, or most of what is sent would be dropped unread. */
const packetLimits = { perClient: 10_000_000, perRelay: 10_000_000, perInterface: 10_000_000 };
const limits = { newClientsPerSecond: 1_000_000, declinesPerClient: 1000, leasesPerRelayPort: 65_536 };

interface Way {
  readonly documents: readonly Document[];
  readonly ports: readonly number[];
  readonly kind: Extract<StationTask, { do: "ask" }>["kind"];
  readonly reply: StationAnswer["reply"];
}

const ways: Readonly<Record<string, Way>> = {
  "full DHCP": {
    documents: [serverDocument({ packetLimits, subnetSelection: true }), subnetDocument({ limits, bootFile: "efi/boot.efi" })], ports: [67],
    kind: "discover", reply: { type: "offer", yiaddr: good.ip, file: "efi/boot.efi" },
  },
  BOOTP: {
    documents: [serverDocument({ packetLimits, allowForeignDhcp: true }), subnetDocument({ limits, dynamicBootp: true, bootFile: "efi/boot.efi" })], ports: [67],
    kind: "bootp", reply: { type: "bootp", yiaddr: good.ip, file: "efi/boot.efi" },
  },
  "a proxy on port 67": {
    documents: [serverDocument({ packetLimits, dhcpMode: "proxy" }), subnetDocument({ limits, pools: [], bootFile: "boot.0" })], ports: [67],
    kind: "proxy", reply: { type: "offer", yiaddr: "0.0.0.0", file: "boot.0" },
  },
  "a proxy on port 4011": {
    documents: [serverDocument({ packetLimits, dhcpMode: "proxy" }), subnetDocument({ limits, pools: [], bootFile: "efi/boot.efi" })], ports: [4011, 67],
    kind: "service", reply: { type: "ack", yiaddr: "0.0.0.0", file: "efi/boot.efi" },
  },
};

async function labFor(t: TestContext, documents: readonly Document[]): Promise<DhcpLab> {
  const lab = await DhcpLab.create(t, fuzzed[1], documents, heap);
  await lab.client.ip("address", "add", `${place.relay}/24`, "dev", "eth0");
  await lab.client.ip("route", "add", "default", "via", place.server);
  const hosts = [hostDocument({ macs: [good.mac], ip: good.ip }, "good"), hostDocument({ macs: [fuzzed[0]], ip: "10.77.0.11" })];
  await lab.apply([labProfile, ...hosts], [], ["good"]);
  return lab;
}

/** Nothing that clients sent may have gone wrong inside. */
function assertQuiet(lab: DhcpLab): void {
  for (const { level, msg, event } of lab.log()) {
    assert.ok(level < 50, msg);
    assert.ok(event !== "alert" || !/^(?:DHCP on|PXE service on)/.test(msg), msg);
  }
}

describe("the running agent under fuzz", () => {
  for (const [name, { documents, ports, kind, reply }] of Object.entries(ways)) {
    test(`A38 F8 ${name}: after each batch of malformed and changed packets a good one is answered, by the same process, with no more memory`, async (t) => {
      const seed = seedFrom("PXE_FUZZ_SEED");
      const lab = await labFor(t, documents);
      const station = await StationClient.start(t, lab.client);
      const pid = lab.pid();
      let before = 0;
      for (let batch = 0; batch < batches; batch++) {
        const task = { do: "fuzz", place, port: ports[batch % ports.length] ?? 67, seed: seed + batch, count, corpus: batch === 0 } as const;
        try {
          await station.work(task);
          const { reply: answer } = await station.work({ do: "ask", kind, mac: good.mac, place });
          assert.deepEqual(answer, reply);
          assert.equal(lab.pid(), pid);
        } catch (error) {
          throw new Error(`after batch ${String(batch)}; again with PXE_FUZZ_SEED=${String(seed)}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
        if (batch === warm) before = lab.memory();
      }
      const after = lab.memory();
      const packets = (await lab.status()).interfaces[0]?.packets;
      t.diagnostic(`${JSON.stringify(packets)}; ${before.toFixed(0)} MiB after ${String(warm)} batches, ${after.toFixed(0)} at the end`);
      assert.ok(after - before < growth, `seed ${String(seed)}: memory grew from ${String(before)} to ${String(after)} MiB`);
      assertQuiet(lab);
      if (ports[0] === 67) assert.ok((packets?.malformed ?? 0) > 0 && (packets?.received ?? 0) > batches * count * 0.9, JSON.stringify(packets));
    });
  }
});
