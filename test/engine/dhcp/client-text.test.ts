import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { DhcpDecision } from "../../../provider/engine/dhcp";
import { PxeError } from "../../../provider/errors";
import { messageTypes, options, readOption } from "../../../provider/wire/dhcp";
import { clientPacket } from "../../wire/dhcp/packets";
import { db1, server, stranger, World } from "./world";

/** What a client may write as it likes: 12, 14, 15, 17, 43, 60, 61, 66, 67, 77, 81, 82, 97, 124, 125, 175. */
const freeOptions = [12, 14, 15, 17, 43, 60, 61, 66, 67, 77, 81, 82, 97, 124, 125, 175];

/** Escapes, line ends, turned writing, markup, paths, and bytes of all kinds. */
const nasty = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 255 }),
  fc.constantFrom("\u001b]0;x\u0007", "a\r\nOct 1 00:00:00 host pxe-agent: {\"level\":60}", "\u009b31m", "../../etc/passwd", "<script>", "%s%n", "$(reboot)", "PXEClient\u001b[2J", "PXEClient:Arch:00007:\n", "iPXE\u0000\n", "x".repeat(255))
    .map((text) => Uint8Array.from(Buffer.from(text, "latin1"))),
);

const printable = /^[ -~]*$/;

function assertClean(decision: DhcpDecision, sent: readonly Uint8Array[]): void {
  const { events, reason, reply, leases } = decision;
  const texts = [reason, ...events.flatMap((event) => [event.text, event.host ?? "", event.mac ?? "", event.address ?? ""])];
  if (reply !== undefined && readOption(reply.packet.options, options.messageType) === messageTypes.nak) texts.push(readOption(reply.packet.options, options.message) ?? "");
  for (const write of leases) if (write.type === "lease.put") texts.push(write.lease.mac, write.lease.clientId ?? "", write.lease.port ?? "");
  for (const text of texts) {
    assert.ok(printable.test(text) && text.length <= 600, JSON.stringify(text));
    // As text, not spelt in hexadecimal.
    for (const bytes of sent) {
      const own = Buffer.from(bytes).toString("latin1");
      if (own.length >= 6) assert.ok(!text.includes(own), `${JSON.stringify(text)} holds ${JSON.stringify(own)}`);
    }
  }
}

describe("what a client writes into its options", () => {
  test("F8 F9 property: appears in no event, reason, refusal or lease, whatever it asks for", () => {
    const message = fc.record({
      mac: fc.constantFrom(db1, stranger),
      type: fc.constantFrom(...[1, 3, 4, 7, 8]),
      more: fc.dictionary(fc.constantFrom(...freeOptions.map(String)), nasty, { maxKeys: 6 }),
      asked: fc.option(fc.constantFrom("10.77.0.11", "10.77.0.100", "192.168.1.1")),
      chosen: fc.boolean(),
      ciaddr: fc.constantFrom("0.0.0.0", "10.77.0.11", "10.77.0.100", "192.168.1.1"),
      giaddr: fc.constantFrom("0.0.0.0", "10.77.0.254", "172.16.0.1"),
    });
    let decided = 0;
    fc.assert(fc.property(fc.array(message, { minLength: 1, maxLength: 8 }), (messages) => {
      const world = new World();
      for (const { mac, type, more, asked, chosen, ciaddr, giaddr } of messages) {
        const entries = Object.entries(more).map(([code, value]) => [Number(code), value] as const);
        if (asked !== null) entries.push([50, Uint8Array.from(asked.split(".").map(Number))]);
        if (chosen) entries.push([54, Uint8Array.from(server.split(".").map(Number))]);
        try {
          assertClean(world.send(clientPacket(mac, type, entries, { ciaddr, giaddr })), Object.values(more));
          decided += 1;
        } catch (error) {
          if (!(error instanceof PxeError)) throw error;
          assert.equal(error.code, "PXE_PACKET_MALFORMED");
          assert.match(error.message, printable);
        }
      }
    }), { numRuns: 1500 });
    assert.ok(decided > 1000, "most of them are decided");
  });
});
