import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { PxeError } from "../../../provider/errors";
import { dataHeader, decodeTftp, encodeTftp, type TftpMessage } from "../../../provider/wire/tftp/message";
import { toNetascii } from "../../../provider/wire/tftp/netascii";

function bytes(hexOrText: string): Buffer {
  return Buffer.from(hexOrText, "latin1");
}

const text = fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)), maxLength: 40 });
const nonEmpty = text.filter((value) => value !== "");
const options = fc.array(fc.record({ name: nonEmpty, value: text }, { noNullPrototype: true }), { maxLength: 8 });
const uint16 = fc.integer({ min: 0, max: 0xffff });
const plain = { noNullPrototype: true } as const;
const message: fc.Arbitrary<TftpMessage> = fc.oneof(
  fc.record({ type: fc.constantFrom("rrq" as const, "wrq" as const), filename: text, mode: text, options }, plain),
  fc.record({ type: fc.constant("data" as const), block: uint16, data: fc.uint8Array({ maxLength: 600 }).map((data) => Buffer.from(data)) }, plain),
  fc.record({ type: fc.constant("ack" as const), block: uint16 }, plain),
  fc.record({ type: fc.constant("error" as const), code: uint16, message: text }, plain),
  fc.record({ type: fc.constant("oack" as const), options }, plain),
);

describe("TFTP codec", () => {
  test("D1 a read request as EDK2 sends it", () => {
    const packet = bytes("\0\x01bios/pxelinux.0\0octet\0tsize\x000\0blksize\x001468\0windowsize\x004\0");
    const decoded = decodeTftp(packet);
    assert.deepEqual(decoded, {
      type: "rrq",
      filename: "bios/pxelinux.0",
      mode: "octet",
      options: [{ name: "tsize", value: "0" }, { name: "blksize", value: "1468" }, { name: "windowsize", value: "4" }],
    });
    assert.deepEqual(encodeTftp(decoded), packet);
  });

  test("D4 an OACK's bytes", () => {
    assert.deepEqual(
      encodeTftp({ type: "oack", options: [{ name: "blksize", value: "1408" }] }),
      bytes("\0\x06blksize\x001408\0"),
    );
  });

  test("D1 every opcode has its bytes", () => {
    assert.deepEqual(encodeTftp({ type: "wrq", filename: "a", mode: "OCTET", options: [] }), bytes("\0\x02a\0OCTET\0"));
    assert.deepEqual(encodeTftp({ type: "data", block: 258, data: bytes("xyz") }), bytes("\0\x03\x01\x02xyz"));
    assert.deepEqual(dataHeader(65535), bytes("\0\x03\xff\xff"));
    assert.deepEqual(encodeTftp({ type: "ack", block: 1 }), bytes("\0\x04\0\x01"));
    assert.deepEqual(encodeTftp({ type: "error", code: 1, message: "no" }), bytes("\0\x05\0\x01no\0"));
  });

  test("D8 an error whose message lacks its NUL is read", () => {
    assert.deepEqual(decodeTftp(bytes("\0\x05\0\x08User aborted")), { type: "error", code: 8, message: "User aborted" });
  });

  test("D18 a name keeps its odd bytes", () => {
    const decoded = decodeTftp(bytes("\0\x01boot\xff\xff\0octet\0"));
    assert.equal(decoded.type === "rrq" && decoded.filename, "boot\xff\xff");
  });

  test("D7 options are read as far as they are good", () => {
    const cases: [string, number][] = [["blksize", 0], ["blksize\0", 0], ["blksize\x008", 0], ["\x00512\0", 0], ["a\x001\0b", 1], ["a\x001\0b\0\0", 2]];
    for (const [tail, count] of cases) {
      const decoded = decodeTftp(bytes(`\0\x01f\0octet\0${tail}`));
      assert.equal(decoded.type === "rrq" && decoded.options.length, count, JSON.stringify(tail));
    }
  });

  test("F8 malformed packets are refused by code", () => {
    const cases = ["", "\0", "\0\x01", "\0\x01name", "\0\x01name\0", "\0\x01name\0octet", "\0\x03\0", "\0\x04", "\0\x05\0", "\0\0\0\0", "\0\x07\0\0", "\xff\xff\0\0"];
    for (const packet of cases) {
      assert.throws(() => decodeTftp(bytes(packet)), (error) => error instanceof PxeError && error.code === "PXE_PACKET_MALFORMED", JSON.stringify(packet));
    }
  });

  test("F8 what doesn't fit is refused, never cut", () => {
    const cases: TftpMessage[] = [
      { type: "ack", block: 65536 }, { type: "ack", block: -1 }, { type: "ack", block: 1.5 },
      { type: "data", block: 1, data: new Uint8Array(65465) },
      { type: "error", code: 0, message: "a\0b" },
      { type: "rrq", filename: "naïve–name", mode: "octet", options: [] },
      { type: "oack", options: [{ name: "", value: "1" }] },
      { type: "oack", options: Array.from({ length: 33 }, () => ({ name: "a", value: "1" })) },
    ];
    for (const item of cases) {
      assert.throws(() => encodeTftp(item), (error) => error instanceof PxeError && error.code === "PXE_ENCODING_OVERFLOW", JSON.stringify(item).slice(0, 80));
    }
  });

  test("F8 every message survives the wire", () => {
    fc.assert(fc.property(message, (item) => { assert.deepEqual(decodeTftp(encodeTftp(item)), item); }), { numRuns: 1000 });
  });

  test("F8 random bytes: what decodes also encodes to the same", () => {
    const packet = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.tuple(fc.integer({ min: 0, max: 8 }), fc.uint8Array({ maxLength: 80 })).map(([op, rest]) => Uint8Array.from([0, op, ...rest])),
    );
    fc.assert(fc.property(packet, (bytesIn) => {
      let decoded: TftpMessage;
      try {
        decoded = decodeTftp(bytesIn);
      } catch (error) {
        assert.ok(error instanceof PxeError && error.code === "PXE_PACKET_MALFORMED");
        return;
      }
      assert.deepEqual(decodeTftp(encodeTftp(decoded)), decoded);
    }), { numRuns: 5000 });
  });

  test("D14 netascii: LF becomes CR LF, CR becomes CR NUL, also as the last byte", () => {
    assert.deepEqual(toNetascii(bytes("a\nb\r\nc\r")), bytes("a\r\nb\r\0\r\nc\r\0"));
    assert.deepEqual(toNetascii(bytes("")), bytes(""));
  });
});
