import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import { decodeDhcp, encodeDhcp, messageTypes, optionEntry, options, readOption } from "../../../provider/wire/dhcp";
import { clientPacket } from "./packets";

/** The options of an ACK that scapy 2.8 wrote, each with the value that it was given. */
const scapyOptions = [
  "35010536040a4d0001330400000e103a04000007083b0400000c4e0104ffffff000204ffffb9b003080a4d00fe0a4d00fd04040a4d000506080a4d00020a4d000307040a4d00",
  "060c036462310d0202010f0c7261636b2e6578616d706c6510040a4d000711082f7372762f6e667313010115080a010000ffff0000160205dc1701401a0223281c040a4d00ff",
  "21080a0100000a4d000223040000003c25012028036e69732a040a4d00042e010837030103063803776879390205c03c09505845436c69656e743d0701525400123456431062",
  "696f732f7078656c696e75782e300045040a4d00095d040007001064094345542d3143455354650d4575726f70652f4265726c696e6c040000070874010176040a4d00007914",
  "080a0a4d00fd200ac67a2f0a4d0001000a4d00fe96080a4d00080a4d0009d004f100747ed103636667d211687474703a2f2f31302e37372e302e312fd3040000001e52060104",
  "00010002ff",
].join("");

const scapyHead = [
  "02010600" + "12345678" + "00008000" + "00000000" + "0a4d000b" + "0a4d0001" + "0a4d00fe" + "525400123456" + "00".repeat(10),
  Buffer.from("boot.example").toString("hex").padEnd(128, "0"),
  Buffer.from("bios/pxelinux.0").toString("hex").padEnd(256, "0"),
  "63825363",
].join("");

const entries = [
  optionEntry(options.serverId, "10.77.0.1"), optionEntry(options.leaseTime, 3600), optionEntry(options.renewalTime, 1800),
  optionEntry(options.rebindingTime, 3150), optionEntry(options.subnetMask, "255.255.255.0"), optionEntry(options.timeOffset, -18_000),
  optionEntry(options.routers, ["10.77.0.254", "10.77.0.253"]), optionEntry(options.timeServers, ["10.77.0.5"]),
  optionEntry(options.dnsServers, ["10.77.0.2", "10.77.0.3"]), optionEntry(options.logServers, ["10.77.0.6"]), optionEntry(options.hostname, "db1"),
  optionEntry(options.bootFileSize, 513), optionEntry(options.domainName, "rack.example"), optionEntry(options.swapServer, "10.77.0.7"),
  optionEntry(options.rootPath, "/srv/nfs"), optionEntry(options.ipForwarding, true), optionEntry(options.policyFilter, [["10.1.0.0", "255.255.0.0"]]),
  optionEntry(options.maxReassembly, 1500), optionEntry(options.ipTtl, 64), optionEntry(options.mtu, 9000),
  optionEntry(options.broadcastAddress, "10.77.0.255"), optionEntry(options.staticRoutes, [["10.1.0.0", "10.77.0.2"]]),
  optionEntry(options.arpTimeout, 60), optionEntry(options.tcpTtl, 32), optionEntry(options.nisDomain, "nis"),
  optionEntry(options.ntpServers, ["10.77.0.4"]), optionEntry(options.netbiosNodeType, 8), optionEntry(options.parameterList, [1, 3, 6]),
  optionEntry(options.message, "why"), optionEntry(options.maxMessageSize, 1472), optionEntry(options.vendorClass, "PXEClient"),
  optionEntry(options.clientId, Uint8Array.of(1, 0x52, 0x54, 0, 0x12, 0x34, 0x56)), optionEntry(options.bootFile, "bios/pxelinux.0"),
  optionEntry(options.smtpServers, ["10.77.0.9"]), optionEntry(options.clientArchitecture, [7, 16]), optionEntry(options.posixTimeZone, "CET-1CEST"),
  optionEntry(options.timeZone, "Europe/Berlin"), optionEntry(options.ipv6Only, 1800), optionEntry(options.autoConfigure, 1),
  optionEntry(options.subnetSelection, "10.77.0.0"),
  optionEntry(options.classlessRoutes, [
    { destination: "10.0.0.0/8", router: "10.77.0.253" }, { destination: "10.198.122.47/32", router: "10.77.0.1" }, { destination: "0.0.0.0/0", router: "10.77.0.254" },
  ]),
  optionEntry(options.tftpServers, ["10.77.0.8", "10.77.0.9"]), optionEntry(options.pxelinuxMagic, Uint8Array.of(0xf1, 0, 0x74, 0x7e)),
  optionEntry(options.configFile, "cfg"), optionEntry(options.pathPrefix, "http://10.77.0.1/"), optionEntry(options.rebootTime, 30),
  optionEntry(options.relayAgent, [{ code: 1, value: Uint8Array.of(0, 1, 0, 2) }]),
] as const;

const packet = clientPacket("52:54:00:12:34:56", messageTypes.ack, entries, {
  op: 2, flags: 0x8000, yiaddr: "10.77.0.11", siaddr: "10.77.0.1", giaddr: "10.77.0.254", sname: "boot.example", file: "bios/pxelinux.0",
});

describe("scapy", () => {
  test("A32 writes the same bytes for the same values, option 53 first and 82 last", () => {
    assert.equal(Buffer.from(encodeDhcp(packet)).toString("hex"), scapyHead + scapyOptions);
  });

  test("its bytes read as what it was given", () => {
    const read = decodeDhcp(new Uint8Array(Buffer.from(scapyHead + scapyOptions, "hex")));
    assert.deepEqual([...read.options], [...packet.options]);
    assert.deepEqual({ ...read, options: undefined }, { ...packet, options: undefined });
    assert.equal(readOption(read.options, options.timeOffset), -18_000);
  });
});

interface NpmPacket {
  readonly op: number;
  readonly xid: number;
  readonly chaddr: string;
  readonly options: Readonly<Record<number, unknown>>;
}

/** The npm package dhcp: its client's half of the protocol. */
const npmDhcp = createRequire(__filename)("dhcp/lib/protocol.js") as {
  format(packet: Record<string, unknown>): { readonly _data: Buffer; readonly _w: number };
  parse(bytes: Buffer): NpmPacket;
};

describe("the npm package dhcp, as a client", () => {
  test("what its client writes is read", () => {
    const written = npmDhcp.format({
      op: 1, htype: 1, hlen: 6, hops: 0, xid: 0xdeadbeef, secs: 3, flags: 0x8000, ciaddr: "0.0.0.0", yiaddr: "0.0.0.0", siaddr: "0.0.0.0", giaddr: "0.0.0.0",
      chaddr: "52-54-00-12-34-56", sname: "", file: "",
      options: { 53: messageTypes.request, 57: 1500, 50: "10.77.0.11", 54: "10.77.0.1", 12: "db1", 55: [1, 3, 6, 121] },
    });
    const read = decodeDhcp(written._data.subarray(0, written._w));
    assert.deepEqual([read.op, read.xid, read.secs, read.flags, Buffer.from(read.chaddr).toString("hex", 0, 6)], [1, 0xdeadbeef, 3, 0x8000, "525400123456"]);
    assert.equal(readOption(read.options, options.messageType), messageTypes.request);
    assert.equal(readOption(read.options, options.maxMessageSize), 1500);
    assert.equal(readOption(read.options, options.requestedAddress), "10.77.0.11");
    assert.equal(readOption(read.options, options.hostname), "db1");
    assert.deepEqual(readOption(read.options, options.parameterList), [1, 3, 6, 121]);
  });

  test("what is written, its client reads: numbers, addresses, texts, lists", () => {
    // It knows neither 93 and up nor encapsulated options: what it has no name for ends the process that it runs in.
    const known = entries.filter(([code]) => code < 77 && ![2, 19, 21, 33, 43, 55, 61].includes(code));
    const read = npmDhcp.parse(Buffer.from(encodeDhcp({ ...packet, options: new Map([optionEntry(options.messageType, messageTypes.ack), ...known]) })));
    const { 1: mask, 3: routers, 6: dns, 12: hostname, 15: domain, 26: mtu, 42: ntp, 51: lease, 54: server, 58: renewal } = read.options;
    assert.deepEqual([mask, routers, dns, hostname, domain, mtu, ntp, lease, server, renewal], [
      "255.255.255.0", ["10.77.0.254", "10.77.0.253"], ["10.77.0.2", "10.77.0.3"], "db1", "rack.example", 9000, ["10.77.0.4"], 3600, "10.77.0.1", 1800,
    ]);
  });
});
