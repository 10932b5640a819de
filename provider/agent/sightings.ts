import type { Sighting } from "../engine/dhcp";

/** How many addresses are remembered; the one that was seen longest ago goes first. */
const most = 4096;

/**
 * Which declared machine got which address of another DHCP server, heard where this agent is only a proxy. It is kept in memory:
 * every boot tells it again.
 */
export class Sightings {
  private readonly macs = new Map<string, string>();

  /** @param declared whether the machine is: one that isn't only ends what was known of the address */
  see({ address, mac }: Sighting, declared: boolean): void {
    this.macs.delete(address);
    if (!declared) return;
    this.macs.set(address, mac);
    if (this.macs.size <= most) return;
    const oldest = this.macs.keys().next().value;
    if (oldest !== undefined) this.macs.delete(oldest);
  }

  /** The machine that got the address last. */
  macAt(address: string): string | undefined {
    return this.macs.get(address);
  }

  list(): Sighting[] {
    return [...this.macs].map(([address, mac]) => ({ address, mac }));
  }
}
