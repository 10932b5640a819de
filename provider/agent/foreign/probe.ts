import { randomBytes } from "node:crypto";
import type { RemoteInfo, Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { PxeError } from "../../errors";
import {
  anyAddress, bootReply, bootRequest, broadcastFlag, decodeDhcp, encodeDhcp, messageTypes, optionEntry, options, readOption, type DhcpPacket,
} from "../../wire/dhcp";
import { interfaceAddresses, isLoopback, openUdp } from "../sockets";
import { askMac } from "./neighbour";
import type { ReplyListener } from "./watch";

/** Another DHCP server. */
export interface ForeignDhcp {
  readonly interface: string;
  /** Option 54; where a reply has none, where it came from. */
  readonly address: string;
  readonly mac: string | undefined;
}

export interface ProbeOptions {
  /** Milliseconds; dnsmasq pings an address for up to 3 s before it offers it. */
  readonly limit?: number;
  /** Calls back for replies that come to port 67 where that is already listened at. */
  readonly onReply?: (listener: ReplyListener) => () => void;
}

const probeLimit = 3_500;

/** A packet may be lost, and a switch port that has just come up loses the first ones. Milliseconds after the first. */
const again = [1_000, 2_000];

const serverPort = 67;
const clientPort = 68;

/**
 * Asks for other DHCP servers on an interface, as a client and as a relay: servers differ in which of them they answer, and not every
 * answer can reach us. A DISCOVER holds an address at the other server for a while; none is ever taken.
 * @returns the first that answers; undefined when none does, or where nothing can be asked: on loopback, without an address
 */
export async function probeForeignDhcp(name: string, { limit = probeLimit, onReply }: ProbeOptions = {}): Promise<ForeignDhcp | undefined> {
  const [own] = isLoopback(name) ? [] : addressesOf(name);
  if (own === undefined) return undefined;
  const sockets = await Promise.all([opened(name, clientPort), opened(name, serverPort)]);
  const [asClient, asRelay] = sockets;
  const { discovers, inform, isOurs } = questions(own);
  const stops: (() => void)[] = [() => { for (const socket of sockets) socket?.close(); }];
  try {
    const answer = await new Promise<{ readonly address: string; readonly source: string } | undefined>((resolve) => {
      const take = (packet: DhcpPacket, source: RemoteInfo): void => {
        if (!isOurs(packet)) return;
        const address = serverOf(packet) ?? source.address;
        if (!ownAddresses().has(address) && address !== anyAddress) resolve({ address, source: source.address });
      };
      for (const socket of sockets) socket?.on("message", (bytes, source) => { receive(bytes, source, take); });
      if (asRelay === undefined && onReply !== undefined) stops.push(onReply(take));
      const ask = (): void => {
        // The INFORM first: while dnsmasq pings for a DISCOVER it reads nothing else. What is sent as a relay may leave by any port, since
        // the answer goes to port 67 of the relay's address.
        for (const [socket, packet] of [[asClient, inform], [asRelay ?? asClient, discovers.relay], [asClient, discovers.client]] as const) {
          socket?.send(encodeDhcp(packet), serverPort, "255.255.255.255", () => undefined);
        }
      };
      ask();
      const timers = [...again.filter((at) => at < limit).map((at) => setTimeout(ask, at)), setTimeout(() => { resolve(undefined); }, limit)];
      stops.push(() => { for (const timer of timers) clearTimeout(timer); });
      if (asClient === undefined && asRelay === undefined) resolve(undefined);
    });
    if (answer === undefined) return undefined;
    return { interface: name, address: answer.address, mac: await askMac(answer.source, name) };
  } finally {
    for (const stop of stops) stop();
  }
}

function receive(bytes: Uint8Array, source: RemoteInfo, take: (packet: DhcpPacket, source: RemoteInfo) => void): void {
  try {
    take(decodeDhcp(bytes), source);
  } catch (error) {
    // Whatever else comes to these ports says nothing.
    if (!(error instanceof PxeError)) throw error;
  }
}

interface Questions {
  readonly discovers: { readonly client: DhcpPacket; readonly relay: DhcpPacket };
  readonly inform: DhcpPacket;
  readonly isOurs: (packet: DhcpPacket) => boolean;
}

function questions(own: string): Questions {
  const chaddr = new Uint8Array(16);
  chaddr.set(randomBytes(6));
  // Locally administered, not a group: no real machine has it (IEEE 802).
  chaddr[0] = ((chaddr[0] ?? 0) & 0xfc) | 0x02;
  const first = randomBytes(4).readUInt32BE();
  const message = (type: number, xid: number, more: Partial<DhcpPacket>): DhcpPacket => ({
    op: bootRequest, htype: 1, hlen: 6, hops: 0, xid, secs: 0, flags: 0, ciaddr: anyAddress, yiaddr: anyAddress, siaddr: anyAddress, giaddr: anyAddress, chaddr,
    sname: "", file: "", options: new Map([optionEntry(options.messageType, type), optionEntry(options.parameterList, [1, 3, 6])]), ...more,
  });
  const xids = [first, (first + 1) >>> 0, (first + 2) >>> 0] as const;
  return {
    discovers: {
      client: message(messageTypes.discover, xids[0], { flags: broadcastFlag }),
      relay: message(messageTypes.discover, xids[1], { giaddr: own, hops: 1, flags: broadcastFlag }),
    },
    inform: message(messageTypes.inform, xids[2], { ciaddr: own }),
    isOurs: (packet) => packet.op === bootReply && xids.includes(packet.xid) && packet.chaddr.every((byte, index) => byte === chaddr[index]),
  };
}

function serverOf(packet: DhcpPacket): string | undefined {
  return packet.options.has(options.serverId.code) ? readOption(packet.options, options.serverId) : undefined;
}

/** Undefined where the port is held by another, or may not be opened: then it goes without. */
async function opened(name: string, port: number): Promise<Socket | undefined> {
  try {
    const socket = await openUdp({ interface: name, port, broadcast: true });
    socket.on("error", () => undefined);
    return socket;
  } catch (error) {
    if (error instanceof PxeError) return undefined;
    throw error;
  }
}

function addressesOf(name: string): readonly string[] {
  try {
    return interfaceAddresses(name).map((item) => item.address);
  } catch (error) {
    if (error instanceof PxeError) return [];
    throw error;
  }
}

/** Also of interfaces that aren't served: an agent that is being replaced, or a relay to ourselves, answers with one of them. */
function ownAddresses(): ReadonlySet<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((items = []) => items.map((item) => item.address)));
}
