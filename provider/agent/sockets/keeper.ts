import { chmodSync, rmSync } from "node:fs";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import type { Server } from "node:net";
import { closeBoundSocket, duplicateDescriptor, openTcpListener, openUnixSocket } from "./bound-socket";
import { adoptUdp, openUdp, openUdpDescriptor, type UdpRequest } from "./udp";

/** Where listeners get their sockets. */
export interface SocketSource {
  /** @throws as `openUdp` */
  udp(request: UdpRequest): Promise<Socket>;
  /** Forgets a socket that is listened at no more, where sockets outlive their listeners. */
  forget?(request: UdpRequest): void;
  /** Has a server listen at a TCP port. Rejects with the system's error. */
  listen(server: Server, address: string, port: number): Promise<void>;
}

/** Sockets that go with their listener. */
export const plainSockets: SocketSource = {
  udp: openUdp,
  async listen(server, address, port) {
    server.listen({ host: address, port });
    await once(server, "listening");
  },
};

/** A socket of a keeper, as its successor knows it. */
export interface KeptSocket {
  /** Interface, kind and address. */
  readonly key: string;
  readonly fd: number;
}

/** The control socket belongs to no interface; no interface can be called so. */
const noInterface = "/";

/**
 * Holds a descriptor of every socket that the agent listens at, and gives its listeners duplicates. A listener may stop, and what
 * clients send waits in the socket until the next listener reads it, of this process or of another that was handed the descriptors.
 */
export class Keeper {
  private readonly kept = new Map<string, number>();
  private readonly used = new Set<string>();

  /** The sockets of an interface. */
  of(name: string): SocketSource {
    return {
      udp: (request) => this.udp(name, request),
      forget: (request) => { this.drop((key) => key === udpKey(name, request)); },
      listen: (server, address, port) => this.listen(server, `${name} tcp ${address}:${String(port)}`, () => openTcpListener(address, port), port !== 0),
    };
  }

  /** Has a server listen at a unix socket that only this user may open; what an earlier run left there is replaced. */
  async control(server: Server, path: string): Promise<void> {
    await this.listen(server, `${noInterface} unix ${path}`, () => {
      rmSync(path, { force: true });
      const fd = openUnixSocket(path, "listener");
      chmodSync(path, 0o600);
      return fd;
    }, true);
  }

  list(): KeptSocket[] {
    return [...this.kept].map(([key, fd]) => ({ key, fd }));
  }

  /** Takes over another keeper's sockets: listeners that ask for one of them get it, and open none. */
  adopt(sockets: readonly KeptSocket[]): void {
    for (const { key, fd } of sockets) this.kept.set(key, fd);
  }

  /** Closes the sockets of an interface. */
  close(name: string): void {
    this.drop((key) => key.startsWith(`${name} `));
  }

  closeAll(): void {
    this.drop(() => true);
  }

  /** Closes what was adopted and nobody has asked for. */
  closeUnused(): void {
    this.drop((key) => !this.used.has(key));
  }

  private async udp(name: string, request: UdpRequest): Promise<Socket> {
    // A free port is a new one each time: there is nothing to keep.
    if (request.port === 0) return openUdp(request);
    const key = udpKey(name, request);
    return Promise.resolve(adoptUdp(this.duplicate(key, () => openUdpDescriptor(request))));
  }

  private async listen(server: Server, key: string, open: () => number, keep: boolean): Promise<void> {
    server.listen({ fd: keep ? this.duplicate(key, open) : open() });
    await once(server, "listening");
  }

  private duplicate(key: string, open: () => number): number {
    const there = this.kept.get(key);
    const fd = there ?? open();
    this.kept.set(key, fd);
    this.used.add(key);
    return duplicateDescriptor(fd);
  }

  private drop(which: (key: string) => boolean): void {
    for (const [key, fd] of this.kept) {
      if (!which(key)) continue;
      this.kept.delete(key);
      this.used.delete(key);
      closeBoundSocket(fd);
    }
  }
}

function udpKey(name: string, request: UdpRequest): string {
  return `${name} udp ${request.broadcast ? "*" : (request.address ?? "")}:${String(request.port)}`;
}
