import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PxeError } from "../../../provider/errors";
import { decodeDhcp, encodeDhcp } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { goodPackets } from "../../support/good-packets";
import { mutated } from "../../support/mutations";
import { Random, seedFrom } from "../../support/random";
import { corpus } from "../../wire/dhcp/corpus";
import { db1, replyOf, stranger, stranger2, World } from "./world";

const packets = Number(process.env["PXE_FUZZ_PACKETS"] ?? 5000);

const good = goodPackets({ server: "10.77.0.1", address: "10.77.0.120", relay: "10.77.0.254", macs: [db1, stranger, stranger2] });

type Settings = { readonly server: Parameters<typeof serverDocument>[0]; readonly subnet: Parameters<typeof subnetDocument>[0] };

/** What is served: addresses, addresses for BOOTP too, and boot beside another server. */
const modes: Readonly<Record<string, Settings>> = {
  full: { server: { subnetSelection: true }, subnet: { bootFile: "http://10.77.0.1/boot.efi" } },
  bootp: { server: {}, subnet: { dynamicBootp: true, bootFile: "boot.0" } },
  proxy: { server: { dhcpMode: "proxy" }, subnet: { pools: [], bootFile: "boot.efi", options: { rootPath: "x".repeat(255) } } },
};

describe("decisions under fuzz", () => {
  for (const [mode, { server, subnet }] of Object.entries(modes)) {
    test(`A38 F8 ${mode}: any change to a good packet is refused as malformed or decided, and what is answered can be sent`, (t) => {
      const seed = seedFrom("PXE_FUZZ_SEED");
      const random = new Random(seed);
      const world = new World({ documents: [serverDocument(server), subnetDocument(subnet), profileDocument(), hostDocument({ macs: [db1] })] });
      const all = [...good, ...corpus.map(({ bytes }) => bytes)];
      let answered = 0;
      for (let index = 0; index < packets; index++) {
        const { bytes, how } = mutated(random, all);
        world.now += 50;
        try {
          const packet = decodeDhcp(bytes);
          const decision = world.send(packet);
          const replies = [decision.reply?.packet, mode === "proxy" ? world.askService(packet, "10.77.0.50").reply : undefined];
          for (const reply of replies) {
            if (reply === undefined) continue;
            answered += 1;
            assert.ok(encodeDhcp(reply).length >= 300);
          }
        } catch (error) {
          if (error instanceof PxeError && error.code === "PXE_PACKET_MALFORMED") continue;
          throw new Error(`again with PXE_FUZZ_SEED=${String(seed)}: packet ${String(index)} (${how}), ${Buffer.from(bytes).toString("hex")}`, { cause: error });
        }
      }
      t.diagnostic(`${String(answered)} of ${String(packets)} answered`);
      assert.ok(answered > packets / 20, String(answered));
      if (mode !== "proxy") assert.equal(replyOf(world.discover(db1), "offer").yiaddr, "10.77.0.11");
    });
  }
});
