import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { optionNames } from "../../../provider/engine/dhcp/option-names";
import { decodeDhcp, encodeDhcp, optionEntry, options, optionsByCode, readOption, type OptionDefinition } from "../../../provider/wire/dhcp";
import { optionValues } from "./option-values";
import { clientPacket } from "./packets";

const overflows = { name: "PxeError", code: "PXE_ENCODING_OVERFLOW" };
const isMalformed = { name: "PxeError", code: "PXE_PACKET_MALFORMED" };

const mac = "52:54:00:12:34:56";

type Key = keyof typeof options;
const all = Object.entries(options) as unknown as readonly (readonly [Key, OptionDefinition<unknown>])[];

function hexOf<T>(option: OptionDefinition<T>, value: T): string {
  return Buffer.from(optionEntry(option, value)[1]).toString("hex");
}

function valueOf<T>(option: OptionDefinition<T>, hex: string): T | undefined {
  return readOption(new Map([[option.code, new Uint8Array(Buffer.from(hex, "hex"))]]), option);
}

describe("the table of options", () => {
  test("every option of RFC 2132 is in it, and those of netbooting; each code once, each with a name", () => {
    const codes = all.map(([, { code }]) => code);
    assert.equal(new Set(codes).size, codes.length);
    const netboot = [77, 80, 81, 82, 90, 93, 94, 97, 100, 101, 108, 114, 116, 117, 118, 119, 121, 124, 125, 128, 129, 130, 131, 132, 133, 134, 135, 150, 175, 208, 209, 210, 211, 249, 252];
    assert.deepEqual(codes, [...Array.from({ length: 76 }, (_, index) => index + 1), ...netboot]);
    for (const [, { code, name }] of all) assert.ok(name.length > 2 && optionNames.has(code), String(code));
  });

  for (const [key, option] of all) {
    test(`option ${option.label}: its values survive a packet, within its limits`, () => {
      const { min, max, multiple } = option.type.limits;
      fc.assert(fc.property(optionValues[key] as fc.Arbitrary<unknown>, (value) => {
        const entry = optionEntry(option, value);
        const { length } = entry[1];
        assert.ok(length >= min && length <= max && length % multiple === 0, `${String(length)} bytes`);
        if (option === options.messageType || option === options.overload) return;
        const packet = decodeDhcp(encodeDhcp(clientPacket(mac, 1, [entry]), 65_507));
        assert.deepEqual(readOption(packet.options, option), value);
      }), { numRuns: 60 });
    });
  }

  test("F8 any bytes are a value of an option, or malformed", () => {
    fc.assert(fc.property(fc.constantFrom(...optionsByCode.values()), fc.uint8Array({ maxLength: 40 }), (option, bytes) => {
      try {
        option.type.decode(bytes, option.label);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "PXE_PACKET_MALFORMED", String(error));
      }
    }), { numRuns: 10_000 });
  });

  test("an option that is in no table survives as bytes", () => {
    const entry: [number, Uint8Array] = [224, Uint8Array.of(1, 2, 3)];
    assert.ok(!optionsByCode.has(224));
    assert.deepEqual(decodeDhcp(encodeDhcp(clientPacket(mac, 1, [entry]))).options.get(224), entry[1]);
  });

  test("values outside of their range don't fit, and are malformed where they come", () => {
    const wrong: readonly (readonly [() => unknown, () => unknown])[] = [
      [() => hexOf(options.mtu, 67), () => valueOf(options.mtu, "0043")],
      [() => hexOf(options.maxReassembly, 575), () => valueOf(options.maxReassembly, "023f")],
      [() => hexOf(options.ipTtl, 0), () => valueOf(options.ipTtl, "00")],
      [() => hexOf(options.mtuPlateau, [67]), () => valueOf(options.mtuPlateau, "0043")],
      [() => hexOf(options.timeOffset, 2 ** 31), () => valueOf(options.timeOffset, "000000")],
      [() => hexOf(options.overload, 4), () => valueOf(options.ipForwarding, "02")],
      [() => hexOf(options.routers, []), () => valueOf(options.routers, "0a4d00")],
      [() => hexOf(options.policyFilter, []), () => valueOf(options.policyFilter, "0a4d0000")],
      [() => hexOf(options.hostname, ""), () => valueOf(options.ipForwarding, "")],
      [() => hexOf(options.machineId, new Uint8Array(5)), () => valueOf(options.rapidCommit, "01")],
      [() => hexOf(options.pxelinuxMagic, new Uint8Array(3)), () => valueOf(options.rebootTime, "01")],
      [() => hexOf(options.etherboot, [{ code: 255, value: new Uint8Array(0) }]), () => valueOf(options.etherboot, "b005")],
    ];
    for (const [send, receive] of wrong) {
      assert.throws(send, overflows);
      assert.throws(receive, isMalformed);
    }
  });
});

/** Bytes worked out by hand from the documents named. */
describe("the bytes of each shape", () => {
  test("numbers: an offset west of Greenwich, a list of plateaus, flags", () => {
    assert.equal(hexOf(options.timeOffset, -18_000), "ffffb9b0");
    assert.equal(valueOf(options.timeOffset, "ffffb9b0"), -18_000);
    assert.equal(hexOf(options.mtuPlateau, [68, 1500]), "004405dc");
    assert.equal(hexOf(options.ipForwarding, true), "01");
    assert.equal(hexOf(options.staticRoutes, [["10.1.0.0", "10.77.0.2"]]), "0a0100000a4d0002");
  });

  test("classless routes: RFC 3442's examples", () => {
    const destinations = {
      "0.0.0.0/0": "00", "10.0.0.0/8": "080a", "10.0.0.0/24": "180a0000", "10.17.0.0/16": "100a11", "10.27.129.0/24": "180a1b81",
      "10.229.0.128/25": "190ae50080", "10.198.122.47/32": "200ac67a2f",
    };
    for (const [destination, hex] of Object.entries(destinations)) {
      assert.equal(hexOf(options.classlessRoutes, [{ destination, router: "10.77.0.1" }]), `${hex}0a4d0001`);
    }
    assert.deepEqual(valueOf(options.classlessRoutes, "090aff0a4d0001"), [{ destination: "10.128.0.0/9", router: "10.77.0.1" }]);
    for (const cut of ["", "18", "180a0000", "180a00000a4d00", "21000000000a4d0001", "000a4d000108"]) assert.throws(() => valueOf(options.classlessRoutes, cut), isMalformed);
    for (const destination of ["10.0.0.0/33", "10.0.0/8", "10.0.0.0", "x/8"]) {
      assert.throws(() => hexOf(options.classlessRoutes, [{ destination, router: "10.77.0.1" }]), overflows);
    }
  });

  test("a domain search list: RFC 3397's example, compressed", () => {
    const hex = "03656e67056170706c6503636f6d00" + "096d61726b6574696e67c004";
    assert.equal(hexOf(options.domainSearch, ["eng.apple.com", "marketing.apple.com"]), hex);
    assert.deepEqual(valueOf(options.domainSearch, hex), ["eng.apple.com", "marketing.apple.com"]);
    // Without compression, and with the final dot that some programs write.
    assert.deepEqual(valueOf(options.domainSearch, "016100" + "0162016100"), ["a", "b.a"]);
    assert.equal(hexOf(options.domainSearch, ["a.", "b.a"]), "016100" + "0162c000");
    assert.equal(hexOf(options.domainSearch, ["a\\.b.c"]), "03612e62016300");
  });

  test("a domain search list that is cut, loops, points forward or has too long a name is malformed", () => {
    const long = ("3f" + "61".repeat(63)).repeat(4);
    for (const hex of ["", "0161", "01", "c0", "c000", "0161c002", "0161c0ff", "4061", `${long}00`, "016100c003"]) {
      assert.throws(() => valueOf(options.domainSearch, hex), isMalformed, hex);
    }
    for (const name of ["a..b", ".a", "a".repeat(64), `${"a.".repeat(130)}a`, "a\\", "\u0100"]) {
      assert.throws(() => hexOf(options.domainSearch, [name]), overflows, name);
    }
  });

  test("a client's FQDN as labels and as text (RFC 4702)", () => {
    assert.deepEqual(valueOf(options.clientFqdn, "050000" + "036462310472616b6b00"), { flags: 5, results: [0, 0], name: "db1.rakk." });
    assert.deepEqual(valueOf(options.clientFqdn, "050000" + "03646231"), { flags: 5, results: [0, 0], name: "db1" });
    assert.deepEqual(valueOf(options.clientFqdn, "010000" + "646231"), { flags: 1, results: [0, 0], name: "db1" });
    assert.equal(hexOf(options.clientFqdn, { flags: 4, results: [255, 255], name: "db1.rakk." }), "04ffff" + "036462310472616b6b00");
    for (const hex of ["0500", "05000004646231", "050000c00c"]) assert.throws(() => valueOf(options.clientFqdn, hex), isMalformed);
  });

  test("vendors' own classes and options (RFC 3925)", () => {
    assert.equal(hexOf(options.vendorClasses, [{ enterprise: 311, data: Uint8Array.of(2, 97, 98) }]), "0000013703" + "026162");
    assert.equal(hexOf(options.vendorOptions, [{ enterprise: 9, items: [{ code: 1, value: Uint8Array.of(7) }] }, { enterprise: 10, items: [] }]), "0000000903010107" + "0000000a00");
    for (const hex of ["", "00000137", "0000013704026162"]) assert.throws(() => valueOf(options.vendorClasses, hex), isMalformed);
    for (const hex of ["000000090301", "00000009020105"]) assert.throws(() => valueOf(options.vendorOptions, hex), isMalformed);
  });

  test("A32 B12 sub-options of relays and of iPXE, in their order and whole", () => {
    const relay = [{ code: 2, value: Uint8Array.of(9) }, { code: 1, value: Uint8Array.of(8) }, { code: 1, value: new Uint8Array(0) }];
    assert.equal(hexOf(options.relayAgent, relay), "020109" + "010108" + "0100");
    assert.deepEqual(valueOf(options.relayAgent, "020109" + "010108" + "0100"), relay);
    assert.equal(hexOf(options.etherboot, [{ code: 0xb0, value: Uint8Array.of(1) }]), "b00101ff");
    assert.deepEqual(valueOf(options.etherboot, "00b0010100ff99"), [{ code: 0xb0, value: Uint8Array.of(1) }]);
  });
});
