import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { decodeDhcp, encodeDhcp, messageTypes, optionEntry, options, readOption, type DhcpPacket } from "../../provider/wire/dhcp";
import { clientPacket } from "../wire/dhcp/packets";

type Entries = readonly (readonly [number, Uint8Array])[];

/** Where the relay is, on loopback. */
export const relayAddress = "127.77.0.254";

/** Clients behind one relay agent on loopback, which has its answers sent to its own port (RFC 8357). */
export class RelayClient {
  private readonly waiting = new Map<number, (packet: DhcpPacket | undefined) => void>();
  private lastXid = 0;
  /** Set by whoever doesn't want to miss a reply that nobody waits for any more. */
  onReply: ((packet: DhcpPacket) => void) | undefined;

  private constructor(private readonly socket: Socket, private readonly serverPort: number) {
    socket.on("message", (bytes) => {
      const packet = decodeDhcp(bytes);
      this.onReply?.(packet);
      this.waiting.get(packet.xid)?.(packet);
    });
  }

  static async open(serverPort: number): Promise<RelayClient> {
    const socket = createSocket("udp4");
    socket.bind(0, relayAddress);
    await once(socket, "listening");
    return new RelayClient(socket, serverPort);
  }

  /** Sends bytes as they are. */
  sendRaw(bytes: Uint8Array): void {
    this.socket.send(bytes, this.serverPort, "127.0.0.1");
  }

  /** The reply, or undefined when none comes in `within` milliseconds. */
  ask(mac: string, type: number, entries: Entries = [], within = 5000): Promise<DhcpPacket | undefined> {
    const xid = ++this.lastXid;
    const viaRelay = [...entries, [82, Uint8Array.of(19, 0)] as const];
    this.sendRaw(encodeDhcp(clientPacket(mac, type, viaRelay, { xid, giaddr: relayAddress })));
    return new Promise((resolve) => {
      const timer = setTimeout(() => { this.settle(xid, undefined, resolve); }, within);
      this.waiting.set(xid, (packet) => {
        clearTimeout(timer);
        this.settle(xid, packet, resolve);
      });
    });
  }

  discover(mac: string, within?: number): Promise<DhcpPacket | undefined> {
    return this.ask(mac, messageTypes.discover, [], within);
  }

  select(mac: string, address: string, within?: number): Promise<DhcpPacket | undefined> {
    return this.ask(mac, messageTypes.request, [optionEntry(options.requestedAddress, address), optionEntry(options.serverId, "127.0.0.1")], within);
  }

  /** Nobody waits any more: whoever does gets no reply. */
  giveUp(): void {
    for (const settle of [...this.waiting.values()]) settle(undefined);
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => { this.socket.close(resolve); });
  }

  private settle(xid: number, packet: DhcpPacket | undefined, resolve: (packet: DhcpPacket | undefined) => void): void {
    this.waiting.delete(xid);
    resolve(packet);
  }
}

/** The message type of a reply. */
export function typeOf(packet: DhcpPacket | undefined): number | undefined {
  return packet === undefined ? undefined : readOption(packet.options, options.messageType);
}
