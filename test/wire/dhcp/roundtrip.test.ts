import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { PxeError } from "../../../provider/errors";
import { decodeDhcp, encodeDhcp, options, optionsByCode, readOption, type DhcpPacket } from "../../../provider/wire/dhcp";
import { corpus } from "./corpus";
import { rawMessage } from "./packets";

const longest = 65_507;

/** Options without their order, which encoding makes canonical. */
function comparable(packet: DhcpPacket): unknown {
  const items = [...packet.options].map(([code, value]): [number, string] => [code, Buffer.from(value).toString("hex")]);
  return { ...packet, chaddr: Buffer.from(packet.chaddr).toString("hex"), options: items.sort(([a], [b]) => a - b) };
}

function isMalformed(error: unknown): boolean {
  assert.ok(error instanceof PxeError && error.code === "PXE_PACKET_MALFORMED", String(error));
  return true;
}

/** The value's bytes by way of its type: undefined where it is malformed. */
function again(packet: DhcpPacket, code: number): Uint8Array | undefined {
  const option = optionsByCode.get(code);
  const bytes = packet.options.get(code);
  if (option === undefined || bytes === undefined) return undefined;
  try {
    return option.type.encode(option.type.decode(bytes, option.label), option.label);
  } catch (error) {
    // Receivers take what no sender may send, such as an empty text.
    assert.ok(error instanceof PxeError && (error.code === "PXE_PACKET_MALFORMED" || error.code === "PXE_ENCODING_OVERFLOW"), String(error));
    return undefined;
  }
}

function assertStable(bytes: Uint8Array): void {
  let first: DhcpPacket;
  try {
    first = decodeDhcp(bytes);
  } catch (error) {
    isMalformed(error);
    return;
  }
  const encoded = encodeDhcp(first, longest);
  assert.deepEqual(comparable(decodeDhcp(encoded)), comparable(first));
  assert.deepEqual(encodeDhcp(decodeDhcp(encoded), longest), encoded);
  for (const code of first.options.keys()) {
    const option = optionsByCode.get(code);
    const value = again(first, code);
    if (option === undefined || value === undefined) continue;
    assert.deepEqual(option.type.decode(value, option.label), readOption(first.options, option), option.label);
  }
}

const octet = fc.integer({ min: 0, max: 255 });
const anyCode = fc.oneof(octet, fc.constantFrom(...optionsByCode.keys()));
const tlv = fc.tuple(anyCode, fc.array(octet, { maxLength: 60 })).map(([code, value]) => [code, value.length, ...value]);

describe("the codec under fuzz (F8)", () => {
  test("F8 random bytes decode to a coded error or to what encodes and decodes to itself", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), assertStable), { numRuns: 500 });
  });

  test("F8 random option fields, overloaded ones too, survive decode, encode, decode, by their types as well", () => {
    const message = fc.tuple(fc.array(tlv, { maxLength: 12 }), fc.uint8Array({ minLength: 192, maxLength: 192 }), fc.array(octet, { maxLength: 8 }));
    fc.assert(fc.property(message, ([items, names, rest]) => {
      assertStable(rawMessage([...items.flat(), ...rest], (bytes) => { bytes.set(names, 44); }));
    }), { numRuns: 2000 });
  });

  test("F8 A38 a good packet with bytes changed, cut out or put in is read or refused by its code", () => {
    const good = corpus.filter(({ verdict }) => verdict === "taken").map(({ bytes }) => bytes);
    const change = fc.record({ at: fc.nat(), kind: fc.constantFrom("set", "cut", "insert", "end"), value: octet });
    fc.assert(fc.property(fc.constantFrom(...good), fc.array(change, { minLength: 1, maxLength: 8 }), (bytes, changes) => {
      let mutant = [...bytes];
      for (const { at, kind, value } of changes) {
        const offset = at % (mutant.length + 1);
        if (kind === "set") mutant[Math.min(offset, mutant.length - 1)] = value;
        else if (kind === "cut") mutant.splice(offset, value);
        else if (kind === "insert") mutant.splice(offset, 0, value);
        else mutant = mutant.slice(0, Math.max(1, offset));
      }
      assertStable(Uint8Array.from(mutant));
    }), { numRuns: 2000 });
  });

  test("F8 compressed names of any bytes are read within bounds: no loop, none told without end", () => {
    const pointerish = fc.array(fc.oneof(octet, fc.constantFrom(0xc0, 0, 1, 2)), { minLength: 1, maxLength: 80 });
    fc.assert(fc.property(pointerish, (bytes) => { assertStable(rawMessage([53, 1, 1, 119, bytes.length, ...bytes, 255])); }), { numRuns: 3000 });
    // One long name, and 20,000 pointers to it: five megabytes, told out.
    const name = [...Array.from({ length: 120 }, () => [1, 97]).flat(), 0];
    const bomb = Uint8Array.from([...name, ...Array.from({ length: 20_000 }, () => [0xc0, 0]).flat()]);
    assert.throws(() => readOption(new Map([[119, bomb]]), options.domainSearch), isMalformed);
  });
});
