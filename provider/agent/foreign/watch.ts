import type { RemoteInfo } from "node:dgram";
import { foreignServer, type DhcpFacts, type Via } from "../../engine/dhcp";
import type { NewEvent } from "../../model/control";
import { bootReply, type DhcpPacket } from "../../wire/dhcp";
import { askMac } from "./neighbour";

/** One server is told of this often, in milliseconds, and stands in the status for that long after it was last heard of. */
const tellEvery = 3_600_000;

/** Servers told of in that time: option 54 is the client's to write, so that more of them would be somebody's game. */
const atMost = 16;

interface Sighting {
  readonly interface: string;
  readonly toldAt: number;
  seenAt: number;
  mac: string | undefined;
}

/** Replies to requests of our own that another listener on port 67 has taken in. */
export type ReplyListener = (packet: DhcpPacket, source: RemoteInfo) => void;

/**
 * Hears of other DHCP servers while the agent serves. It only tells: were serving to end because of one, a single rogue packet could
 * stop the rack.
 */
export class ForeignWatch {
  private readonly sightings = new Map<string, Sighting>();
  private readonly listeners = new Set<ReplyListener>();

  constructor(
    private readonly context: { readonly clock: () => number; readonly emit: (event: NewEvent) => void },
    private readonly resolve: (address: string, interfaceName: string) => Promise<string | undefined> = askMac,
  ) {}

  /** Looks at a packet that came in on port 67. */
  look(packet: DhcpPacket, via: Via, state: Pick<DhcpFacts["state"], "server" | "subnets">, source: RemoteInfo): void {
    if (packet.op === bootReply) for (const listener of this.listeners) listener(packet, source);
    const address = foreignServer(packet, via, state);
    if (address !== undefined) this.note(address, via.interface.name);
  }

  /** Calls back for each reply until the returned function is called. */
  onReply(listener: ReplyListener): () => void {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  }

  /** For the agent's status. */
  problems(): string[] {
    const now = this.context.clock();
    return [...this.sightings].filter(([, item]) => isRecent(item.seenAt, now)).map(([address, item]) => sentence(address, item));
  }

  private note(address: string, name: string): void {
    const now = this.context.clock();
    const known = this.sightings.get(address);
    if (known !== undefined && isRecent(known.toldAt, now)) {
      known.seenAt = now;
      return;
    }
    for (const [key, item] of this.sightings) if (!isRecent(item.seenAt, now)) this.sightings.delete(key);
    if (this.sightings.size >= atMost && known === undefined) return;
    const sighting: Sighting = { interface: name, toldAt: now, seenAt: now, mac: known?.mac };
    this.sightings.set(address, sighting);
    void this.tell(address, sighting);
  }

  private async tell(address: string, sighting: Sighting): Promise<void> {
    sighting.mac = await this.resolve(address, sighting.interface).catch(() => undefined) ?? sighting.mac;
    this.context.emit({ kind: "alert", host: null, mac: sighting.mac ?? null, address, text: sentence(address, sighting) });
  }
}

function isRecent(at: number, now: number): boolean {
  return now >= at && now - at < tellEvery;
}

function sentence(address: string, { interface: name, mac }: Sighting): string {
  return `another DHCP server, ${address}${mac === undefined ? "" : ` (${mac})`}, gives out addresses on ${name}`;
}
