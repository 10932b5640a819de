import { anyAddress, broadcastFlag, type DhcpPacket } from "../../wire/dhcp";
import type { Destination } from "./decision";
import type { Exchange } from "./exchange";

/** Port that relays listen on (RFC 2131 section 4.1). */
const relayPort = 67;

/** Where an OFFER or ACK goes (RFC 2131 section 4.1), or the answer to a BOOTP client. ciaddr counts only where the client may fill it in. */
export function replyDestination(exchange: Exchange, address: string): Destination {
  const { ask, mac } = exchange.client;
  const relay = toRelay(exchange);
  if (relay !== undefined) return relay;
  if (ask.kind === "extend") return { kind: "unicast", address: ask.address };
  // Only its own address: another one would have the answer sent to somebody else (RFC 1542 section 4.1.2).
  if (ask.kind === "bootp" && exchange.packet.ciaddr === address) return { kind: "unicast", address };
  if ((exchange.packet.flags & broadcastFlag) !== 0) return { kind: "broadcast" };
  return { kind: "hardware", address, mac };
}

/** RFC 2131 section 4.3.2: a NAK goes to the relay or is broadcast, never to ciaddr, which may be on another network. */
export function nakDestination(exchange: Exchange): Destination {
  return toRelay(exchange) ?? { kind: "broadcast" };
}

/** RFC 2131 section 4.3.5: the answer to an INFORM goes to ciaddr, past any relay. Undefined when nobody can be answered. */
export function informDestination(packet: DhcpPacket, source: string): Extract<Destination, { kind: "unicast" }> | undefined {
  if (packet.ciaddr !== anyAddress) return { kind: "unicast", address: packet.ciaddr };
  if (packet.giaddr !== anyAddress || source === anyAddress) return undefined;
  return { kind: "unicast", address: source };
}

function toRelay(exchange: Exchange): Destination | undefined {
  const { packet, client, via } = exchange;
  if (packet.giaddr === anyAddress) return undefined;
  return { kind: "relay", address: packet.giaddr, port: client.relay.toSourcePort ? via.source.port : relayPort };
}
