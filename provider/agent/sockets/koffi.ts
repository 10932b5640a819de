import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pxeError } from "../../errors";

type Argument = number | string | Uint8Array | object;

/** What is used of koffi. Its own types would let `any` through. */
interface Koffi {
  load(path: string | null): { func(name: string, result: string, parameters: readonly unknown[]): (...args: readonly Argument[]) => number };
  struct(members: Readonly<Record<string, unknown>>): unknown;
  pointer(type: unknown): unknown;
  inout(type: unknown): unknown;
  errno(): number;
}

/** struct msghdr of Linux (recvmsg(2)), on the 64-bit platforms that an agent runs on. */
export interface MessageHeader {
  name: Uint8Array | null;
  namelen: number;
  iov: { base: Uint8Array; len: number }[];
  iovlen: number;
  control: Uint8Array | null;
  controllen: number;
  flags: number;
}

/** The calls of the C library that Node doesn't offer. Each returns -1 on failure; `errno` then tells why. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  bind(fd: number, address: Uint8Array): number;
  listen(fd: number, backlog: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  close(fd: number): number;
  sendmsg(fd: number, message: MessageHeader, flags: number): number;
  recvmsg(fd: number, message: MessageHeader, flags: number): number;
  /** @param to struct sockaddr of the socket's family */
  sendto(fd: number, bytes: Uint8Array, flags: number, to: Uint8Array): number;
  recv(fd: number, bytes: Uint8Array, flags: number): number;
  /** Unlike the others 0 when it fails: there is no such interface. */
  if_nametoindex(name: string): number;
  errno(): number;
}

/** Loaded once: koffi keeps every declared type for good. */
let loaded: Libc | undefined;

/**
 * Loads the C library through koffi. An installed agent has koffi's native part as `koffi.node` beside its bundle and no
 * node_modules; elsewhere the package finds its own.
 * @throws PXE_UNSUPPORTED_TARGET where there is no koffi for the platform
 */
export function loadLibc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  const socket = libc.func("socket", "int", ["int", "int", "int"]);
  const setsockopt = libc.func("setsockopt", "int", ["int", "int", "int", "void *", "uint32"]);
  const bind = libc.func("bind", "int", ["int", "void *", "uint32"]);
  const listen = libc.func("listen", "int", ["int", "int"]);
  const fcntl = libc.func("fcntl", "int", ["int", "int", "int"]);
  const close = libc.func("close", "int", ["int"]);
  const vector = koffi.struct({ base: "void *", len: "uint64" });
  const header = koffi.pointer(koffi.struct({
    name: "void *", namelen: "uint32", iov: koffi.pointer(vector), iovlen: "uint64", control: "void *", controllen: "uint64", flags: "int",
  }));
  const sendmsg = libc.func("sendmsg", "int64", ["int", header, "int"]);
  const recvmsg = libc.func("recvmsg", "int64", ["int", koffi.inout(header), "int"]);
  const sendto = libc.func("sendto", "int64", ["int", "void *", "uint64", "int", "void *", "uint32"]);
  const recv = libc.func("recv", "int64", ["int", "void *", "uint64", "int"]);
  const nameToIndex = libc.func("if_nametoindex", "uint32", ["str"]);
  return {
    socket: (domain, type, protocol) => socket(domain, type, protocol),
    setsockopt: (fd, level, name, value) => setsockopt(fd, level, name, value, value.length),
    bind: (fd, address) => bind(fd, address, address.length),
    listen: (fd, backlog) => listen(fd, backlog),
    fcntl: (fd, command, argument) => fcntl(fd, command, argument),
    close: (fd) => close(fd),
    sendmsg: (fd, message, flags) => sendmsg(fd, message, flags),
    recvmsg: (fd, message, flags) => recvmsg(fd, message, flags),
    sendto: (fd, bytes, flags, to) => sendto(fd, bytes, bytes.length, flags, to, to.length),
    recv: (fd, bytes, flags) => recv(fd, bytes, bytes.length, flags),
    if_nametoindex: (name) => nameToIndex(name),
    errno: () => koffi.errno(),
  };
}

/** Loaded by a `require` made here, so that a bundler leaves it alone. */
function loadKoffi(): Koffi {
  const fromHere = createRequire(__filename);
  const beside = join(dirname(__filename), "koffi.node");
  try {
    return fromHere(existsSync(beside) ? beside : "koffi") as Koffi;
  } catch (cause) {
    throw pxeError("PXE_UNSUPPORTED_TARGET", `koffi can't be loaded for ${process.platform}-${process.arch}, and sockets are bound to an interface through it`, { cause });
  }
}
