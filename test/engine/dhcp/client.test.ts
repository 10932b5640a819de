import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { architectureOf } from "../../../provider/engine/dhcp/architecture";
import { classify } from "../../../provider/engine/dhcp/client";
import { messageTypes, optionEntry, options, type DhcpPacket } from "../../../provider/wire/dhcp";
import { clientPacket } from "../../wire/dhcp/packets";
import { biosRom, stranger } from "./world";

type Entry = readonly [number, Uint8Array];
const discover = (entries: readonly Entry[] = [], fields: Partial<DhcpPacket> = {}) => clientPacket(stranger, messageTypes.discover, entries, fields);

describe("classify", () => {
  test("a boot ROM's packet becomes one record", () => {
    const { machineId, ...client } = classify(discover([...biosRom, optionEntry(options.maxMessageSize, 1260), optionEntry(options.parameterList, [1, 3])]));
    assert.deepEqual(client, {
      mac: stranger, clientId: null, key: `mac ${stranger}`, ask: { kind: "discover", wants: undefined },
      firmware: "bios", vendorClass: "PXEClient:Arch:00000:UNDI:002001", userClass: "", architectures: [0], isPxe: true, isHttpClient: false, isIpxe: false, isDebianInstaller: false,
      maxReply: 1232, asksFor: [1, 3], wantedLeaseTime: undefined,
      relay: { linkSelection: undefined, serverIdOverride: undefined, toSourcePort: false, circuitId: undefined, remoteId: undefined },
      subnetSelection: undefined,
    });
    assert.equal(machineId?.wire, "01020304-0506-0708-090a-0b0c0d0e0f10");
    assert.equal(machineId.canonical, "04030201-0605-0807-090a-0b0c0d0e0f10");
  });

  test("A29 a reply has at least 548 and at most 1472 bytes", () => {
    assert.equal(classify(discover()).maxReply, 548);
    assert.equal(classify(discover([optionEntry(options.maxMessageSize, 68)])).maxReply, 548);
    assert.equal(classify(discover([optionEntry(options.maxMessageSize, 9000)])).maxReply, 1472);
  });

  test("B13 iPXE is known by its bare user class, by the counted one, and by option 175", () => {
    const ipxe: readonly Entry[] = [[77, Buffer.from("iPXE")], [77, Buffer.from("\x04iPXE")], [175, Uint8Array.of(1, 1, 1)]];
    for (const entry of ipxe) assert.equal(classify(discover([entry])).isIpxe, true);
    assert.equal(classify(discover([[77, Buffer.from("other")]])).isIpxe, false);
  });

  test("B4 the architecture table", () => {
    const families = new Map([[0, "bios"], [20, "bios"], [7, "uefi-x64"], [9, "uefi-x64"], [16, "uefi-x64"], [17, "uefi-x64"], [11, "uefi-arm64"], [19, "uefi-arm64"]]);
    for (let code = 0; code < 60; code++) assert.equal(architectureOf([code]).firmware, families.get(code) ?? "other", String(code));
    assert.equal(architectureOf([0xffff]).firmware, "other");
    const http = [15, 16, 17, 18, 19, 20, 23, 24, 26, 28, 30, 38, 40];
    for (let code = 0; code < 60; code++) assert.equal(architectureOf([code]).http, http.includes(code), String(code));
    assert.equal(architectureOf([]).firmware, "unknown");
  });

  test("A38 what no client may send is malformed", () => {
    const bad: readonly DhcpPacket[] = [
      discover([], { op: 2 }),
      discover([], { giaddr: "255.255.255.255" }),
      ...[options.requestedAddress, options.serverId].map((option) => ({ ...discover(), options: new Map([optionEntry(option, "10.77.0.1")]) })),
      discover([[53, Uint8Array.of()]]),
      discover([[53, Uint8Array.of(1, 1)]]),
      ...[messageTypes.offer, messageTypes.ack, messageTypes.nak, 0, 9, 200].map((type) => clientPacket(stranger, type)),
      discover([[12, Uint8Array.of(0, 0)]]),
      discover([[61, Uint8Array.of()]]),
      discover([[43, Uint8Array.of(6, 5, 1)]]),
      discover([[82, Uint8Array.of(1, 9, 1)]]),
      discover([[50, Uint8Array.of(1, 2)]]),
      discover([[118, Uint8Array.of(1, 2)]]),
      clientPacket(stranger, messageTypes.request),
      clientPacket(stranger, messageTypes.decline),
      clientPacket(stranger, messageTypes.release),
    ];
    for (const packet of bad) assert.throws(() => classify(packet), { name: "PxeError", code: "PXE_PACKET_MALFORMED" });
  });
});
