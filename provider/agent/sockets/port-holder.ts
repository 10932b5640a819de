import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** `tcp` or `udp`, over IPv4 or IPv6. */
export type Transport = "tcp" | "udp";

/**
 * Who has the port: `dnsmasq (pid 123)`, as far as this process may look; undefined when that can't be found out.
 */
export function portHolder(transport: Transport, port: number): string | undefined {
  const inodes = new Set([transport, `${transport}6`].flatMap((table) => socketInodes(table, transport, port)));
  if (inodes.size === 0) return undefined;
  for (const pid of entries("/proc").filter((name) => /^\d+$/.test(name))) {
    if (holdsOne(pid, inodes)) return `${commandOf(pid)} (pid ${pid})`;
  }
  return undefined;
}

/** proc(5): `sl local_address rem_address st …`, the inode is the tenth column; state 0A is LISTEN. */
function socketInodes(table: string, transport: Transport, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return text(`/proc/net/${table}`).split("\n").slice(1).flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const here = columns[1]?.endsWith(wanted) === true && (transport === "udp" || columns[3] === "0A");
    return here && columns[9] !== undefined && columns[9] !== "0" ? [columns[9]] : [];
  });
}

function holdsOne(pid: string, inodes: ReadonlySet<string>): boolean {
  return entries(`/proc/${pid}/fd`).some((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(link(`/proc/${pid}/fd/${fd}`))?.[1];
    return inode !== undefined && inodes.has(inode);
  });
}

function commandOf(pid: string): string {
  return text(`/proc/${pid}/comm`).trim() || "a process";
}

// Processes come and go while /proc is read, and others' descriptors may be closed to this user: what can't be read is nothing.

function text(path: string): string {
  return quietly(() => readFileSync(path, "utf8"), "");
}

function entries(path: string): readonly string[] {
  return quietly(() => readdirSync(path), []);
}

function link(path: string): string {
  return quietly(() => readlinkSync(path), "");
}

function quietly<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
