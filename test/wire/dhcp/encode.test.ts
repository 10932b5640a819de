import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import fc from "fast-check";
import { decodeDhcp, encodeDhcp, optionEntry, options } from "../../../provider/wire/dhcp";
import { clientPacket } from "./packets";

/** A reader that nobody here wrote. */
const secondReader = createRequire(__filename)("dhcp/lib/protocol.js") as {
  parse(bytes: Buffer): { readonly op: number; readonly xid: number; readonly yiaddr: string; readonly siaddr: string; readonly file: string; readonly options: Readonly<Record<number, unknown>> };
};

const mac = "52:54:00:12:34:56";
const overflows = { name: "PxeError", code: "PXE_ENCODING_OVERFLOW" };

function optionBytes(bytes: Uint8Array): number[] {
  return [...bytes.subarray(240, bytes.lastIndexOf(255) + 1)];
}

describe("encodeDhcp", () => {
  test("writes the bytes that another writer would", () => {
    const bytes = encodeDhcp(clientPacket(mac, 1, [optionEntry(options.parameterList, [1, 3])], { flags: 0x8000, ciaddr: "10.77.0.9" }));
    const expected = Buffer.alloc(300);
    Buffer.from("0101060012345678000080000a4d0009", "hex").copy(expected);
    Buffer.from("525400123456", "hex").copy(expected, 28);
    Buffer.from("63825363350101" + "37020103" + "ff", "hex").copy(expected, 236);
    assert.equal(Buffer.from(bytes).toString("hex"), expected.toString("hex"));
  });

  test("A32 option 53 comes first and option 82 last, whatever the order given", () => {
    const packet = clientPacket(mac, 1);
    const mixed = new Map<number, Uint8Array>([[82, Uint8Array.of(1, 1, 9)], [12, Uint8Array.of(97)], [53, Uint8Array.of(2)], [1, Uint8Array.of(255, 0, 0, 0)]]);
    const bytes = encodeDhcp({ ...packet, options: mixed });
    assert.deepEqual(optionBytes(bytes), [53, 1, 2, 12, 1, 97, 1, 4, 255, 0, 0, 0, 82, 3, 1, 1, 9, 255]);
  });

  test("A36 a message has at least 300 bytes", () => {
    assert.equal(encodeDhcp(clientPacket(mac, 1)).length, 300);
  });

  test("A31 a value over 255 bytes is split, never cut", () => {
    const bytes = encodeDhcp(clientPacket(mac, 1, [[43, new Uint8Array(300).fill(7)]]));
    assert.deepEqual([bytes[243], bytes[244]], [43, 255]);
    assert.deepEqual([bytes[243 + 257], bytes[244 + 257]], [43, 45]);
  });

  test("A31 property: a value is in one piece as long as it fits into one, else in as few parts as can be, one behind the other, and is read whole again", () => {
    const length = fc.oneof(fc.constantFrom(0, 1, 254, 255, 256, 509, 510, 511, 765), fc.nat(900));
    fc.assert(fc.property(length, fc.nat(255), (size, first) => {
      const value = Uint8Array.from({ length: size }, (_, index) => first + index * 7);
      const bytes = encodeDhcp(clientPacket(mac, 1, [[12, Uint8Array.of(97)], [43, value], [15, Uint8Array.of(98)]]));
      const read: number[][] = [];
      for (let at = 240; bytes[at] !== 255; at += 2 + (bytes[at + 1] ?? 0)) read.push([bytes[at] ?? 0, bytes[at + 1] ?? 0]);
      const parts = Array.from({ length: Math.max(1, Math.ceil(size / 255)) }, (_, index) => [43, Math.min(255, size - index * 255)]);
      assert.deepEqual(read, [[53, 1], [12, 1], ...parts, [15, 1]]);
      assert.deepEqual(decodeDhcp(bytes).options.get(43), value);
    }));
  });

  test("B8 options 66 and 67 end with a NUL", () => {
    assert.deepEqual([...optionEntry(options.bootFile, "a")[1]], [97, 0]);
    assert.deepEqual([...optionEntry(options.tftpServer, "b")[1]], [98, 0]);
  });

  test("the npm package dhcp reads the same", () => {
    const packet = clientPacket(mac, 2, [
      optionEntry(options.leaseTime, 3600), optionEntry(options.subnetMask, "255.255.255.0"), optionEntry(options.routers, ["10.77.0.254", "10.77.0.253"]),
      optionEntry(options.bootFile, "bios/pxelinux.0"), optionEntry(options.serverId, "10.77.0.1"),
    ], { op: 2, yiaddr: "10.77.0.11", siaddr: "10.77.0.1", file: "bios/pxelinux.0", xid: 0xdeadbeef });
    const other = secondReader.parse(Buffer.from(encodeDhcp(packet)));
    assert.deepEqual([other.op, other.xid, other.yiaddr, other.siaddr, other.file], [2, 0xdeadbeef, "10.77.0.11", "10.77.0.1", "bios/pxelinux.0"]);
    assert.deepEqual({ ...other.options }, { 53: 2, 51: 3600, 1: "255.255.255.0", 3: ["10.77.0.254", "10.77.0.253"], 67: "bios/pxelinux.0", 54: "10.77.0.1" });
  });

  test("what doesn't fit throws: text fields, numbers, addresses, codes, the message", () => {
    const packet = clientPacket(mac, 1);
    assert.throws(() => encodeDhcp({ ...packet, file: "x".repeat(128) }), overflows);
    assert.throws(() => encodeDhcp({ ...packet, sname: "x".repeat(64) }), overflows);
    assert.throws(() => encodeDhcp({ ...packet, file: "a\0b" }), overflows);
    assert.throws(() => encodeDhcp({ ...packet, file: "\u0100" }), overflows);
    assert.throws(() => encodeDhcp({ ...packet, xid: 2 ** 32 }), overflows);
    assert.throws(() => encodeDhcp({ ...packet, yiaddr: "10.77.0" }), overflows);
    assert.throws(() => encodeDhcp({ ...packet, options: new Map([[255, new Uint8Array(0)]]) }), overflows);
    assert.throws(() => encodeDhcp(clientPacket(mac, 1, [[43, new Uint8Array(2000)]])), overflows);
    assert.throws(() => encodeDhcp(clientPacket(mac, 1, [[43, new Uint8Array(400)]]), 548), overflows);
    assert.throws(() => optionEntry(options.leaseTime, -1), overflows);
    assert.throws(() => optionEntry(options.routers, ["10.77.0.256"]), overflows);
    assert.doesNotThrow(() => encodeDhcp({ ...packet, file: "x".repeat(127), sname: "x".repeat(63) }));
  });
});
