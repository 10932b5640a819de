import { readFile } from "node:fs/promises";
import type { Socket } from "node:dgram";
import { setTimeout as delay } from "node:timers/promises";
import { openUdp } from "../sockets";

/** Milliseconds for a neighbour to answer ARP. */
const limit = 400;

/** RFC 863: whoever gets it throws it away. */
const discardPort = 9;

/** MAC address of a neighbour, as far as the system has it (proc(5): address, type, flags, MAC, mask, device). */
export function neighbourIn(table: string, address: string, interfaceName: string): string | undefined {
  for (const line of table.split("\n").slice(1)) {
    const [ip, , flags = "0", mac, , device] = line.trim().split(/\s+/);
    // 0x2: ATF_COM, the entry is complete (include/uapi/linux/if_arp.h).
    if (ip === address && device === interfaceName && (Number(flags) & 2) !== 0) return mac;
  }
  return undefined;
}

/**
 * The MAC address of a machine on the segment. A datagram is sent to it, so that the system asks for it; a socket that is bound to the
 * interface has it asked for there, whatever network its address is of.
 */
export async function askMac(address: string, interfaceName: string): Promise<string | undefined> {
  const look = async (): Promise<string | undefined> => neighbourIn(await readFile("/proc/net/arp", "utf8").catch(() => ""), address, interfaceName);
  const known = await look();
  if (known !== undefined) return known;
  const socket = await openUdp({ interface: interfaceName, port: 0, broadcast: true }).catch(() => undefined);
  if (socket === undefined) return undefined;
  try {
    await poke(socket, address);
    for (const until = Date.now() + limit; Date.now() < until;) {
      const mac = await look();
      if (mac !== undefined) return mac;
      await delay(20);
    }
    return undefined;
  } finally {
    socket.close();
  }
}

/** What can't be sent makes no neighbour. */
function poke(socket: Socket, address: string): Promise<void> {
  socket.on("error", () => undefined);
  return new Promise((resolve) => { socket.send(Uint8Array.of(0), discardPort, address, () => { resolve(); }); });
}
