import type { Socket } from "node:dgram";
import { once } from "node:events";
import type { Server } from "node:net";
import { isLoopback } from "./interfaces";
import { adoptUdp, openUdp, openUdpDescriptor, openUdpDescriptorBeside, type UdpRequest } from "./udp";

/** Where listeners get their sockets. */
export interface SocketSource {
  /** @throws as `openUdp` */
  udp(request: UdpRequest): Promise<Socket>;
  /** Forgets a socket that is listened at no more, where sockets outlive their listeners. */
  forget?(request: UdpRequest): void;
  /** @throws as `openUdp` */
  broadcast(port: BroadcastPort): Promise<BroadcastSockets>;
  /** Has a server listen at a TCP port. Rejects with the system's error. */
  listen(server: Server, address: string, port: number): Promise<void>;
}

/** A UDP port of an interface that hears broadcasts. */
export interface BroadcastPort {
  readonly interface: string;
  /** 0: any free port. */
  readonly port: number;
  /** The interface's own, each of which gets a socket of its own. */
  readonly addresses: readonly string[];
}

/** Its sockets: which of them a datagram comes to is all that tells where it was sent to. */
export interface BroadcastSockets {
  /** Gets what the others don't: broadcasts, and what is sent to addresses of other interfaces. */
  readonly rest: Socket;
  /** Those of the addresses; empty where all comes to `rest`: on loopback, at a free port, on other systems than Linux. */
  readonly own: readonly Socket[];
}

/** Sockets that go with their listener. */
export const plainSockets: SocketSource = {
  udp: openUdp,
  broadcast: (port) => openBroadcast(port, openUdp, (_request, open) => open()),
  async listen(server, address, port) {
    server.listen({ host: address, port });
    await once(server, "listening");
  },
};

/**
 * Opens the sockets of such a port.
 * @param single opens one where there is no more than one
 * @param descriptor opens one, or has it already; it is Node's to close
 */
export async function openBroadcast(
  { interface: name, port, addresses }: BroadcastPort, single: (request: UdpRequest) => Promise<Socket>, descriptor: (request: UdpRequest, open: () => number) => number,
): Promise<BroadcastSockets> {
  const request = { interface: name, port, broadcast: true };
  if (port === 0 || process.platform !== "linux" || isLoopback(name)) return { rest: await single(request), own: [] };
  const wildcard = descriptor(request, () => openUdpDescriptor(request));
  const opened = [adoptUdp(wildcard)];
  try {
    for (const address of addresses) {
      const its = { ...request, address };
      opened.push(adoptUdp(descriptor(its, () => openUdpDescriptorBeside(its, wildcard))));
    }
  } catch (error) {
    for (const socket of opened) socket.close();
    throw error;
  }
  const [rest, ...own] = opened as [Socket, ...Socket[]];
  return { rest, own };
}
