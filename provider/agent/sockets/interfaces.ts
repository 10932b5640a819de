import { existsSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { PxeError, pxeError } from "../../errors";
import type { InterfaceAddress } from "../../engine/dhcp";
import { loadLibc } from "./koffi";

/**
 * The IPv4 addresses of an interface, in the system's order; none while it is down.
 * @throws PXE_NO_INTERFACE when there is no such interface
 */
export function interfaceAddresses(name: string): readonly InterfaceAddress[] {
  const all = networkInterfaces()[name];
  // Node lists only interfaces that are up and have an address.
  if (all === undefined && !exists(name)) throw pxeError("PXE_NO_INTERFACE", `there is no network interface ${name}`);
  return (all ?? []).filter((item) => item.family === "IPv4").map((item) => ({ address: item.address, prefix: prefixOf(item.cidr) }));
}

/** Whether the interface is the machine's loopback, where nothing is broadcast. */
export function isLoopback(name: string): boolean {
  return networkInterfaces()[name]?.some((item) => item.internal) ?? false;
}

/** The number by which the system knows the interface: another one when it was deleted and made again. Undefined where it can't be told. */
export function interfaceIndex(name: string): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const index = loadLibc().if_nametoindex(name);
    return index === 0 ? undefined : index;
  } catch (error) {
    if (error instanceof PxeError) return undefined;
    throw error;
  }
}

function exists(name: string): boolean {
  return process.platform === "linux" && existsSync(`/sys/class/net/${name}`);
}

function prefixOf(cidr: string | null): number {
  return Number(cidr?.split("/")[1] ?? 32);
}
