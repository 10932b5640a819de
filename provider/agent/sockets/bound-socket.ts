import { constants } from "node:os";
import { loadLibc, type Libc } from "./koffi";

// Linux's numbers: include/uapi/asm-generic/socket.h, include/linux/net.h, include/linux/socket.h, include/uapi/linux/fcntl.h.
const AF_UNIX = 1;
const AF_INET = 2;
const AF_PACKET = 17;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BROADCAST = 6;
const SO_BINDTODEVICE = 25;
const IPPROTO_ICMP = 1;
const SOL_RAW = 255;
const ICMP_FILTER = 1;
const F_DUPFD_CLOEXEC = 1030;

/** As Node's own listeners have it. */
const backlog = 511;

/** A call of the C library that failed, in the form of Node's own system errors. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError";

  constructor(readonly syscall: string, readonly code: string) {
    super(`${syscall}: ${code}`);
  }
}

/** Where a socket is bound. */
export interface BoundTo {
  /** Undefined where the address alone says it. */
  readonly interface: string | undefined;
  /** Dotted quad; `0.0.0.0` takes broadcasts too. */
  readonly address: string;
  readonly port: number;
  readonly broadcast: boolean;
}

/**
 * Opens a UDP socket that sends and receives on one interface only, and returns its descriptor. SO_REUSEADDR and SO_REUSEPORT stay
 * off: with them another DHCP server's port would be shared without a word. The next instance of an agent is handed the socket.
 * @throws SystemCallError
 */
export function openBoundSocket(to: BoundTo): number {
  return open(AF_INET, SOCK_DGRAM, (libc, fd) => {
    if (to.broadcast) setOption(libc, fd, SO_BROADCAST, int32(1));
    if (to.interface !== undefined) setOption(libc, fd, SO_BINDTODEVICE, Buffer.from(`${to.interface}\0`));
    if (libc.bind(fd, socketAddress(to)) < 0) throw failure(libc, "bind");
  });
}

/**
 * Opens such a socket at one of an interface's addresses whose port a wildcard socket of ours has there already. The kernel then gives
 * the new one what is sent to its address, and the other all else, broadcasts above all. Both allow sharing only while the new one
 * is bound: nobody else's socket gets in beside them.
 * @throws SystemCallError
 */
export function openBoundSocketBeside(to: BoundTo, wildcard: number): number {
  const shared = int32(1);
  const exclusive = int32(0);
  return open(AF_INET, SOCK_DGRAM, (libc, fd) => {
    if (to.broadcast) setOption(libc, fd, SO_BROADCAST, int32(1));
    if (to.interface !== undefined) setOption(libc, fd, SO_BINDTODEVICE, Buffer.from(`${to.interface}\0`));
    setOption(libc, wildcard, SO_REUSEADDR, shared);
    try {
      setOption(libc, fd, SO_REUSEADDR, shared);
      if (libc.bind(fd, socketAddress(to)) < 0) throw failure(libc, "bind");
    } finally {
      setOption(libc, wildcard, SO_REUSEADDR, exclusive);
    }
    setOption(libc, fd, SO_REUSEADDR, exclusive);
  });
}

/** Opens a TCP socket that listens, and returns its descriptor. @throws SystemCallError */
export function openTcpListener(address: string, port: number): number {
  return open(AF_INET, SOCK_STREAM, (libc, fd) => {
    // Connections of an earlier run that are still closing must not keep the port.
    setOption(libc, fd, SO_REUSEADDR, int32(1));
    if (libc.bind(fd, socketAddress({ address, port })) < 0) throw failure(libc, "bind");
    if (libc.listen(fd, backlog) < 0) throw failure(libc, "listen");
  });
}

/** Opens a unix socket: one that listens, or one for datagrams. @throws SystemCallError */
export function openUnixSocket(path: string, kind: "listener" | "datagram"): number {
  return open(AF_UNIX, kind === "listener" ? SOCK_STREAM : SOCK_DGRAM, (libc, fd) => {
    if (libc.bind(fd, unixAddress(path)) < 0) throw failure(libc, "bind");
    if (kind === "listener" && libc.listen(fd, backlog) < 0) throw failure(libc, "listen");
  });
}

/** A unix datagram socket without a name, to send from. @throws SystemCallError */
export function openUnixSender(): number {
  return open(AF_UNIX, SOCK_DGRAM, () => undefined);
}

/** A socket that sends packets to hardware addresses (packet(7)); without a protocol it receives none. @throws SystemCallError */
export function openPacketSocket(): number {
  return open(AF_PACKET, SOCK_DGRAM, () => undefined);
}

/** A raw socket that gets ICMP messages of one type only (raw(7)). @throws SystemCallError */
export function openIcmpSocket(type: number): number {
  return open(AF_INET, SOCK_RAW, (libc, fd) => {
    // A set bit keeps a type out.
    setOption(libc, fd, ICMP_FILTER, int32(~(1 << type)), SOL_RAW);
  }, IPPROTO_ICMP);
}

/** Another descriptor of the same socket: either may be closed, and the socket lives on. @throws SystemCallError */
export function duplicateDescriptor(fd: number): number {
  const libc = loadLibc();
  const copy = libc.fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw failure(libc, "fcntl");
  return copy;
}

/** Closes a descriptor that no socket of Node's took over. */
export function closeBoundSocket(fd: number): void {
  loadLibc().close(fd);
}

function open(domain: number, type: number, prepare: (libc: Libc, fd: number) => void, protocol = 0): number {
  const libc = loadLibc();
  const fd = libc.socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
  if (fd < 0) throw failure(libc, "socket");
  try {
    prepare(libc, fd);
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

function setOption(libc: Libc, fd: number, name: number, value: Uint8Array, level = SOL_SOCKET): void {
  if (libc.setsockopt(fd, level, name, value) < 0) throw failure(libc, "setsockopt");
}

/** The error of the call that has just failed. */
export function failure(libc: Libc, syscall: string): SystemCallError {
  const number = libc.errno();
  const code = Object.entries(constants.errno).find(([, value]) => value === number)?.[0];
  return new SystemCallError(syscall, code ?? `errno ${String(number)}`);
}

/** struct sockaddr_in (ip(7)): the family in host order, port and address in network order. */
export function socketAddress(to: { readonly address: string; readonly port: number }): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.set(new Uint8Array(Uint16Array.of(AF_INET).buffer), 0);
  bytes.writeUInt16BE(to.port, 2);
  bytes.set(to.address.split(".").map(Number), 4);
  return bytes;
}

/** struct sockaddr_un (unix(7)); the path with its closing NUL. */
export function unixAddress(path: string): Uint8Array {
  return Buffer.concat([new Uint8Array(Uint16Array.of(AF_UNIX).buffer), Buffer.from(`${path}\0`)]);
}

function int32(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
