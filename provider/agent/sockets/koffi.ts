import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pxeError } from "../../errors";

/** What is used of koffi. Its own types would let `any` through. */
interface Koffi {
  load(path: string | null): { func(name: string, result: string, parameters: readonly string[]): (...args: readonly (number | Uint8Array)[]) => number };
  errno(): number;
}

/** The calls of the C library that Node doesn't offer. Each returns -1 on failure; `errno` then tells why. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  bind(fd: number, address: Uint8Array): number;
  close(fd: number): number;
  errno(): number;
}

/**
 * Loads the C library through koffi. An installed agent has koffi's native part as `koffi.node` beside its bundle and no
 * node_modules; elsewhere the package finds its own.
 * @throws PXE_UNSUPPORTED_TARGET where there is no koffi for the platform
 */
export function loadLibc(): Libc {
  const koffi = loadKoffi();
  const libc = koffi.load(null);
  const socket = libc.func("socket", "int", ["int", "int", "int"]);
  const setsockopt = libc.func("setsockopt", "int", ["int", "int", "int", "void *", "uint32"]);
  const bind = libc.func("bind", "int", ["int", "void *", "uint32"]);
  const close = libc.func("close", "int", ["int"]);
  return {
    socket: (domain, type, protocol) => socket(domain, type, protocol),
    setsockopt: (fd, level, name, value) => setsockopt(fd, level, name, value, value.length),
    bind: (fd, address) => bind(fd, address, address.length),
    close: (fd) => close(fd),
    errno: () => koffi.errno(),
  };
}

/** Loaded by a `require` made here, so that a bundler leaves it alone. */
function loadKoffi(): Koffi {
  const load = createRequire(__filename);
  const beside = join(dirname(__filename), "koffi.node");
  try {
    return load(existsSync(beside) ? beside : "koffi") as Koffi;
  } catch (cause) {
    throw pxeError("PXE_UNSUPPORTED_TARGET", `koffi can't be loaded for ${process.platform}-${process.arch}, and sockets are bound to an interface through it`, { cause });
  }
}
