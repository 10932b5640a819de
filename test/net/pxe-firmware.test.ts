import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { NewEvent } from "../../provider/model/control";
import { assetOf, BootSegment } from "../support/boot-segment";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../support/documents";
import type { Running } from "../support/netns";

const mac = "52:54:00:12:34:56";
/** Emulated firmware takes 10 to 40 s to here on a quiet machine. */
const bootLimit = 240_000;

const program = Buffer.alloc(4096, "no boot program at all");
const profile = profileDocument({ loaders: { bios: { program: assetOf("pxelinux.0", program), modules: [] } } });

async function event(agent: Running, kind: NewEvent["kind"]): Promise<NewEvent> {
  return JSON.parse(await agent.line((line) => line.includes(`"kind":"${kind}"`), bootLimit)) as NewEvent;
}

describe("beside dnsmasq, which gives the address", { timeout: 2 * bootLimit }, () => {
  test("B10 B12 B14 a BIOS ROM takes the boot program of the proxy, and is known by the address that it got", async (t) => {
    const segment = await BootSegment.create(t);
    const dnsmasq = await segment.startForeign();
    const agent = await segment.startAgent({
      assets: [program.toString("base64")], arm: ["db1"],
      documents: [serverDocument({ dhcpMode: "proxy" }), subnetDocument({ pools: [] }), profile, hostDocument({ macs: [mac] })],
    });
    const service = await segment.watch("udp port 4011");
    await segment.startMachine("bios", mac);
    const sent = await event(agent, "tftp.sent");
    assert.equal(sent.host, "db1");
    assert.match(sent.text, /bios\/pxelinux\.0/);
    assert.match(sent.address ?? "", /^10\.77\.0\.(5\d|60)$/);
    assert.ok(dnsmasq.lines.some((line) => line.includes(`DHCPACK(eth0) ${sent.address ?? ""} ${mac}`)), dnsmasq.lines.join("\n"));
    assert.deepEqual(agent.lines.filter((line) => /"kind":"dhcp\.(ack|nak)"/.test(line)), []);
    assert.deepEqual(service.lines.filter((line) => line.includes("4011")), []);
  });

  test("B11 OVMF asks the proxy on port 4011 and then for the file that a class names", async (t) => {
    const segment = await BootSegment.create(t);
    const dnsmasq = await segment.startForeign();
    const classes = [{ name: "uefi", match: { architectures: [7, 9] }, bootFile: "efi/loader.efi" }];
    const agent = await segment.startAgent({
      assets: [program.toString("base64")], arm: ["db1"],
      documents: [serverDocument({ dhcpMode: "proxy" }), subnetDocument({ pools: [], classes }), profile, hostDocument({ macs: [mac] })],
    });
    const files = await segment.watch("udp dst port 69");
    await segment.startMachine("uefi", mac);
    const request = await files.line((line) => line.includes("RRQ"), bootLimit);
    assert.match(request, /10\.77\.0\.(5\d|60)\.\d+ > 10\.77\.0\.1\.69: .*RRQ "efi\/loader\.efi"/);
    const told = await event(agent, "dhcp.ack");
    assert.match(told.text, /^told 52:54:00:12:34:56 \(db1, uefi-x64, boots: install\) at 10\.77\.0\.\d+ to boot efi\/loader\.efi$/);
    assert.ok(dnsmasq.lines.some((line) => line.includes(`DHCPACK(eth0) ${told.address ?? ""} ${mac}`)));
  });
});

/** OVMF tries HTTP Boot only where PXE is switched off, or after it has failed. */
const httpBootFirst = ["IPv4PXESupport", "IPv6PXESupport"].flatMap((name) => ["-fw_cfg", `name=opt/org.tianocore/${name},string=n`]);

describe("with addresses of our own", { timeout: 2 * bootLimit }, () => {
  test("B7 B8 B9 OVMF takes server and file from a class, and asks nobody on port 4011", async (t) => {
    const segment = await BootSegment.create(t);
    const classes = [{ name: "uefi", match: { architectures: [7, 9] }, bootFile: "efi/loader.efi", serverName: "files" }];
    await segment.startAgent({ assets: [program.toString("base64")], arm: ["db1"], documents: [serverDocument(), subnetDocument({ classes }), profile, hostDocument({ macs: [mac] })] });
    const packets = await segment.watch("udp dst port 69 or udp dst port 4011");
    await segment.startMachine("uefi", mac);
    const request = await packets.line((line) => line.includes("RRQ"), bootLimit);
    assert.match(request, /10\.77\.0\.11\.\d+ > 10\.77\.0\.1\.69: .*RRQ "efi\/loader\.efi"/);
    assert.deepEqual(packets.lines.filter((line) => line.includes(".4011:")), []);
  });

  test("B17 OVMF's HTTP Boot resolves the name in the URL of a class by the same offer's name server, and asks for it", async (t) => {
    const segment = await BootSegment.create(t);
    const names = await segment.startNames("boot.rack.example", "10.77.0.1");
    const classes = [{ name: "http", match: { vendorClass: "HTTPClient" }, bootFile: "http://boot.rack.example/images/uki.efi" }];
    await segment.startAgent({
      assets: [program.toString("base64")], arm: ["db1"],
      documents: [serverDocument(), subnetDocument({ classes, dnsServers: ["10.77.0.2"] }), profile, hostDocument({ macs: [mac] })],
    });
    const packets = await segment.watch("tcp dst port 80", "-A");
    await segment.startMachine("uefi", mac, ...httpBootFirst);
    await packets.line((line) => line.includes("HEAD /images/uki.efi HTTP/1.1"), bootLimit);
    assert.ok(names.lines.some((line) => line.includes("query[A] boot.rack.example from 10.77.0.11")), names.lines.join("\n"));
  });

  test("B9 a BIOS ROM takes server and boot program from the address's own offer", async (t) => {
    const segment = await BootSegment.create(t);
    const agent = await segment.startAgent({
      assets: [program.toString("base64")], arm: ["db1"], documents: [serverDocument(), subnetDocument(), profile, hostDocument({ macs: [mac] })],
    });
    await segment.startMachine("bios", mac);
    const sent = await event(agent, "tftp.sent");
    assert.deepEqual([sent.host, sent.address], ["db1", "10.77.0.11"]);
    assert.match(sent.text, /bios\/pxelinux\.0/);
  });

  test("B1 B13 OVMF loads iPXE, which asks again and gets its script, not iPXE", async (t) => {
    const segment = await BootSegment.create(t);
    const files = await segment.startFiles("/usr/lib/ipxe");
    const classes = [
      { name: "uefi", match: { architectures: [7, 9] }, bootFile: "snponly.efi", nextServer: "10.77.0.2" },
      { name: "ipxe", match: { userClass: "iPXE" }, bootFile: "http://10.77.0.1/boot/script.ipxe", nextServer: "10.77.0.1" },
    ];
    const agent = await segment.startAgent({
      assets: [program.toString("base64")], arm: ["db1"],
      // The host's own file goes before that of a class, and is of use to the ROM only.
      documents: [serverDocument(), subnetDocument({ classes }), profile, hostDocument({ macs: [mac], bootFile: "snponly.efi" })],
    });
    const packets = await segment.watch("tcp dst port 80", "-A");
    await segment.startMachine("uefi", mac);
    await packets.line((line) => line.includes("GET /boot/script.ipxe HTTP/1.1"), bootLimit);
    assert.ok(files.lines.some((line) => /sent \/usr\/lib\/ipxe\/snponly\.efi to 10\.77\.0\.11/.test(line)), files.lines.join("\n"));
    assert.ok(agent.lines.filter((line) => line.includes("leased 10.77.0.11 to 52:54:00:12:34:56 (db1, uefi-x64, boots: install)")).length >= 2, agent.lines.join("\n"));
  });
});

const row = { cidr: "10.78.0.0/24", pools: [], routers: ["10.78.0.254"], relays: ["10.78.0.254"] };
const there = hostDocument({ macs: [mac], subnet: "row", ip: "10.78.0.11" });

describe("behind a relay", { timeout: 2 * bootLimit }, () => {
  test("A10 A32 B13 iPXE in a BIOS ROM gets its address and its script", async (t) => {
    const segment = await BootSegment.create(t);
    const relay = await segment.startRelay();
    const classes = [{ name: "ipxe", match: { userClass: "iPXE" }, bootFile: "http://10.77.0.1/boot/script.ipxe" }];
    await segment.startAgent({ assets: [program.toString("base64")], arm: ["db1"], documents: [serverDocument(), subnetDocument({ ...row, classes }, "row"), profile, there] });
    const packets = await segment.watch("tcp dst port 80", "-A");
    await segment.startMachine("bios", mac);
    await packets.line((line) => line.includes("GET /boot/script.ipxe HTTP/1.1"), bootLimit);
    assert.ok(packets.lines.some((line) => / 10\.78\.0\.11\.\d+ > 10\.77\.0\.1\.80: /.test(line)), packets.lines.join("\n"));
    assert.ok(relay.lines.some((line) => line.includes(`Forwarded BOOTREPLY for ${mac} to 10.78.0.11`)), relay.lines.join("\n"));
  });

  test("A10 A32 B7 OVMF gets its address, and asks the machine that the header names for its file, neither this one nor the one of option 66", async (t) => {
    const segment = await BootSegment.create(t);
    await segment.startRelay();
    const other = await segment.station("10.77.0.9/24");
    const classes = [{ name: "uefi", match: { architectures: [7, 9] }, bootFile: "efi/loader.efi", nextServer: "10.77.0.9", serverName: "10.77.0.1" }];
    await segment.startAgent({ assets: [program.toString("base64")], arm: ["db1"], documents: [serverDocument(), subnetDocument({ ...row, classes }, "row"), profile, there] });
    const [here, elsewhere] = [await segment.watch("udp dst port 69 or udp dst port 4011"), await segment.watchOn(other, "eth0", "udp dst port 69")];
    await segment.startMachine("uefi", mac);
    const request = await elsewhere.line((line) => line.includes("RRQ"), bootLimit);
    assert.match(request, /10\.78\.0\.11\.\d+ > 10\.77\.0\.9\.69: .*RRQ "efi\/loader\.efi"/);
    assert.deepEqual(here.lines.filter((line) => /\.(69|4011):/.test(line)), []);
  });
});
