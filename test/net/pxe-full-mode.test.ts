import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bootLimit, bootProfile, bootProgram, BootSegment, eventOf } from "../support/boot-segment";
import { hostDocument, serverDocument, subnetDocument } from "../support/documents";

const mac = "52:54:00:12:34:56";

describe("with addresses of our own", { timeout: 2 * bootLimit }, () => {
  test("B9 a BIOS ROM takes server and boot program from the address's own offer", async (t) => {
    const segment = await BootSegment.create(t);
    const agent = await segment.startAgent({
      assets: [bootProgram.toString("base64")], arm: ["db1"], documents: [serverDocument(), subnetDocument(), bootProfile, hostDocument({ macs: [mac] })],
    });
    await segment.startMachine("bios", mac);
    const sent = await eventOf(agent, "tftp.sent");
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
      assets: [bootProgram.toString("base64")], arm: ["db1"],
      // The host's own file goes before that of a class, and is of use to the ROM only.
      documents: [serverDocument(), subnetDocument({ classes }), bootProfile, hostDocument({ macs: [mac], bootFile: "snponly.efi" })],
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
    await segment.startAgent({ assets: [bootProgram.toString("base64")], arm: ["db1"], documents: [serverDocument(), subnetDocument({ ...row, classes }, "row"), bootProfile, there] });
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
    await segment.startAgent({ assets: [bootProgram.toString("base64")], arm: ["db1"], documents: [serverDocument(), subnetDocument({ ...row, classes }, "row"), bootProfile, there] });
    const [here, elsewhere] = [await segment.watch("udp dst port 69 or udp dst port 4011"), await segment.watchOn(other, "eth0", "udp dst port 69")];
    await segment.startMachine("uefi", mac);
    const request = await elsewhere.line((line) => line.includes("RRQ"), bootLimit);
    assert.match(request, /10\.78\.0\.11\.\d+ > 10\.77\.0\.9\.69: .*RRQ "efi\/loader\.efi"/);
    assert.deepEqual(here.lines.filter((line) => /\.(69|4011):/.test(line)), []);
  });
});
