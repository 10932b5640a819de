import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { PxeError } from "../../../provider/errors";
import { decodeDhcp, encodeDhcp, optionEntry, options, readOption, type DhcpPacket, type OptionDefinition } from "../../../provider/wire/dhcp";
import { rawMessage } from "./packets";

const longest = 65_507;

/** Options without their order, which encoding makes canonical. */
function comparable(packet: DhcpPacket): unknown {
  const items = [...packet.options].map(([code, value]): [number, string] => [code, Buffer.from(value).toString("hex")]);
  return { ...packet, chaddr: Buffer.from(packet.chaddr).toString("hex"), options: items.sort(([a], [b]) => a - b) };
}

function assertStable(bytes: Uint8Array): void {
  let first: DhcpPacket;
  try {
    first = decodeDhcp(bytes);
  } catch (error) {
    assert.ok(error instanceof PxeError && error.code === "PXE_PACKET_MALFORMED", String(error));
    return;
  }
  const encoded = encodeDhcp(first, longest);
  assert.deepEqual(comparable(decodeDhcp(encoded)), comparable(first));
  assert.deepEqual(encodeDhcp(decodeDhcp(encoded), longest), encoded);
}

const octet = fc.integer({ min: 0, max: 255 });
const tlv = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.array(octet, { maxLength: 60 })).map(([code, value]) => [code, value.length, ...value]);

describe("the codec under fuzz (F8)", () => {
  test("F8 random bytes decode to a coded error or to what encodes and decodes to itself", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), assertStable), { numRuns: 500 });
  });

  test("F8 random option fields, overloaded ones too, survive decode, encode, decode", () => {
    const message = fc.tuple(fc.array(tlv, { maxLength: 12 }), fc.uint8Array({ minLength: 192, maxLength: 192 }), fc.array(octet, { maxLength: 8 }));
    fc.assert(fc.property(message, ([items, names, rest]) => {
      assertStable(rawMessage([...items.flat(), ...rest], (bytes) => { bytes.set(names, 44); }));
    }), { numRuns: 2000 });
  });

  test("typed values survive encode and decode", () => {
    const address = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join("."));
    const label = fc.stringMatching(/^[a-zA-Z0-9./:é-]{0,80}$/);
    const check = <T>(option: OptionDefinition<T>, values: fc.Arbitrary<T>) => {
      fc.assert(fc.property(values, (value) => {
        assert.deepEqual(readOption(new Map([optionEntry(option, value)]), option), value);
      }));
    };
    check(options.serverId, address);
    check(options.routers, fc.array(address, { minLength: 1, maxLength: 20 }));
    check(options.leaseTime, fc.integer({ min: 0, max: 0xffffffff }));
    check(options.maxMessageSize, fc.integer({ min: 0, max: 0xffff }));
    check(options.bootFile, label);
    check(options.hostname, label);
    check(options.clientArchitecture, fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 1, maxLength: 9 }));
    check(options.parameterList, fc.array(octet));
    const subOption = fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 40 })).map(([code, value]) => ({ code, value }));
    for (const option of [options.relayAgent, options.vendorSpecific]) check(option, fc.array(subOption, { maxLength: 5 }));
  });
});
