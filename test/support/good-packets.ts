import { encodeDhcp, messageTypes, optionEntry, options, type DhcpPacket } from "../../provider/wire/dhcp";
import { firmware, httpRom, uefiIpxe, uefiRom, biosIpxe, type Entries } from "../engine/dhcp/boot-clients";
import { biosRom } from "../engine/dhcp/world";
import { clientPacket } from "../wire/dhcp/packets";

/** The network that packets are made for. */
export interface Place {
  readonly server: string;
  /** An address that a client may ask for. */
  readonly address: string;
  readonly relay: string;
  readonly macs: readonly string[];
}

const relayOption = (...items: readonly (readonly [number, readonly number[]])[]): Entries[number] =>
  [options.relayAgent.code, Uint8Array.from(items.flatMap(([code, value]) => [code, value.length, ...value]))];

const quad = (address: string): number[] => address.split(".").map(Number);

/** Who asks: options 55, 57, 60, 61, 77, 93, 97 and others as real clients send them. */
const kinds: readonly Entries[] = [
  [],
  [...biosRom, [options.parameterList.code, Uint8Array.of(1, 2, 3, 5, 6, 11, 12, 13, 15, 16, 17, 18, 43, 54, 60, 67, 128, 129, 135)], [options.maxMessageSize.code, Uint8Array.of(5, 0xc0)]],
  [...uefiRom, [options.parameterList.code, Uint8Array.of(1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97, 128)]],
  httpRom, biosIpxe, uefiIpxe,
  firmware("d-i"),
  firmware("MSFT 5.0").concat([[options.parameterList.code, Uint8Array.of(1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252)], [options.clientFqdn.code, Uint8Array.from([0, 0, 0, ...Buffer.from("db1.example")])]]),
  [[options.clientId.code, Uint8Array.from([255, 0, 0, 0, 1, 0, 1, 0x20, 0x21, 0x22, 0x23, 0x52, 0x54, 0, 0x12, 0x34, 0x56])], optionEntry(options.hostname, "db1"), optionEntry(options.leaseTime, 600)],
];

/** Good packets of every kind of client, message and way, as they are sent. */
export function goodPackets({ server, address, relay, macs }: Place): Uint8Array[] {
  const selected = [optionEntry(options.requestedAddress, address), optionEntry(options.serverId, server)];
  const messages: readonly (readonly [number, Entries, Partial<DhcpPacket>])[] = [
    [messageTypes.discover, [], {}], [messageTypes.discover, [optionEntry(options.requestedAddress, address)], { flags: 0x8000 }],
    [messageTypes.request, selected, {}], [messageTypes.request, [optionEntry(options.requestedAddress, address)], {}],
    [messageTypes.request, [], { ciaddr: address }], [messageTypes.decline, selected, {}], [messageTypes.release, selected.slice(1), { ciaddr: address }],
    [messageTypes.inform, [], { ciaddr: address }],
    [messageTypes.discover, [relayOption([1, [0, 1]], [2, [0, 2]], [5, quad(address)], [11, quad(relay)], [19, []])], { giaddr: relay }],
    [messageTypes.request, [...selected, relayOption([1, [0, 1]])], { giaddr: relay }],
    [messageTypes.discover, [[options.subnetSelection.code, Uint8Array.from(quad(address))]], {}],
  ];
  return kinds.flatMap((own, index) => messages.flatMap(([type, more, fields], at) => {
    const mac = macs[(index + at) % macs.length] ?? "";
    const packet = clientPacket(mac, type, [...own, ...more], fields);
    const bootp = { ...packet, options: new Map([...packet.options].filter(([code]) => ![50, 51, 53, 54].includes(code))) };
    return [encodeDhcp(packet), encodeDhcp(bootp)];
  }));
}
