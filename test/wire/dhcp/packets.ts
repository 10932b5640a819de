import { anyAddress, optionEntry, options, type DhcpPacket } from "../../../provider/wire/dhcp";

/** The 16-byte chaddr field of a MAC address. */
export function chaddrOf(mac: string): Uint8Array {
  const field = new Uint8Array(16);
  field.set(mac.split(":").map((part) => Number.parseInt(part, 16)));
  return field;
}

/** A message from an Ethernet client. */
export function clientPacket(
  mac: string, type: number, entries: readonly (readonly [number, Uint8Array])[] = [], fields: Partial<DhcpPacket> = {},
): DhcpPacket {
  return {
    op: 1, htype: 1, hlen: 6, hops: 0, xid: 0x12345678, secs: 0, flags: 0,
    ciaddr: anyAddress, yiaddr: anyAddress, siaddr: anyAddress, giaddr: anyAddress,
    chaddr: chaddrOf(mac), sname: "", file: "",
    options: new Map([optionEntry(options.messageType, type), ...entries]),
    ...fields,
  };
}

/** Independent of the codec: the 240 bytes before the options, then the bytes given. */
export function rawMessage(tail: readonly number[], patch: (bytes: Buffer) => void = () => undefined): Buffer {
  const head = Buffer.alloc(240);
  head[0] = 1;
  head[1] = 1;
  head[2] = 6;
  head.writeUInt32BE(0x12345678, 4);
  head.set([0x52, 0x54, 0, 0x12, 0x34, 0x56], 28);
  head.set([0x63, 0x82, 0x53, 0x63], 236);
  const all = Buffer.concat([head, Buffer.from(tail)]);
  patch(all);
  return all;
}
