import assert from "node:assert/strict";
import { test } from "node:test";
import { bootSector } from "../../lab/bootsector";
import { plainText } from "../../lab/console";

test("console text comes without colours, cursor movements and carriage returns", () => {
  assert.equal(plainText("\u001bc\u001b[?7l\u001b[2J\u001b[0mSeaBIOS\r\n\u001b[1;31mred\u001b[0m\u001b(B\r\r\nnext\u0000"), "SeaBIOS\nred\nnext");
});

test("a boot sector is one sector with its signature and an empty partition table", () => {
  const sector = bootSector("hello");
  assert.equal(sector.length, 512);
  assert.equal(sector.readUInt16LE(510), 0xaa55);
  assert(sector.subarray(446, 510).every((byte) => byte === 0));
  assert(sector.includes("hello\r\n\0"));
  assert.throws(() => bootSector("x".repeat(400)), RangeError);
});
