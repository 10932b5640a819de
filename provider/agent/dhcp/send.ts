import type { Socket } from "node:dgram";
import type { DhcpDecision, InterfaceView } from "../../engine/dhcp";
import { encodeDhcp, options, readOption, type DhcpPacket } from "../../wire/dhcp";
import type { Frames } from "../sockets";

/** Port that clients listen on (RFC 2131 section 4.1). */
const clientPort = 68;

const broadcastAddress = "255.255.255.255";

/** Hardware type and address length of Ethernet (RFC 1700). */
const ethernet = { htype: 1, hlen: 6 } as const;

export type Reply = NonNullable<DhcpDecision["reply"]>;

/** Sends replies to where decisions say. */
export class Sender {
  /**
   * @param port the server's
   * @param frames undefined where datagrams can't be sent to hardware addresses
   */
  constructor(private readonly own: InterfaceView, private readonly port: number, private readonly frames: Frames | undefined) {}

  /**
   * Calls back once the system has taken the reply.
   * @param socket the one that the request came to
   */
  send(socket: Socket, { packet, destination }: Reply, sent: (error: Error | null) => void): void {
    const bytes = encodeDhcp(packet);
    switch (destination.kind) {
      case "relay":
        socket.send(bytes, destination.port, destination.address, sent);
        return;
      case "unicast":
        socket.send(bytes, clientPort, destination.address, sent);
        return;
      case "hardware":
        // RFC 2131 section 4.1: where it can't be unicast, a server broadcasts.
        if (this.toHardware(packet, destination.address, bytes)) sent(null);
        else socket.send(bytes, clientPort, broadcastAddress, sent);
        return;
      case "broadcast":
        socket.send(bytes, clientPort, broadcastAddress, sent);
    }
  }

  close(): void {
    this.frames?.close();
  }

  private toHardware(packet: DhcpPacket, target: string, payload: Uint8Array): boolean {
    const source = this.sourceOf(packet);
    // Another hardware's addresses, and a group's, are no station's on an Ethernet.
    const usable = packet.htype === ethernet.htype && packet.hlen === ethernet.hlen && ((packet.chaddr[0] ?? 1) & 1) === 0;
    if (this.frames === undefined || source === undefined || !usable) return false;
    const mac = packet.chaddr.subarray(0, ethernet.hlen);
    return this.frames.send({ mac, source, sourcePort: this.port, target, targetPort: clientPort, payload });
  }

  /** The server identifier where it is an address of this interface: a relay may have asked for its own (RFC 5107). */
  private sourceOf(packet: DhcpPacket): string | undefined {
    const { addresses } = this.own;
    if (addresses.length < 2) return addresses[0]?.address;
    const serverId = readOption(packet.options, options.serverId);
    return (addresses.find(({ address }) => address === serverId) ?? addresses[0])?.address;
  }
}
