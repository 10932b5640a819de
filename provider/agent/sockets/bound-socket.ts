import { constants } from "node:os";
import { loadLibc, type Libc } from "./koffi";

// Linux's numbers: include/uapi/asm-generic/socket.h, include/linux/net.h, include/linux/socket.h.
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_BROADCAST = 6;
const SO_REUSEPORT = 15;
const SO_BINDTODEVICE = 25;

/** A call of the C library that failed, in the form of Node's own system errors. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError";

  constructor(readonly syscall: string, readonly code: string) {
    super(`${syscall}: ${code}`);
  }
}

/** Where a socket is bound. */
export interface BoundTo {
  readonly interface: string;
  /** Dotted quad; `0.0.0.0` takes broadcasts too. */
  readonly address: string;
  readonly port: number;
  readonly broadcast: boolean;
}

/**
 * Opens a UDP socket that sends and receives on one interface only, and returns its descriptor.
 * SO_REUSEPORT lets the next instance of the agent open the port while this one still serves. SO_REUSEADDR stays off: with it
 * another DHCP server's port would be shared without a word.
 * @throws SystemCallError
 */
export function openBoundSocket(to: BoundTo): number {
  const libc = loadLibc();
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw failure(libc, "socket");
  try {
    setOption(libc, fd, SO_REUSEPORT, int32(1));
    if (to.broadcast) setOption(libc, fd, SO_BROADCAST, int32(1));
    setOption(libc, fd, SO_BINDTODEVICE, Buffer.from(`${to.interface}\0`));
    if (libc.bind(fd, socketAddress(to)) < 0) throw failure(libc, "bind");
    return fd;
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Closes a descriptor that no dgram socket took over. */
export function closeBoundSocket(fd: number): void {
  loadLibc().close(fd);
}

function setOption(libc: Libc, fd: number, name: number, value: Uint8Array): void {
  if (libc.setsockopt(fd, SOL_SOCKET, name, value) < 0) throw failure(libc, "setsockopt");
}

function failure(libc: Libc, syscall: string): SystemCallError {
  const number = libc.errno();
  const code = Object.entries(constants.errno).find(([, value]) => value === number)?.[0];
  return new SystemCallError(syscall, code ?? `errno ${String(number)}`);
}

/** struct sockaddr_in (ip(7)): the family in host order, port and address in network order. */
function socketAddress(to: BoundTo): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.set(new Uint8Array(Uint16Array.of(AF_INET).buffer), 0);
  bytes.writeUInt16BE(to.port, 2);
  bytes.set(to.address.split(".").map(Number), 4);
  return bytes;
}

function int32(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
