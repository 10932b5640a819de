import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { installStates } from "../../../provider/model/control";
import { optionEntry, options, readOption, type DhcpPacket } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { fileFor, firmware, httpRom, offered as offeredTo, uefiRom, worldOf } from "./boot-clients";
import { biosRom, db1, replyOf, server, stranger, World } from "./world";

function bootOf(packet: DhcpPacket) {
  return {
    siaddr: packet.siaddr, file: packet.file,
    tftpServer: readOption(packet.options, options.tftpServer), bootFile: readOption(packet.options, options.bootFile),
  };
}

const program = { siaddr: server, file: "bios/pxelinux.0", tftpServer: server, bootFile: "bios/pxelinux.0" };
const nothing = { siaddr: "0.0.0.0", file: "", tftpServer: undefined, bootFile: undefined };
const offered = (entries: readonly (readonly [number, Uint8Array])[], mac = db1, world = new World()) => bootOf(replyOf(world.discover(mac, entries), "offer"));

describe("the boot program", () => {
  test("B9 a BIOS ROM gets it in siaddr, file, 66 and 67, in OFFER and ACK, asked for or not", () => {
    const world = new World();
    assert.deepEqual(offered(biosRom, db1, world), program);
    assert.deepEqual(bootOf(replyOf(world.select(db1, "10.77.0.11", biosRom), "ack")), program);
    assert.deepEqual(offered([...biosRom, optionEntry(options.parameterList, [1, 3])]), program);
  });

  test("B6 neither option 43 nor 60 stands beside it", () => {
    const offer = replyOf(new World().discover(db1, biosRom), "offer");
    assert.equal(offer.options.has(43), false);
    assert.equal(offer.options.has(60), false);
  });

  test("B8 66 and 67 end with a NUL", () => {
    const offer = replyOf(new World().discover(db1, biosRom), "offer");
    for (const code of [66, 67]) assert.equal(offer.options.get(code)?.at(-1), 0);
  });

  test("it is given in every state of the install, and the event says which boot it will be", () => {
    for (const state of installStates) {
      const decision = new World({ state }).discover(db1, biosRom);
      assert.deepEqual(bootOf(replyOf(decision, "offer")), program);
      const boot = state === "armed" || state === "installing" ? "install" : "local";
      assert.equal(decision.events[0]?.text, `offered 10.77.0.11 to ${db1} (db1, bios, boots: ${boot})`);
      assert.equal(decision.events[0].host, "db1");
    }
  });

  test("an unknown machine gets an address and no boot program", () => {
    const decision = new World().discover(stranger, biosRom);
    assert.deepEqual(bootOf(replyOf(decision, "offer")), nothing);
    assert.equal(decision.events[0]?.text, `offered 10.77.0.100 to ${stranger} (bios, boots: ignore)`);
  });

  test("a superseded host is served as an unknown machine", () => {
    const documents = [serverDocument(), subnetDocument(), profileDocument(), hostDocument(), hostDocument({ macs: [stranger] }, "db2")];
    const packet = replyOf(new World({ documents }).discover(db1, biosRom), "offer");
    assert.deepEqual(bootOf(packet), nothing);
    assert.equal(packet.yiaddr, "10.77.0.100");
    assert.equal(replyOf(new World({ documents }).discover(stranger, biosRom), "offer").yiaddr, "10.77.0.11");
  });

  test("B1 the architecture stands in option 60 where 93 is missing; 94 and 97 may be missing", () => {
    assert.deepEqual(offered(firmware("PXEClient:Arch:00000:UNDI:002001")), program);
    assert.deepEqual(offered(firmware("PXEClient", 0)), program);
    assert.deepEqual(offered(firmware("PXEClient")), nothing);
  });

  test("B3 of several architectures the first that is known counts", () => {
    assert.deepEqual(offered(firmware("PXEClient", 999, 0, 7)), program);
    assert.deepEqual(offered(firmware("PXEClient", 7, 0)), nothing);
  });

  test("B3 a client is of every class that one of its architectures is of", () => {
    const classes = [{ name: "efi", match: { architectures: [7] }, nextServer: "10.77.0.7" }, { name: "bios", match: { architectures: [0] }, bootFile: "grub.0" }];
    const told = (...codes: number[]) => (({ siaddr, bootFile }) => [siaddr, bootFile])(offered(firmware("PXEClient", ...codes), stranger, worldOf({ classes })));
    assert.deepEqual([told(7, 0), told(0, 7), told(7), told(0), told(9)], [
      ["10.77.0.7", "grub.0"], ["10.77.0.7", "grub.0"], ["10.77.0.7", undefined], [server, "grub.0"], ["0.0.0.0", undefined],
    ]);
  });

  test("B4 other firmware, HTTP clients and no PXE client at all get no BIOS program", () => {
    for (const code of [6, 7, 9, 10, 11, 999]) assert.deepEqual(offered(firmware("PXEClient", code)), nothing);
    assert.deepEqual(offered(firmware("HTTPClient", 16)), nothing);
    assert.deepEqual(offered(firmware("HTTPClient", 20)), nothing);
    assert.deepEqual(offered(firmware("udhcp 1.35", 0)), nothing);
    assert.deepEqual(offered([]), nothing);
  });

  test("debian-installer's own client gets no file name at all", () => {
    assert.deepEqual(offered(firmware("d-i")), nothing);
  });

  test("B2 option 97 is echoed verbatim when it is 17 bytes of type 0, else left out", () => {
    const machine = biosRom[3];
    assert.deepEqual(replyOf(new World().discover(db1, biosRom), "offer").options.get(97), machine[1]);
    for (const bytes of [Uint8Array.of(), Uint8Array.of(0, 1), new Uint8Array(17).fill(1)]) {
      const offer = replyOf(new World().discover(db1, [...biosRom.slice(0, 3), [97, bytes]]), "offer");
      assert.deepEqual([offer.options.has(97), bootOf(offer)], [false, program]);
    }
  });

  test("B2 it comes back in the ACK as well, asked for or not", () => {
    const world = new World();
    world.discover(db1, biosRom);
    for (const list of [[1, 3], [97, 1]]) {
      const ack = replyOf(world.select(db1, "10.77.0.11", [...biosRom, optionEntry(options.parameterList, list)]), "ack");
      assert.deepEqual(ack.options.get(97), biosRom[3][1]);
    }
  });
});

describe("what somebody configured", () => {
  const header = (name: string) => ({ bootFile: `${name}.0`, nextServer: `10.77.0.${String(name.length)}`, serverName: name });
  const rom = { name: "rom", match: { vendorClass: "PXEClient" } };

  test("B9 it is in siaddr, sname, file, 66 and 67; the host's goes before a later class's, that before an earlier one's, that before the subnet's", () => {
    const all = [header("of-the-subnet"), header("of-one-class"), header("of-the-other-class"), header("of-its-host")] as const;
    const [subnet, one, other, host] = all;
    const worlds = [
      worldOf(subnet), worldOf({ ...subnet, classes: [{ ...rom, ...one }] }), worldOf({ ...subnet, classes: [{ ...rom, ...one }, { ...rom, name: "other", ...other }] }),
      worldOf({ ...subnet, classes: [{ ...rom, ...one }, { ...rom, name: "other", ...other }] }, host),
    ];
    for (const [index, expected] of all.entries()) {
      const world = worlds[index] ?? worldOf();
      for (const entries of [biosRom, uefiRom]) {
        assert.deepEqual(offeredTo(world, entries), {
          siaddr: expected.nextServer, sname: expected.serverName, file: expected.bootFile, tftpServer: expected.serverName, bootFile: expected.bootFile,
          vendorClass: undefined, vendorSpecific: undefined,
        });
      }
    }
  });

  test("each field by itself: another server's file keeps the profile's name, another file this server", () => {
    const fields = (world: World) => (({ siaddr, file, tftpServer }) => [siaddr, file, tftpServer])(offeredTo(world, biosRom));
    assert.deepEqual(fields(worldOf({ nextServer: "10.77.0.9" })), ["10.77.0.9", "bios/pxelinux.0", "10.77.0.9"]);
    assert.deepEqual(fields(worldOf({ bootFile: "grub.0" })), [server, "grub.0", server]);
    assert.deepEqual(fields(worldOf({ serverName: "files" })), [server, "bios/pxelinux.0", "files"]);
  });

  test("B8 66 and 67 end with a NUL here too", () => {
    const offer = replyOf(worldOf(header("files")).discover(db1, uefiRom), "offer");
    for (const code of [66, 67]) assert.equal(offer.options.get(code)?.at(-1), 0);
  });

  test("it is for machines that nobody declared as well, and for a class that a client isn't of it is not", () => {
    assert.equal(fileFor(worldOf({ bootFile: "grub.0" }), biosRom, stranger), "grub.0");
    const classes = [{ name: "arm", match: { architectures: [11] }, bootFile: "arm.efi" }];
    assert.equal(fileFor(worldOf({ classes }), uefiRom), undefined);
    assert.equal(fileFor(worldOf({ classes }), firmware("PXEClient", 11)), "arm.efi");
  });

  test("a declared host gets it when it is to be installed, and boots from its disk like any other in every other state", () => {
    const documents = [serverDocument(), subnetDocument({ bootFile: "subnet.0", nextServer: "10.77.0.9" }), profileDocument(), hostDocument({ macs: [db1], bootFile: "host.0" })];
    for (const state of installStates) {
      const told = offeredTo(new World({ documents, state }), biosRom);
      const installs = state === "armed" || state === "installing";
      assert.deepEqual([told.file, told.siaddr], installs ? ["host.0", "10.77.0.9"] : ["bios/pxelinux.0", server], state);
      assert.equal(fileFor(new World({ documents, state }), uefiRom), installs ? "host.0" : undefined, state);
    }
  });

  test("a host that another document took over from boots nothing", () => {
    const documents = [serverDocument(), subnetDocument({ bootFile: "subnet.0" }), profileDocument(), hostDocument({ macs: [db1] }), hostDocument({ macs: [stranger] }, "db2")];
    assert.equal(fileFor(new World({ documents }), biosRom), undefined);
  });

  test("A28 B1 GRUB's bare DISCOVER and clients that say nothing but their architecture boot; an installer's and a system's own clients don't", () => {
    const world = worldOf({ bootFile: "grub.0", nextServer: "10.77.0.9" });
    assert.equal(fileFor(world, []), "grub.0");
    assert.equal(fileFor(world, firmware("U-Boot.armv8", 22)), "grub.0");
    const parameters = optionEntry(options.parameterList, [1, 3, 66, 67]);
    for (const entries of [firmware("d-i"), firmware("udhcp 1.35"), firmware("MSFT 5.0"), [parameters], [...firmware("d-i"), parameters]]) {
      assert.deepEqual(offered(entries, db1, world), nothing);
    }
  });

  test("B17 a URL is for HTTP Boot, and the profile's program for a ROM, on one subnet", () => {
    const world = worldOf({ bootFile: "http://10.77.0.1/uki.efi" });
    assert.equal(fileFor(world, httpRom), "http://10.77.0.1/uki.efi");
    assert.equal(fileFor(world, biosRom), "bios/pxelinux.0");
    const both = worldOf({ bootFile: "snponly.efi", classes: [{ name: "http", match: { vendorClass: "HTTPClient" }, bootFile: "http://10.77.0.1/uki.efi" }] });
    assert.deepEqual([fileFor(both, uefiRom), fileFor(both, httpRom)], ["snponly.efi", "http://10.77.0.1/uki.efi"]);
  });
});
