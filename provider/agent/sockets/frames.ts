import { ipv4 } from "../../model/ip";
import { closeBoundSocket, openPacketSocket } from "./bound-socket";
import { internetChecksum } from "./checksum";
import { interfaceIndex, isLoopback } from "./interfaces";
import { loadLibc, type Libc } from "./koffi";

// Linux's numbers, as in bound-socket.ts; ETH_P_IP of include/uapi/linux/if_ether.h, ARPHRD_ETHER of if_arp.h.
const AF_PACKET = 17;
const ETH_P_IP = 0x0800;
const MSG_DONTWAIT = 0x40;
const macLength = 6;

const headerLength = 20;
const udpHeaderLength = 8;
const udpProtocol = 17;
/** As the kernel's own packets have it. */
const timeToLive = 64;

/** A datagram with all that the kernel would find out by its routes and by ARP. */
export interface Frame {
  /** Six bytes. */
  readonly mac: Uint8Array;
  /** Dotted quad. */
  readonly source: string;
  readonly sourcePort: number;
  readonly target: string;
  readonly targetPort: number;
  readonly payload: Uint8Array;
}

/**
 * Sends UDP datagrams to hardware addresses on one interface, for a client that has no address yet and so doesn't answer ARP for it.
 * Through a packet socket: it costs half of an entry in the neighbour table and a datagram, and that table holds 1,024 entries for all
 * networks of a machine together, which a rack that boots would fill.
 */
export class Frames {
  private readonly to = Buffer.alloc(20);

  private constructor(private readonly libc: Libc, private fd: number, index: number) {
    // struct sockaddr_ll (packet(7)): the family in host order, the protocol in network order, the interface in host order.
    this.to.set(new Uint8Array(Uint16Array.of(AF_PACKET).buffer), 0);
    this.to.writeUInt16BE(ETH_P_IP, 2);
    this.to.set(new Uint8Array(Int32Array.of(index).buffer), 4);
    this.to[11] = macLength;
  }

  /** Undefined where there is no such thing: on loopback, on other systems than Linux, without CAP_NET_RAW. */
  static open(name: string): Frames | undefined {
    if (process.platform !== "linux" || isLoopback(name)) return undefined;
    const index = interfaceIndex(name);
    if (index === undefined) return undefined;
    try {
      return new Frames(loadLibc(), openPacketSocket(), index);
    } catch {
      return undefined;
    }
  }

  /** Whether it went out. Never throws: where it did not, the caller has another way. */
  send(frame: Frame): boolean {
    if (this.fd < 0) return false;
    const bytes = datagram(frame);
    this.to.set(frame.mac, 12);
    return this.libc.sendto(this.fd, bytes, MSG_DONTWAIT, this.to) === bytes.length;
  }

  close(): void {
    if (this.fd >= 0) closeBoundSocket(this.fd);
    this.fd = -1;
  }
}

/** An IPv4 packet (RFC 791 section 3.1) with a UDP datagram (RFC 768). */
export function datagram(frame: Frame): Buffer {
  const { payload } = frame;
  const length = headerLength + udpHeaderLength + payload.length;
  const bytes = Buffer.alloc(length);
  bytes[0] = 0x45;
  bytes.writeUInt16BE(length, 2);
  bytes[8] = timeToLive;
  bytes[9] = udpProtocol;
  bytes.writeUInt32BE(ipv4(frame.source), 12);
  bytes.writeUInt32BE(ipv4(frame.target), 16);
  bytes.writeUInt16BE(internetChecksum(bytes, 0, headerLength), 10);
  bytes.writeUInt16BE(frame.sourcePort, 20);
  bytes.writeUInt16BE(frame.targetPort, 22);
  bytes.writeUInt16BE(udpHeaderLength + payload.length, 24);
  bytes.set(payload, headerLength + udpHeaderLength);
  // The pseudo header: the addresses, which stand right before the UDP header, the protocol, and the length. 0 would mean no checksum.
  const sum = internetChecksum(bytes, 12, length, udpProtocol + udpHeaderLength + payload.length);
  bytes.writeUInt16BE(sum === 0 ? 0xffff : sum, 26);
  return bytes;
}
