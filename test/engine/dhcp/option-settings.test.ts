import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { codesOf, settingEntries } from "../../../provider/engine/dhcp/option-settings";
import { replyLines } from "../../../provider/engine/dhcp/reply-lines";
import { dhcpOptions, type DhcpOptions } from "../../../provider/model/dhcp-settings";
import { optionEntry, options, readOption } from "../../../provider/wire/dhcp";
import { clientPacket } from "../../wire/dhcp/packets";

/** One of each; checked by the schema, so that a property that is added fails here. */
const everything = {
  routers: ["10.77.0.254"], dnsServers: ["10.77.0.2", "10.77.0.3"], domainName: "rack.example", domainSearch: ["rack.example", "example"],
  ntpServers: ["10.77.0.4"], classlessRoutes: [{ destination: "10.0.0.0/8", router: "10.77.0.253" }, { destination: "0.0.0.0/0", router: "10.77.0.254" }],
  timeServers: ["10.77.0.5"], logServers: ["10.77.0.6"], rootPath: "/srv/würfel", mtu: 9000, timeZone: "Europe/Berlin",
  raw: [
    { code: 66, type: "text", value: "tftp.example" }, { code: 224, type: "text", value: "über" }, { code: 16, type: "ip", value: "10.77.0.7" },
    { code: 150, type: "ips", value: ["10.77.0.8", "10.77.0.9"] }, { code: 23, type: "uint8", value: 64 }, { code: 13, type: "uint16", value: 513 },
    { code: 211, type: "uint32", value: 30 }, { code: 19, type: "boolean", value: true }, { code: 225, type: "domains", value: ["a.b", "b"] },
    { code: 43, type: "hex", value: "0601083C" }, { code: 226, type: "hex", value: "" },
  ],
} satisfies { [K in keyof DhcpOptions]-?: NonNullable<DhcpOptions[K]> };

const hex = (settings: DhcpOptions) => settingEntries(settings).map(([code, bytes]) => `${String(code)} ${Buffer.from(bytes).toString("hex")}`);
const asHex = (text: string) => Buffer.from(text, "utf8").toString("hex");

describe("declared options", () => {
  test("each has its bytes, the typed ones by code, then the raw ones in their order", () => {
    assert.deepEqual(hex(dhcpOptions.required().parse(everything)), [
      "3 0a4d00fe", "4 0a4d0005", "6 0a4d00020a4d0003", "7 0a4d0006", `15 ${asHex("rack.example")}`, `17 ${asHex("/srv/würfel")}`, "26 2328", "42 0a4d0004",
      `101 ${asHex("Europe/Berlin")}`, `119 04${asHex("rack")}07${asHex("example")}00c005`, "121 080a0a4d00fd000a4d00fe",
      `66 ${asHex("tftp.example")}00`, `224 ${asHex("über")}`, "16 0a4d0007", "150 0a4d00080a4d0009", "23 40", "13 0201", "211 0000001e", "19 01", "225 0161016200c002", "43 0601083c", "226 ",
    ]);
    assert.equal(settingEntries(everything).length, Object.keys(everything).length - 1 + everything.raw.length);
  });

  test("nothing said, or an empty list, is no option", () => {
    assert.deepEqual(settingEntries({}), []);
    assert.deepEqual(settingEntries({ routers: [], domainSearch: [], classlessRoutes: [], raw: [] }), []);
    assert.deepEqual(codesOf({ routers: [], mtu: 1500 }), [{ code: 26, property: "mtu" }]);
  });

  test("each code has the property that says it, so that what is said twice can be found", () => {
    const codes = codesOf({ ntpServers: ["10.77.0.4"], raw: [{ code: 211, type: "uint32", value: 1 }, { code: 42, type: "ip", value: "10.77.0.5" }] });
    assert.deepEqual(codes, [{ code: 42, property: "ntpServers" }, { code: 211, property: "raw[0].code" }, { code: 42, property: "raw[1].code" }]);
    assert.deepEqual(codesOf(everything).map(({ code }) => code), settingEntries(everything).map(([code]) => code));
  });

  test("A28 what the codec reads back is what was declared", () => {
    const read = new Map(settingEntries(everything));
    assert.deepEqual(readOption(read, options.classlessRoutes), everything.classlessRoutes);
    assert.deepEqual(readOption(read, options.domainSearch), everything.domainSearch);
    assert.deepEqual(readOption(read, options.tftpServers), ["10.77.0.8", "10.77.0.9"]);
    assert.equal(readOption(read, options.ipForwarding), true);
    assert.equal(readOption(read, options.tftpServer), "tftp.example");
  });
});

describe("a reply in words", () => {
  const header = { op: 2, yiaddr: "10.77.0.11" } as const;
  const lines = (entries: readonly (readonly [number, Uint8Array])[]) =>
    replyLines(clientPacket("52:54:00:12:34:56", 5, entries, header), "10.77.0.0/24", (value) => (value === "10.77.0.1" ? "‹server›" : value));

  test("every declared option is shown by its name and its value", () => {
    assert.deepEqual(lines(settingEntries(everything)), [
      "address 10.77.0.11/24",
      "option 3 routers 10.77.0.254",
      "option 4 time-servers 10.77.0.5",
      "option 6 domain-name-servers 10.77.0.2, 10.77.0.3",
      "option 7 log-servers 10.77.0.6",
      "option 13 boot-size 513",
      "option 15 domain-name rack.example",
      "option 16 swap-server 10.77.0.7",
      "option 17 root-path /srv/würfel",
      "option 19 ip-forwarding true",
      "option 23 default-ip-ttl 64",
      "option 26 interface-mtu 9000",
      "option 42 ntp-servers 10.77.0.4",
      // Cut: 3c has no length.
      "option 43 vendor-encapsulated-options 0x0601083c",
      "option 66 tftp-server-name tftp.example",
      "option 101 tcode Europe/Berlin",
      "option 119 domain-search rack.example, example",
      "option 121 classless-static-routes 10.0.0.0/8 via 10.77.0.253, 0.0.0.0/0 via 10.77.0.254",
      "option 150 tftp-server-address 10.77.0.8, 10.77.0.9",
      "option 211 loader-reboottime 30 s",
      "option 224 0xc3bc626572",
      "option 225 0x0161016200c002",
      "option 226",
    ]);
  });

  test("bytes of another type than the code's stand as they are, and texts with control characters too", () => {
    assert.deepEqual(lines([[3, Uint8Array.of(1, 2)], [17, Uint8Array.of(27, 91)], [43, Uint8Array.of(6, 1, 8, 255)], [33, Uint8Array.of(10, 1, 0, 0, 10, 77, 0, 1)]]).slice(1), [
      "option 3 routers 0x0102", "option 17 root-path 0x1b5b", "option 33 static-routes 10.1.0.0 ‹server›", "option 43 vendor-encapsulated-options 6=0x08",
    ]);
  });

  test("A26 a lease without an end is called that; the server's own addresses go by their name", () => {
    const infinite = lines([optionEntry(options.leaseTime, 0xffffffff), optionEntry(options.routers, ["10.77.0.1", "10.77.0.2"])]);
    assert.deepEqual(infinite.slice(1), ["option 3 routers ‹server›, 10.77.0.2", "option 51 lease-time infinite"]);
  });
});
