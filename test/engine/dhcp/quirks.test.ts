import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { quirks } from "../../../provider/engine/dhcp/quirks";
import { optionEntry, options } from "../../../provider/wire/dhcp";
import { biosIpxe, bootOf, fileFor, firmware, httpRom, offered, uefiIpxe, uefiRom, worldOf, type Entries } from "./boot-clients";
import { biosRom, db1, replyOf, server, stranger, World } from "./world";

const tested = new Set<string>();
/** Notes which row a test is of: its name is the row's, after the ids. */
function note(name: string): void {
  tested.add(name.replace(/^(?:[A-Z]\d+ )*/, ""));
}

const raw67 = (value: string) => ({ raw: [{ code: 67, type: "hex" as const, value: Buffer.from(value).toString("hex") }] });

describe("firmware quirks, row by row", () => {
  test("debian-installer is told no URL", ({ name }) => {
    note(name);
    const url = "http://10.77.0.1/boot.ipxe";
    const asks = optionEntry(options.parameterList, [1, 3, 67]);
    const classes = [{ name: "all", match: { macPrefixes: ["52:54:00"] }, bootFile: url, options: raw67(url) }];
    const reply = replyOf(worldOf({ classes }).discover(db1, [...firmware("d-i"), asks]), "offer");
    assert.deepEqual(bootOf(reply), { siaddr: "0.0.0.0", sname: "", file: "", tftpServer: undefined, bootFile: undefined, vendorClass: undefined, vendorSpecific: undefined });
  });

  test("B17 HTTP Boot wants a URL and its own class back", ({ name }) => {
    note(name);
    const subnet = { bootFile: "http://boot.rack.example/uki.efi", serverName: "files", dnsServers: ["10.77.0.254"] };
    // Without option 6 in its list.
    const packet = replyOf(worldOf(subnet).discover(db1, [...httpRom, optionEntry(options.parameterList, [1, 3, 60, 67])]), "offer");
    assert.deepEqual(bootOf(packet), {
      siaddr: server, sname: "", file: subnet.bootFile, tftpServer: server, bootFile: subnet.bootFile, vendorClass: "HTTPClient", vendorSpecific: undefined,
    });
    assert.deepEqual([...(packet.options.get(6) ?? [])], [10, 77, 0, 254]);
    const plain = replyOf(worldOf({ ...subnet, bootFile: "http://10.77.0.1/uki.efi" }).discover(db1, [...httpRom, optionEntry(options.parameterList, [1])]), "offer");
    assert.equal(plain.options.has(6), false);
    const long = `http://10.77.0.1/${"x".repeat(105)}.efi`;
    assert.deepEqual([offered(worldOf({ bootFile: long }), httpRom).file, fileFor(worldOf({ bootFile: long }), httpRom)], [long, long]);
    for (const file of ["efi/loader.efi", "tftp://10.77.0.1/loader.efi"]) {
      const nothing = offered(worldOf({ bootFile: file }), httpRom);
      assert.deepEqual([nothing.vendorClass, nothing.bootFile, nothing.siaddr], [undefined, undefined, "0.0.0.0"]);
    }
  });

  test("B1 a ROM without iPXE takes no URL", ({ name }) => {
    note(name);
    const world = worldOf({ bootFile: "http://10.77.0.1/uki.efi" });
    assert.equal(fileFor(world, biosRom), "bios/pxelinux.0");
    assert.equal(fileFor(world, uefiRom), undefined);
    assert.equal(fileFor(world, biosIpxe), "http://10.77.0.1/uki.efi");
  });

  test("B13 iPXE isn't sent iPXE again", ({ name }) => {
    note(name);
    const script = "http://10.77.0.1/boot.ipxe";
    const classes = [{ name: "second-stage", match: { userClass: "iPXE" }, bootFile: script }];
    for (const loader of ["ipxe.efi", "efi/snponly.efi", "undionly.kpxe", "ipxe-x86_64.efi", "ipxe.pxe", "undionly.kkpxe"]) {
      // The host is the innermost, and names what its ROM is to load.
      const world = worldOf({ classes }, { bootFile: loader });
      assert.equal(fileFor(world, uefiRom), loader);
      assert.equal(fileFor(world, uefiIpxe), script);
      // Without a script PXELINUX does, which runs from iPXE in BIOS as well.
      assert.equal(fileFor(worldOf({ bootFile: loader }), biosIpxe), "bios/pxelinux.0");
      assert.equal(fileFor(worldOf({ bootFile: loader }), uefiIpxe), undefined);
    }
    // What is no loader stays as it is: the host's own script goes before the class's.
    assert.equal(fileFor(worldOf({ classes }, { bootFile: "http://10.77.0.1/db1.ipxe" }), uefiIpxe), "http://10.77.0.1/db1.ipxe");
    const counted: Entries = [...uefiRom, [options.userClass.code, Buffer.from("\x04iPXE")]];
    assert.equal(fileFor(worldOf({ classes }, { bootFile: "ipxe.efi" }), counted), script);
  });

  test("B13 shim doesn't run under iPXE's UEFI", ({ name }) => {
    note(name);
    const world = worldOf({ bootFile: "debian/shimx64.efi" });
    assert.equal(fileFor(world, uefiRom), "debian/shimx64.efi");
    assert.equal(fileFor(world, uefiIpxe), undefined);
  });

  test("B12 iPXE needn't wait for a proxy", ({ name }) => {
    note(name);
    const etherboot = (world: World, mac = db1) => replyOf(world.discover(mac, biosIpxe), "offer").options.get(175);
    assert.deepEqual(etherboot(worldOf()), Uint8Array.of(0xb0, 1, 1));
    assert.equal(etherboot(worldOf(), stranger), undefined, "another server's proxy may have something for it");
    assert.equal(replyOf(worldOf({ dhcpMode: "proxy" }).discover(db1, biosIpxe), "offer").options.has(175), false);
    assert.equal(replyOf(worldOf().discover(db1, biosRom), "offer").options.has(175), false);
  });

  test("B16 a Raspberry Pi looks for its menu entry", ({ name }) => {
    note(name);
    const menu = `0601080914${Buffer.from("\0\0\x11Raspberry Pi Boot").toString("hex")}0a04${Buffer.from("\0PXE").toString("hex")}ff`;
    const pi3 = "b8:27:eb:01:02:03";
    const world = worldOf({}, { macs: [pi3, db1] });
    const rom = firmware("PXEClient:Arch:00000:UNDI:002001", 0);
    assert.deepEqual(offered(world, rom, pi3), { siaddr: server, sname: "", file: "", tftpServer: server, bootFile: undefined, vendorClass: "PXEClient", vendorSpecific: menu });
    assert.equal(offered(worldOf({}, { macs: [pi3], bootFile: "pi/start4.elf" }), rom, pi3).file, "pi/start4.elf");
    const uuid: Entries = [...rom, [97, Uint8Array.from([0, ...Buffer.from("RPi4"), ...new Uint8Array(12)])]];
    assert.equal(offered(world, uuid).vendorSpecific, menu);
    assert.equal(offered(world, firmware("PXEClient", 41)).vendorSpecific, menu);
    assert.equal(offered(world, firmware("PXEClient", 11), pi3).vendorSpecific, undefined, "UEFI on a Pi");
    assert.equal(offered(world, rom).vendorSpecific, undefined, "any other ROM");
    assert.equal(offered(world, rom, "b8:27:eb:09:09:09").vendorSpecific, undefined, "a Pi that isn't declared");
  });

  test("B5 B10 B15 a BIOS ROM boots the proxy's file directly", ({ name }) => {
    note(name);
    const { vendorClass, vendorSpecific, file } = offered(worldOf({ dhcpMode: "proxy" }), biosRom);
    assert.deepEqual([vendorClass, vendorSpecific, file], ["PXEClient", "060108ff", "bios/pxelinux.0"]);
    assert.equal(offered(worldOf(), biosRom).vendorSpecific, undefined);
  });

  test("B14 iPXE in a BIOS ROM wants the proxy's file as a URL", ({ name }) => {
    note(name);
    const proxy = { dhcpMode: "proxy" as const };
    const url = `tftp://${server}/bios/pxelinux.0`;
    assert.deepEqual([offered(worldOf(proxy), biosIpxe).file, fileFor(worldOf(proxy), biosIpxe)], [url, url]);
    assert.equal(fileFor(worldOf({ ...proxy, nextServer: "10.77.0.9" }), biosIpxe), "tftp://10.77.0.9/bios/pxelinux.0");
    assert.equal(fileFor(worldOf(proxy, {}, { tftpPort: 6969 }), biosIpxe), `tftp://${server}:6969/bios/pxelinux.0`);
    assert.equal(fileFor(worldOf({ ...proxy, bootFile: "http://10.77.0.1/a.ipxe" }), biosIpxe), "http://10.77.0.1/a.ipxe");
    assert.equal(fileFor(worldOf(), biosIpxe), "bios/pxelinux.0");
    assert.equal(fileFor(worldOf({ ...proxy, bootFile: "script.ipxe" }), uefiIpxe), "script.ipxe");
  });

  test("B6 B11 UEFI asks the proxy again", ({ name }) => {
    note(name);
    const world = worldOf({ dhcpMode: "proxy", bootFile: "efi/loader.efi" });
    for (const code of [7, 9, 11, 6]) {
      const { vendorClass, vendorSpecific, file, bootFile } = offered(world, firmware("PXEClient", code));
      assert.deepEqual([vendorClass, vendorSpecific, file, bootFile], ["PXEClient", undefined, "", undefined]);
    }
  });

  after(() => { assert.deepEqual([...tested].sort(), quirks.map((quirk) => quirk.name).sort(), "a row without a test, or a test without a row"); });
});
