import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { anyAddress, encodeDhcp, messageTypes, optionEntry, options, readOption } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { biosIpxe, bootOf, firmware, httpRom, request, uefiIpxe, uefiRom, worldOf, type Entries, type HostChange, type SubnetChange } from "./boot-clients";
import { activeLease, assertSilent, biosRom, db1, replyOf, server, stranger, World } from "./world";

const other = "10.77.0.2";
const proxyWorld = (subnet: SubnetChange = {}, host: HostChange = {}): World => worldOf({ dhcpMode: "proxy", ...subnet }, host);
const uefiFile = { bootFile: "efi/loader.efi" };

describe("a proxy on port 67", () => {
  test("B10 a BIOS ROM is offered the boot program and no address, by broadcast", () => {
    const decision = proxyWorld().discover(db1, biosRom);
    const packet = replyOf(decision, "offer");
    assert.deepEqual(decision.reply?.destination, { kind: "broadcast" });
    assert.equal(packet.yiaddr, anyAddress);
    assert.equal(packet.flags, 0x8000);
    assert.deepEqual([...packet.options.keys()].sort((a, b) => a - b), [43, 53, 54, 60, 66, 67, 97]);
    assert.deepEqual(bootOf(packet), {
      siaddr: server, sname: "", file: "bios/pxelinux.0", tftpServer: server, bootFile: "bios/pxelinux.0", vendorClass: "PXEClient", vendorSpecific: "060108ff",
    });
    assert.equal(readOption(packet.options, options.serverId), server);
    assert.equal(decision.events[0]?.text, `offered bios/pxelinux.0 to ${db1} (db1, bios, boots: install), beside the server that gives it an address`);
    assert.deepEqual([decision.leases, decision.offers], [[], []]);
  });

  test("B10 nobody who isn't a PXE client is answered, whatever it asks for", () => {
    const world = proxyWorld({ ...uefiFile, nextServer: "10.77.0.9" });
    for (const entries of [[], firmware("d-i"), firmware("MSFT 5.0"), firmware("udhcp 1.35", 0), [optionEntry(options.parameterList, [1, 3, 6])]] as Entries[]) {
      assertSilent(world.discover(db1, entries));
      assertSilent(world.discover(stranger, entries));
    }
  });

  test("A29 A32 B10 an answer is no longer than the client takes: a relay's option 82 that doesn't fit is left out", () => {
    const subOption = [1, 253, ...Array.from({ length: 253 }, () => 7)];
    for (const [parts, echoed] of [[0, true], [5, false]] as const) {
      const relayAgent = Uint8Array.from([1, 2, 0, 1, ...Array.from({ length: parts }, () => subOption).flat()]);
      const decision = proxyWorld().discover(db1, [...biosRom, [options.relayAgent.code, relayAgent]], { giaddr: "10.77.0.254" });
      const packet = replyOf(decision, "offer");
      assert.ok(encodeDhcp(packet).length <= 576 - 28);
      assert.deepEqual([packet.options.has(options.relayAgent.code), readOption(packet.options, options.bootFile)], [echoed, "bios/pxelinux.0"]);
    }
  });

  test("B10 a PXE client with nothing to boot is left alone, an undeclared one among them", () => {
    assertSilent(proxyWorld().discover(db1, uefiRom));
    assertSilent(proxyWorld().discover(stranger, biosRom));
    assertSilent(proxyWorld().discover(db1, httpRom));
    assert.equal(replyOf(proxyWorld(uefiFile).discover(stranger, uefiRom), "offer").yiaddr, anyAddress);
    assertSilent(proxyWorld({ ...uefiFile, unknownClients: "known-only" }).discover(stranger, uefiRom));
  });

  test("B11 a UEFI ROM's offer has neither option 43 nor a file: it asks on port 4011", () => {
    const packet = replyOf(proxyWorld(uefiFile).discover(db1, uefiRom), "offer");
    assert.deepEqual(bootOf(packet), {
      siaddr: server, sname: "", file: "", tftpServer: server, bootFile: undefined, vendorClass: "PXEClient", vendorSpecific: undefined,
    });
  });

  test("B12 iPXE is told server and file at once, so that it doesn't ask on port 4011", () => {
    for (const rom of [biosIpxe, uefiIpxe]) {
      const { siaddr, file } = replyOf(proxyWorld({ bootFile: "http://10.77.0.1/boot.ipxe" }).discover(db1, rom), "offer");
      assert.deepEqual([siaddr, file], [server, "http://10.77.0.1/boot.ipxe"]);
    }
  });

  test("B17 HTTP Boot gets its URL from a proxy too", () => {
    const { vendorClass, bootFile } = bootOf(replyOf(proxyWorld({ bootFile: "http://10.77.0.1/uki.efi" }).discover(db1, httpRom), "offer"));
    assert.deepEqual([vendorClass, bootFile], ["HTTPClient", "http://10.77.0.1/uki.efi"]);
  });

  test("A32 B10 a relay gets the offer, with option 82 last and the broadcast bit set, as there is no address to send to", () => {
    const relay = Uint8Array.of(1, 3, 97, 98, 99);
    const decision = proxyWorld().discover(db1, [[82, relay], ...biosRom], { giaddr: "10.77.0.253" });
    assert.deepEqual(decision.reply?.destination, { kind: "relay", address: "10.77.0.253", port: 67 });
    const packet = replyOf(decision, "offer");
    assert.equal(packet.flags, 0x8000);
    assert.deepEqual([...packet.options].at(-1), [82, relay]);
  });

  test("B10 no lease is given, refused, released or quarantined, though some are known from before", () => {
    const lease = activeLease("10.77.0.11", db1);
    const world = new World({ documents: [serverDocument(), subnetDocument({ dhcpMode: "proxy" }), profileDocument(), hostDocument({ macs: [db1] })], leases: [lease] });
    const asked = [optionEntry(options.requestedAddress, "10.77.0.11")];
    const selecting = [...asked, optionEntry(options.serverId, server)];
    const all = [
      world.discover(db1, biosRom), world.select(db1, "10.77.0.11", biosRom), world.reboot(db1, "10.77.0.11"), world.reboot(db1, "192.168.1.5"),
      world.extend(db1, "10.77.0.11"), world.extend(stranger, "10.77.0.12"), world.release(db1, "10.77.0.11"), world.decline(db1, "10.77.0.11"),
      world.send(clientPacket(db1, messageTypes.inform, biosRom, { ciaddr: "10.77.0.11" })),
      world.send(clientPacket(db1, messageTypes.request, selecting)), world.send(clientPacket(db1, messageTypes.decline, asked)),
    ];
    for (const decision of all) assert.deepEqual([decision.leases, decision.offers], [[], []]);
    for (const decision of all.slice(1)) assert.equal(decision.reply, undefined);
    assert.deepEqual([...world.leases.all()], [lease]);
  });

  test("B10 a REQUEST to another server tells which address the machine gets; one to this server doesn't", () => {
    const world = proxyWorld();
    const toOther = [optionEntry(options.requestedAddress, "10.77.0.50"), optionEntry(options.serverId, other)];
    assert.deepEqual(world.send(request(db1, toOther)).sighting, { mac: db1, address: "10.77.0.50" });
    assert.deepEqual(world.extend(db1, "10.77.0.51").sighting, { mac: db1, address: "10.77.0.51" });
    assert.equal(world.select(db1, "10.77.0.50").sighting, undefined);
    // It may be refused, if it is another machine's by now.
    assert.equal(world.reboot(db1, "10.77.0.50").sighting, undefined);
    assert.equal(worldOf().send(request(db1, toOther)).sighting, undefined);
  });

  test("B10 the server's mode holds where the subnet says nothing, and the subnet's goes before it", () => {
    const yiaddr = (world: World) => replyOf(world.discover(db1, biosRom), "offer").yiaddr;
    assert.equal(yiaddr(worldOf({}, {}, { dhcpMode: "proxy" })), anyAddress);
    assert.equal(yiaddr(worldOf({ dhcpMode: "full" }, {}, { dhcpMode: "proxy" })), "10.77.0.11");
  });
});

describe("a proxy on port 4011", () => {
  const at = "10.77.0.50";
  const asks = (entries: Entries = uefiRom, fields = { ciaddr: at }) => request(db1, entries, fields);

  test("B11 a UEFI ROM's REQUEST is acknowledged with the boot file, its ciaddr kept", () => {
    const machineId: Entries = [[97, Uint8Array.from([0, ...new Uint8Array(16).fill(7)])]];
    const decision = proxyWorld(uefiFile).askService(asks([...uefiRom, ...machineId, optionEntry(options.serverId, server)]), at);
    assert.ok(decision.reply, decision.reason);
    const { reply } = decision;
    assert.equal(readOption(reply.options, options.messageType), messageTypes.ack);
    assert.deepEqual([reply.ciaddr, reply.yiaddr], [at, anyAddress]);
    assert.deepEqual(bootOf(reply), {
      siaddr: server, sname: "", file: "efi/loader.efi", tftpServer: server, bootFile: "efi/loader.efi", vendorClass: "PXEClient", vendorSpecific: undefined,
    });
    assert.deepEqual(reply.options.get(97), machineId[0]?.[1]);
    assert.deepEqual([51, 1, 3].filter((code) => reply.options.has(code)), []);
    assert.deepEqual(decision.sighting, { mac: db1, address: at });
    assert.equal(decision.events[0]?.text, `told ${db1} (db1, uefi-x64, boots: install) at ${at} to boot efi/loader.efi`);
  });

  test("B11 a client that leaves ciaddr out is known by the address that it sends from", () => {
    const decision = proxyWorld(uefiFile).askService(asks(uefiRom, { ciaddr: anyAddress }), at);
    assert.equal(decision.reply?.ciaddr, anyAddress);
    assert.deepEqual(decision.sighting, { mac: db1, address: at });
  });

  test("B11 the boot item that was asked for comes back", () => {
    const item = Uint8Array.of(71, 4, 0, 0, 0, 0, 255);
    const reply = proxyWorld(uefiFile).askService(asks([...uefiRom, [43, item]]), at).reply;
    assert.deepEqual(reply?.options.get(43), item);
  });

  test("B11 others are not answered: no PXE client, another server's, other messages, a subnet that is served in full", () => {
    const world = proxyWorld({ ...uefiFile });
    assert.equal(world.askService(asks(firmware("d-i")), at).reply, undefined);
    assert.equal(world.askService(asks([...uefiRom, optionEntry(options.serverId, other)]), at).reply, undefined);
    for (const type of [messageTypes.discover, messageTypes.inform, messageTypes.release]) {
      assert.equal(world.askService(clientPacket(db1, type, uefiRom, { ciaddr: at }), at).reply, undefined);
    }
    assert.equal(worldOf(uefiFile).askService(asks(), at).reply, undefined);
    assert.equal(proxyWorld().askService(asks(), at).reply, undefined);
    assert.equal(proxyWorld({ ...uefiFile, unknownClients: "known-only" }).askService(request(stranger, uefiRom, { ciaddr: at }), at).reply, undefined);
    assert.equal(world.askService(asks(uefiRom, { ciaddr: "192.168.1.5" }), "192.168.1.5").reply !== undefined, true, "by the interface's subnet");
  });
});
