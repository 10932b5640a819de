import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { replyLines } from "../../provider/engine/dhcp/reply-lines";
import { messageTypes, optionEntry, options, type DhcpPacket } from "../../provider/wire/dhcp";
import { asking, db1, ended, withRack, type Rack } from "../support/rack";
import { RelayClient, relayAddress, typeOf } from "../support/relay-client";

/** Each of the four places says something, and something that one further inside says too. */
const server = `options: {
  ntpServers: ["127.77.0.1"], timeServers: ["127.77.0.2"], domainName: "server.example", raw: [{ code: 200, type: "text", value: "server" }, { code: 150, type: "ips", value: ["127.77.0.3"] }],
},`;
const subnet = (more: { readonly mtu?: number } = {}): string => `
  domainName: "subnet.example", leaseTime: "1h", maxLeaseTime: "infinite", renewAt: 0.25, rebindAt: 0.75, relays: ["${relayAddress}"],
  domainSearch: ["a.example", "b.a.example"], classlessRoutes: [{ destination: "10.0.0.0/8", router: "127.77.0.254" }],
  pools: [{ from: "127.77.0.100", to: "127.77.0.103", exclude: [{ from: "127.77.0.101", to: "127.77.0.102" }] }, { from: "127.77.0.110", to: "127.77.0.110", class: "others" }],
  options: { logServers: ["127.77.0.4"], mtu: 1400, timeZone: "Europe/Vienna", raw: [{ code: 200, type: "text", value: "subnet" }] },
  classes: [
    { name: "roms", match: { vendorClass: "PXEClient", architectures: [0] }, options: { mtu: ${String(more.mtu ?? 1300)}, raw: [{ code: 201, type: "uint16", value: 7 }] } },
    { name: "others", match: { vendorClass: "other" }, options: { mtu: 999 } },
  ],`;
const host = `options: { domainName: "host.example", raw: [{ code: 202, type: "domains", value: ["x.example"] }] }, nextServer: "127.77.0.9", bootFile: "loader.0",`;
const shape = { server, subnet: subnet(), hosts: [{ ...db1, more: host }] };

const rom = [1, 2, 3, 4, 5, 6, 11, 12, 13, 15, 16, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97, 128, 129, 130, 131, 132, 133, 134, 135];
const further = [7, 26, 101, 119, 121, 150, 200, 201, 202];
const stranger = (last: number): string => `52:54:00:99:00:0${String(last)}`;

/** What the agent answers a boot ROM that asks for these. */
async function booted(client: RelayClient, asksFor: readonly number[]): Promise<DhcpPacket> {
  const says = [
    optionEntry(options.parameterList, asksFor), optionEntry(options.maxMessageSize, 1024), optionEntry(options.vendorClass, "PXEClient:Arch:00000:UNDI:002001"),
    optionEntry(options.clientArchitecture, [0]),
  ];
  const offer = await client.ask(db1.mac, messageTypes.discover, says);
  assert.equal(offer?.yiaddr, db1.ip);
  const ack = await client.ask(db1.mac, messageTypes.request, [...says, optionEntry(options.requestedAddress, offer?.yiaddr ?? ""), optionEntry(options.serverId, "127.0.0.1")]);
  assert.equal(typeOf(ack), messageTypes.ack);
  return ack ?? assert.fail("no answer");
}

function linesOf(packet: DhcpPacket): string[] {
  return replyLines(packet, "127.77.0.0/24", (value) => (value === "127.0.0.1" ? "‹server›" : value));
}

async function planned(rack: Rack): Promise<{ readonly rom: string[]; readonly further: string[] }> {
  rack.env["PXE_PLAN_DIR"] = join(rack.folder, "plan");
  ended(await rack.preview());
  delete rack.env["PXE_PLAN_DIR"];
  const [lines = "", more = ""] = readFileSync(join(rack.folder, "plan", "rack1", "db1", "dhcp.txt"), "utf8").split("when asked for:\n");
  return { rom: lines.trim().split("\n"), further: more.trim().split("\n") };
}

test("A27 options of server, subnet, class and host: a first preview shows what a client is then told, and one that changes is an update in place", async () => {
  await withRack(async (rack) => {
    rack.shape(shape);
    const plan = await planned(rack);
    ended(await rack.up());
    const client = await RelayClient.open(rack.ports.dhcpPort);
    try {
      const first = linesOf(await booted(client, rom));
      assert.deepEqual(first, plan.rom);
      const ack = await booted(client, [...rom, ...further]);
      assert.deepEqual(linesOf(ack).filter((line) => !first.includes(line)), plan.further);
      const text = (code: number): string => Buffer.from(ack.options.get(code) ?? []).toString("latin1");
      // The innermost wins: host before class before subnet before server.
      assert.deepEqual([text(15), text(200)], ["host.example", "subnet"]);
      assert.deepEqual([26, 201].map((code) => [...(ack.options.get(code) ?? [])]), [[1300 >> 8, 1300 & 255], [0, 7]]);
      assert.deepEqual([42, 4, 7, 150].map((code) => [...(ack.options.get(code) ?? [])].join(".")), ["127.77.0.1", "127.77.0.2", "127.77.0.4", "127.77.0.3"]);
      assert.deepEqual([...(ack.options.get(121) ?? [])], [8, 10, 127, 77, 0, 254]);
      assert.deepEqual([ack.siaddr, ack.file], ["127.77.0.9", "loader.0"]);
      assert.deepEqual([51, 58, 59].map((code) => Buffer.from(ack.options.get(code) ?? []).readUInt32BE()), [3600, 900, 2700]);

      // Two addresses of the first pool are left, and the second is for a class that strangers aren't in.
      const given = [];
      for (const last of [1, 2]) given.push((await client.discover(stranger(last)))?.yiaddr);
      assert.deepEqual(given.sort(), ["127.77.0.100", "127.77.0.103"]);
      assert.equal(await client.discover(stranger(3), 700), undefined);
      const other = await client.ask(stranger(4), messageTypes.discover, [optionEntry(options.vendorClass, "other"), optionEntry(options.parameterList, [26])]);
      assert.deepEqual([other?.yiaddr, [...(other?.options.get(26) ?? [])]], ["127.77.0.110", [999 >> 8, 999 & 255]]);

      assert.match(ended(await rack.refresh()), /\d unchanged/);
      assert.match(ended(await rack.up()), /^ +5 unchanged$/m);

      const before = await asking(rack, (agent) => agent.host("db1"));
      rack.shape({ ...shape, subnet: subnet({ mtu: 1280 }) });
      const diff = ended(await rack.preview());
      assert.match(diff, /mtu *: 1300 => 1280/);
      assert.match(diff, /- option 26 interface-mtu 1300\n.*\+ option 26 interface-mtu 1280/);
      const changed = ended(await rack.up());
      assert.match(changed, /~ 2 updated/);
      assert.doesNotMatch(changed, /replaced|created|deleted/);
      assert.deepEqual([...((await booted(client, [26])).options.get(26) ?? [])], [1280 >> 8, 1280 & 255]);
      assert.deepEqual((await asking(rack, (agent) => agent.host("db1"))).since, before.since, "an option orders nothing");
      assert.match(ended(await rack.refresh()), /\d unchanged/);
    } finally {
      await client.close();
    }
  });
});

test("wrong settings are refused in the preview, all at once and by the paths of their properties", async () => {
  await withRack(async (rack) => {
    rack.shape({
      server: `options: { mtu: 20, raw: [{ code: 53, type: "uint8", value: 1 }] }, dhcpMode: "relay",`,
      subnet: `pools: [{ from: "127.77.0.100", to: "127.77.0.103", exclude: [{ from: "x", to: "127.77.0.102" }] }], leaseTime: "soon",
        classes: [{ name: "roms", match: {}, options: { raw: [{ code: 200, type: "ip", value: "127.77.0.1" }, { code: 201, type: "uint8", value: 256 }] } }],`,
    });
    const { status, text } = await rack.preview();
    assert.notEqual(status, 0);
    for (const where of [
      "server/rack1 options.mtu", "server/rack1 options.raw[0].code", "server/rack1 dhcpMode",
    ]) assert.ok(text.includes(`(${where})`), `${where} in ${text}`);
    rack.shape({
      subnet: `pools: [{ from: "127.77.0.100", to: "127.77.0.103", exclude: [{ from: "x", to: "127.77.0.102" }] }], leaseTime: "soon",
        classes: [{ name: "roms", match: {}, options: { raw: [{ code: 200, type: "ip", value: "127.77.0.1" }, { code: 201, type: "uint8", value: 256 }] } }],`,
    });
    const second = (await rack.preview()).text;
    for (const where of ["pools[0].exclude[0].from", "leaseTime", "classes[0].match", "classes[0].options.raw[1].value"]) assert.ok(second.includes(`(subnet/net ${where})`), `${where} in ${second}`);
    rack.shape({
      subnet: `pools: [{ from: "127.77.0.100", to: "127.77.0.103", class: "phones", exclude: [{ from: "127.77.0.99", to: "127.77.0.102" }] }], minLeaseTime: "2h", renewAt: 0.9,`,
    });
    const third = (await rack.preview()).text;
    for (const [code, where] of [
      ["PXE_CLASS_UNKNOWN", "subnet/net pools[0].class; subnet/net classes"], ["PXE_INPUT_INVALID", "subnet/net pools[0].exclude[0].from; subnet/net pools[0]"],
      ["PXE_LEASE_TIMES", "subnet/net minLeaseTime; subnet/net leaseTime"], ["PXE_LEASE_TIMES", "subnet/net renewAt; subnet/net rebindAt"],
    ] as const) assert.ok(new RegExp(`${code}: [^\n]*\\(${where.replace(/[[\].]/g, "\\$&")}\\)`).test(third), `${code} ${where} in ${third}`);
  });
});
