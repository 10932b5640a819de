import { pxeError } from "../../errors";
import { anyAddress, messageTypes, options, readOption, type DhcpPacket } from "../../wire/dhcp";

/** What a client wants; the four kinds of REQUEST told apart by RFC 2131 section 4.3.2. */
export type Ask =
  | { readonly kind: "discover"; readonly wants: string | undefined }
  | { readonly kind: "selecting"; readonly serverId: string; readonly address: string }
  | { readonly kind: "init-reboot"; readonly address: string }
  /** RENEWING or REBINDING: told apart by how the packet came. */
  | { readonly kind: "extend"; readonly address: string }
  | { readonly kind: "decline"; readonly serverId: string | undefined; readonly address: string }
  | { readonly kind: "release"; readonly serverId: string | undefined; readonly address: string }
  | { readonly kind: "inform"; readonly address: string }
  /** A BOOTP client (RFC 1534): it sends no message type. */
  | { readonly kind: "bootp" };

/** Options that only a DHCP message has: beside one of them a missing message type is a broken message, and no BOOTP. */
const dhcpOnly: readonly number[] = [options.requestedAddress, options.leaseTime, options.serverId].map((option) => option.code);

/** @throws PXE_PACKET_MALFORMED when the message type is none of a client's, or an address that it needs is missing */
export function readAsk(packet: DhcpPacket): Ask {
  if (!packet.options.has(options.messageType.code) && !dhcpOnly.some((code) => packet.options.has(code))) return { kind: "bootp" };
  const type = readOption(packet.options, options.messageType);
  const requested = readOption(packet.options, options.requestedAddress);
  const serverId = readOption(packet.options, options.serverId);
  switch (type) {
    case messageTypes.discover:
      return { kind: "discover", wants: requested };
    case messageTypes.request:
      return readRequest(packet, requested, serverId);
    case messageTypes.decline:
      return { kind: "decline", serverId, address: needed(requested, "the declined address") };
    case messageTypes.release:
      return { kind: "release", serverId, address: needed(bound(packet), "the released address") };
    case messageTypes.inform:
      return { kind: "inform", address: packet.ciaddr };
    case undefined:
      throw malformed("it has no message type");
    default:
      throw malformed(`its message type is ${String(type)}`);
  }
}

function readRequest(packet: DhcpPacket, requested: string | undefined, serverId: string | undefined): Ask {
  const ciaddr = bound(packet);
  if (serverId !== undefined) return { kind: "selecting", serverId, address: needed(requested ?? ciaddr, "the requested address") };
  if (ciaddr !== undefined) return { kind: "extend", address: ciaddr };
  return { kind: "init-reboot", address: needed(requested, "the requested address") };
}

function bound(packet: DhcpPacket): string | undefined {
  return packet.ciaddr === anyAddress ? undefined : packet.ciaddr;
}

function needed(address: string | undefined, what: string): string {
  if (address === undefined) throw malformed(`${what} is missing`);
  return address;
}

function malformed(what: string) {
  return pxeError("PXE_PACKET_MALFORMED", `the DHCP packet is malformed: ${what}`);
}
