import { anyAddress } from "../../wire/dhcp";
import type { LeaseTable } from "../lease-table";
import { isHeld } from "./bindings";
import type { Exchange } from "./exchange";
import type { LeaseLimits } from "./facts";

const hour = 3_600_000;

/** Clients and subnets remembered: the oldest is forgotten first. */
const remembered = 4096;

interface Bucket {
  tokens: number;
  at: number;
}

/** What a relay calls the port that the client is behind (RFC 3046 section 3.1); undefined where none says. */
export function relayPort({ packet, client }: Pick<Exchange, "packet" | "client">): string | undefined {
  const { circuitId } = client.relay;
  if (packet.giaddr === anyAddress || circuitId === undefined) return undefined;
  return `${packet.giaddr} ${Buffer.from(circuitId).toString("hex")}`;
}

/** NETBOOT F1 and F2: what a subnet's document allows one side to take. Declared hosts are not limited. */
export class ClientLimits implements LeaseLimits {
  private readonly buckets = new Map<string, Bucket>();
  /** When each client's DECLINEs of the last hour came. */
  private readonly declines = new Map<string, number[]>();

  constructor(private readonly leases: Pick<LeaseTable, "reaches" | "ofMac">) {}

  newAddress(exchange: Exchange): string | undefined {
    const { host, subnet: { document }, packet, client: { mac }, now } = exchange;
    if (host !== undefined) return undefined;
    const { leasesPerMac, leasesPerRelayPort, newClientsPerSecond } = document.spec.limits;
    if (mac !== "" && this.leases.ofMac(mac).filter((lease) => isHeld(lease, now)).length >= leasesPerMac) return `one machine holds ${leasesPerMac} addresses`;
    const port = relayPort(exchange);
    if (port !== undefined && this.leases.reaches(port, leasesPerRelayPort, now)) return `one port of the relay ${packet.giaddr} holds ${leasesPerRelayPort} addresses`;
    return this.takes(`${document.owner} ${document.name}`, newClientsPerSecond, now) ? undefined : `more than ${newClientsPerSecond} new machines a second ask`;
  }

  decline({ identity, subnet: { document }, now }: Exchange): string | undefined {
    const limit = document.spec.limits.declinesPerClient;
    const recent = (this.declines.get(identity) ?? []).filter((at) => at <= now && now - at < hour);
    if (recent.length >= limit) return `one machine declined ${limit} within an hour`;
    this.declines.delete(identity);
    this.declines.set(identity, [...recent, now]);
    dropOldest(this.declines);
    return undefined;
  }

  /** A token bucket that holds four seconds' worth. */
  private takes(key: string, rate: number, now: number): boolean {
    const bucket = this.buckets.get(key) ?? { tokens: 4 * rate, at: now };
    // A clock that went back gives nothing.
    bucket.tokens = Math.min(4 * rate, bucket.tokens + Math.max(0, now - bucket.at) * rate / 1000);
    bucket.at = now;
    this.buckets.set(key, bucket);
    dropOldest(this.buckets);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}

function dropOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= remembered) return;
    map.delete(key);
  }
}
