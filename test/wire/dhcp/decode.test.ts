import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decodeDhcp, options, readOption } from "../../../provider/wire/dhcp";
import { rawMessage } from "./packets";

const isMalformed = { name: "PxeError", code: "PXE_PACKET_MALFORMED" };

describe("decodeDhcp", () => {
  test("reads the fixed fields of a packet written by hand", () => {
    const packet = decodeDhcp(rawMessage([53, 1, 1, 255], (bytes) => {
      bytes[3] = 2;
      bytes.writeUInt16BE(7, 8);
      bytes.writeUInt16BE(0x8000, 10);
      bytes.set([10, 77, 0, 9], 12);
      bytes.set([10, 77, 0, 254], 24);
      bytes.write("boot.srv", 44, "latin1");
      bytes.write("bios/pxelinux.0", 108, "latin1");
    }));
    const { chaddr, options: all, ...fixed } = packet;
    assert.deepEqual(fixed, {
      op: 1, htype: 1, hlen: 6, hops: 2, xid: 0x12345678, secs: 7, flags: 0x8000,
      ciaddr: "10.77.0.9", yiaddr: "0.0.0.0", siaddr: "0.0.0.0", giaddr: "10.77.0.254", sname: "boot.srv", file: "bios/pxelinux.0",
    });
    assert.equal(Buffer.from(chaddr).toString("hex"), "52540012345600000000000000000000");
    assert.deepEqual([...all], [[53, Uint8Array.of(1)]]);
  });

  test("A30 overloaded fields are read in the order options, file, sname, and option 52 is gone", () => {
    const packet = decodeDhcp(rawMessage([53, 1, 1, 52, 1, 3, 12, 1, 97, 255], (bytes) => {
      bytes.set([12, 1, 98, 255], 108);
      bytes.set([12, 1, 99, 15, 1, 120, 255], 44);
    }));
    assert.equal(readOption(packet.options, options.hostname), "abc");
    assert.equal(readOption(packet.options, options.domainName), "x");
    assert.equal(packet.options.has(52), false);
    assert.equal(packet.file, "");
    assert.equal(packet.sname, "");
  });

  test("A38 overloading inside an overloaded field is malformed", () => {
    const bytes = rawMessage([53, 1, 1, 52, 1, 1, 255], (all) => { all.set([52, 1, 3, 255], 108); });
    assert.throws(() => decodeDhcp(bytes), isMalformed);
  });

  test("A31 repeated options are joined in order, all of them (RFC 3396)", () => {
    const packet = decodeDhcp(rawMessage([12, 2, 97, 98, 53, 1, 1, 12, 1, 99, 61, 1, 1, 61, 1, 2, 255]));
    assert.equal(readOption(packet.options, options.hostname), "abc");
    assert.deepEqual([...(packet.options.get(61) ?? [])], [1, 2]);
  });

  test("A30 an overload that says nothing legal is passed over, and the fields are what they are without it", () => {
    for (const overload of [[52, 1, 0], [52, 1, 4], [52, 1, 255], [52, 0], [52, 2, 1, 1], [52, 1, 1, 52, 1, 1]]) {
      const packet = decodeDhcp(rawMessage([53, 1, 1, ...overload, 255], (bytes) => { bytes.write("boot/x", 108, "latin1"); }));
      assert.deepEqual([packet.file, [...packet.options.keys()]], ["boot/x", [53]], overload.join(" "));
    }
  });

  test("A31 the parts of an option are joined across fields, in the order options, file, sname", () => {
    const packet = decodeDhcp(rawMessage([53, 1, 1, 43, 2, 1, 4, 52, 1, 3, 43, 1, 10, 255], (bytes) => {
      bytes.set([43, 2, 11, 12, 255], 108);
      bytes.set([43, 1, 13], 44);
    }));
    assert.deepEqual(readOption(packet.options, options.vendorSpecific), [{ code: 1, value: Uint8Array.of(10, 11, 12, 13) }]);
  });

  test("A31 F8 a datagram of nothing but parts of one option is joined in one go", () => {
    const bytes = rawMessage(Array.from({ length: 20_000 }, () => [61, 1, 7]).flat());
    const from = process.hrtime.bigint();
    assert.equal(decodeDhcp(bytes).options.get(61)?.length, 20_000);
    assert.ok(Number(process.hrtime.bigint() - from) < 500_000_000);
  });

  test("A35 a BOOTP message: 64 bytes of vend, or fewer, and no option 53", () => {
    const whole = rawMessage([1, 4, 255, 255, 255, 0, 255, ...Array.from({ length: 53 }, () => 0)]);
    assert.equal(whole.length, 300);
    for (const bytes of [whole, whole.subarray(0, 247), whole.subarray(0, 240)]) {
      const packet = decodeDhcp(bytes);
      assert.equal(readOption(packet.options, options.messageType), undefined);
      assert.equal(readOption(packet.options, options.subnetMask), bytes.length > 240 ? "255.255.255.0" : undefined);
    }
  });

  test("A35 A38 BOOTP without the cookie is malformed: all zeros, another vendor's, none", () => {
    const blank = rawMessage(Array.from({ length: 60 }, () => 0), (bytes) => { bytes.fill(0, 236, 240); });
    const cmu = rawMessage(Array.from({ length: 60 }, () => 0), (bytes) => { bytes.write("CMU\0", 236, "latin1"); });
    for (const bytes of [blank, cmu, blank.subarray(0, 236)]) assert.throws(() => decodeDhcp(bytes), isMalformed);
  });

  test("A38 a missing END is tolerated, and PAD bytes are passed over", () => {
    const packet = decodeDhcp(rawMessage([0, 0, 53, 1, 3, 0, 50, 4, 10, 77, 0, 5]));
    assert.equal(readOption(packet.options, options.messageType), 3);
    assert.equal(readOption(packet.options, options.requestedAddress), "10.77.0.5");
  });

  test("A38 a broken option after good ones is read as far as it is good", () => {
    for (const tail of [[53, 1, 1, 12, 200, 97], [53, 1, 1, 12]]) {
      const packet = decodeDhcp(rawMessage(tail));
      assert.deepEqual([...packet.options.keys()], [53]);
    }
  });

  test("A38 too short, no cookie, a cut cookie, a wrong op and hlen over 16 are malformed", () => {
    const good = rawMessage([53, 1, 1, 255]);
    const cases: readonly Buffer[] = [
      Buffer.alloc(0),
      good.subarray(0, 235),
      good.subarray(0, 238),
      rawMessage([], (bytes) => { bytes[236] = 0; }),
      rawMessage([53, 1, 1, 255], (bytes) => { bytes[0] = 3; }),
      rawMessage([53, 1, 1, 255], (bytes) => { bytes[2] = 17; }),
    ];
    for (const bytes of cases) assert.throws(() => decodeDhcp(bytes), isMalformed);
  });

  test("A38 options of a wrong length are malformed when read, cut sub-options too", () => {
    const packet = decodeDhcp(rawMessage([53, 2, 1, 1, 50, 3, 1, 2, 3, 55, 0, 82, 3, 1, 9, 0, 255]));
    assert.throws(() => readOption(packet.options, options.messageType), isMalformed);
    assert.throws(() => readOption(packet.options, options.requestedAddress), isMalformed);
    assert.throws(() => readOption(packet.options, options.relayAgent), isMalformed);
    assert.deepEqual(readOption(packet.options, options.parameterList), []);
  });
});
