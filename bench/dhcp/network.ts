import { ip, type Scraps } from "./scraps";

/**
 * The same behind every server: clients of one large subnet behind one relay, so that neither side ever looks for a client's hardware
 * address (the kernel's neighbour table holds 1,024 for all namespaces together).
 */
export const network = {
  server: "10.79.0.1",
  /** giaddr: perfdhcp is the relay. */
  relay: "10.80.0.1",
  cidr: "10.80.0.0/13",
  mask: "255.248.0.0",
  pool: { from: "10.81.0.0", to: "10.87.254.255" },
  /** The first address that is reserved for a declared machine; it lies in no pool. */
  reserved: "10.80.1.0",
  leaseTime: 3600,
} as const;

/** The server's end of a wire; the same in each namespace. */
export const serverInterface = "eth1";

/** A server's namespace and that of its relay. */
export interface Site {
  readonly server: string;
  readonly relay: string;
}

export function makeSite(scraps: Scraps, name: string): Site {
  const site = { server: scraps.namespace(name), relay: scraps.namespace(`${name}-relay`) };
  ip("link", "add", serverInterface, "netns", site.server, "type", "veth", "peer", "name", "eth0", "netns", site.relay);
  ip("-n", site.server, "address", "add", `${network.server}/30`, "dev", serverInterface);
  ip("-n", site.server, "link", "set", serverInterface, "up");
  // perfdhcp binds to the interface that has the relay's address.
  ip("-n", site.relay, "address", "add", `${network.relay}/32`, "dev", "eth0");
  ip("-n", site.relay, "address", "add", "10.79.0.2/30", "dev", "eth0");
  ip("-n", site.relay, "link", "set", "eth0", "up");
  ip("-n", site.server, "route", "add", network.cidr, "via", "10.79.0.2");
  return site;
}

/** Of the machine with this number in a group of machines: `52:54:10:00:00:00` and on. */
export function macOf(group: number, index: number): string {
  return ["52", "54", ...[group, index >>> 16, (index >>> 8) & 0xff, index & 0xff].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}

/** Groups of machines. */
export const groups = {
  /** Hold a lease when a server starts. */
  held: 0x10,
  /** Have a reservation. */
  declared: 0x20,
  /** Ask whether a server serves yet. */
  asking: 0x28,
  /** Were never seen: each run of perfdhcp takes the next group. */
  fresh: 0x30,
} as const;
