import { messageTypes, optionEntry, options, readOption, type DhcpPacket } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { clientPacket } from "../../wire/dhcp/packets";
import { biosRom, db1, replyOf, World } from "./world";

export type Entries = readonly (readonly [number, Uint8Array])[];

/** Firmware by options 60 and 93; without codes 93 is missing. */
export const firmware = (vendorClass: string, ...codes: number[]): Entries =>
  [optionEntry(options.vendorClass, vendorClass), ...(codes.length === 0 ? [] : [optionEntry(options.clientArchitecture, codes)])];

export const uefiRom = firmware("PXEClient:Arch:00007:UNDI:003000", 7);
export const httpRom = firmware("HTTPClient:Arch:00016:UNDI:003000", 16);
const ipxeOwn: Entries = [[options.userClass.code, Buffer.from("iPXE")], [options.etherboot.code, Uint8Array.of(0xb1, 1, 1)]];
export const biosIpxe: Entries = [...biosRom, ...ipxeOwn];
export const uefiIpxe: Entries = [...firmware("PXEClient:Arch:00007:UNDI:003010", 7), ...ipxeOwn];

export type SubnetChange = Parameters<typeof subnetDocument>[0];
export type HostChange = Parameters<typeof hostDocument>[0];

/** A world whose subnet and host say more than the usual. */
export function worldOf(subnet: SubnetChange = {}, host: HostChange = {}, server: Parameters<typeof serverDocument>[0] = {}): World {
  return new World({ documents: [serverDocument(server), subnetDocument(subnet), profileDocument(), hostDocument({ macs: [db1], ...host })] });
}

/** What a reply says about booting, option by option. */
export function bootOf(packet: DhcpPacket) {
  const text = (code: number): string | undefined => {
    const value = packet.options.get(code);
    return value === undefined ? undefined : Buffer.from(value).toString("latin1");
  };
  return {
    siaddr: packet.siaddr, sname: packet.sname, file: packet.file,
    tftpServer: readOption(packet.options, options.tftpServer), bootFile: readOption(packet.options, options.bootFile),
    vendorClass: text(60), vendorSpecific: packet.options.has(43) ? Buffer.from(packet.options.get(43) ?? []).toString("hex") : undefined,
  };
}

/** The boot part of the offer to a client. */
export const offered = (world: World, entries: Entries, mac = db1) => bootOf(replyOf(world.discover(mac, entries), "offer"));

/** The name of the boot file offered; undefined when there is none. */
export const fileFor = (world: World, entries: Entries, mac = db1) => offered(world, entries, mac).bootFile;

export const request = (mac: string, entries: Entries, fields: Partial<DhcpPacket> = {}) => clientPacket(mac, messageTypes.request, entries, fields);
