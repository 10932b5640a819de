import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bootLimit, bootProfile, bootProgram, BootSegment, eventOf } from "../support/boot-segment";
import { hostDocument, serverDocument, subnetDocument } from "../support/documents";

const mac = "52:54:00:12:34:56";

describe("beside dnsmasq, which gives the address", { timeout: 2 * bootLimit }, () => {
  test("B10 B12 B14 a BIOS ROM takes the boot program of the proxy, and is known by the address that it got", async (t) => {
    const segment = await BootSegment.create(t);
    const dnsmasq = await segment.startForeign();
    const agent = await segment.startAgent({
      assets: [bootProgram.toString("base64")], arm: ["db1"],
      documents: [serverDocument({ dhcpMode: "proxy" }), subnetDocument({ pools: [] }), bootProfile, hostDocument({ macs: [mac] })],
    });
    const service = await segment.watch("udp port 4011");
    await segment.startMachine("bios", mac);
    const sent = await eventOf(agent, "tftp.sent");
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
      assets: [bootProgram.toString("base64")], arm: ["db1"],
      documents: [serverDocument({ dhcpMode: "proxy" }), subnetDocument({ pools: [], classes }), bootProfile, hostDocument({ macs: [mac] })],
    });
    const files = await segment.watch("udp dst port 69");
    await segment.startMachine("uefi", mac);
    const request = await files.line((line) => line.includes("RRQ"), bootLimit);
    assert.match(request, /10\.77\.0\.(5\d|60)\.\d+ > 10\.77\.0\.1\.69: .*RRQ "efi\/loader\.efi"/);
    const told = await eventOf(agent, "dhcp.ack");
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
    await segment.startAgent({ assets: [bootProgram.toString("base64")], arm: ["db1"], documents: [serverDocument(), subnetDocument({ classes }), bootProfile, hostDocument({ macs: [mac] })] });
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
      assets: [bootProgram.toString("base64")], arm: ["db1"],
      documents: [serverDocument(), subnetDocument({ classes, dnsServers: ["10.77.0.2"] }), bootProfile, hostDocument({ macs: [mac] })],
    });
    const packets = await segment.watch("tcp dst port 80", "-A");
    await segment.startMachine("uefi", mac, ...httpBootFirst);
    await packets.line((line) => line.includes("HEAD /images/uki.efi HTTP/1.1"), bootLimit);
    assert.ok(names.lines.some((line) => line.includes("query[A] boot.rack.example from 10.77.0.11")), names.lines.join("\n"));
  });
});
