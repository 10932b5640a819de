import type { HostRecord } from "./facts";

/** Firmware as told by DHCP option 93 (NETBOOT B4); `unknown` where nothing told it, as in a TFTP request. */
export type Firmware = "bios" | "uefi-x64" | "uefi-arm64" | "other" | "unknown";

/** Who asks. Classified once from its packet; policy reads this record, never options. */
export interface BootClient {
  readonly mac: string;
  readonly firmware: Firmware;
}

/** What a machine gets that boots from the network now. */
export interface BootDecision {
  readonly action: "install" | "local" | "ignore";
  /** One clause for a person: events and `pxe host` show it. */
  readonly reason: string;
}

/**
 * The only authority on what a netboot gets: DHCP options, TFTP files, loader configuration and HTTP all ask it.
 * @param host the declared host that the client is, undefined for an unknown machine
 * @param now Unix time in milliseconds
 */
export function decideBoot(host: HostRecord | undefined, client: BootClient, now: number): BootDecision {
  if (host === undefined) return { action: "ignore", reason: `${client.mac} is not declared` };
  if (host.supersededBy !== undefined) {
    return { action: "ignore", reason: `${host.supersededBy} took over one of its MACs or its address` };
  }
  const { facts } = host;
  switch (facts.state) {
    case "armed":
    case "installing":
      // An installer that has begun may run on past the order's end.
      if (facts.state === "armed" && facts.armedUntil !== null && facts.armedUntil <= now) {
        return { action: "local", reason: "its arming has expired" };
      }
      if (host.profile === undefined) return { action: "local", reason: "its profile is not declared" };
      return { action: "install", reason: facts.reason };
    case "adopted":
    case "wiping":
    case "installed":
    case "up":
    case "failed":
      return { action: "local", reason: facts.reason };
  }
}
