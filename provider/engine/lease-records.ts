import { formatIpv4, ipv4, type Ipv4Number } from "../model/ip";
import { macOfPlainId, packClientId, packMac, unpackClientId, unpackMac, type PackedMac } from "./lease-keys";
import type { Lease, LeaseState } from "./leases";

const states: readonly LeaseState[] = ["active", "released", "declined"];

/** How option 61 is kept, in the bits above those of the state. */
const idNone = 0;
/** Hardware type 1 and the MAC: not kept at all. */
const idPlain = 4;
const idKept = 8;

const firstCapacity = 64;

/** Where a lease stands in the columns. */
export type Slot = number;

/** What many leases have in common. */
interface Origin {
  readonly owner: string;
  readonly subnet: string;
}

/**
 * Leases as columns of numbers: an eighth of the room that objects take, and nothing for the garbage collector to follow. The objects
 * are made as they are asked for.
 */
export class LeaseRecords {
  private addresses = new Uint32Array(firstCapacity);
  /** MACs of six bytes; -1 for any other, which stands in `oddMacs`. */
  private macs = new Float64Array(firstCapacity);
  private ends = new Float64Array(firstCapacity);
  private origins = new Uint32Array(firstCapacity);
  private flags = new Uint8Array(firstCapacity);
  private readonly clientIds: (string | undefined)[] = [];
  private readonly oddMacs = new Map<Slot, string>();
  private readonly ports = new Map<Slot, string>();
  private readonly knownOrigins: Origin[] = [];
  private readonly originNumbers = new Map<string, number>();
  private readonly unused: Slot[] = [];
  /** One above the highest slot that was ever in use. */
  private top = 0;

  add(lease: Lease): Slot {
    const slot = this.unused.pop() ?? this.top++;
    if (slot >= this.addresses.length) this.grow();
    this.write(slot, lease);
    return slot;
  }

  /** Replaces what the slot holds. */
  write(slot: Slot, lease: Lease): void {
    const mac = packMac(lease.mac);
    const kind = idKind(lease, mac);
    this.addresses[slot] = ipv4(lease.address);
    this.macs[slot] = typeof mac === "number" ? mac : -1;
    this.ends[slot] = lease.expiresAt;
    this.origins[slot] = this.origin(lease);
    this.flags[slot] = states.indexOf(lease.state) | kind;
    this.clientIds[slot] = kind === idKept && lease.clientId !== null ? packClientId(lease.clientId) : undefined;
    if (typeof mac === "string") this.oddMacs.set(slot, mac);
    else if (this.oddMacs.size > 0) this.oddMacs.delete(slot);
    if (lease.port !== undefined) this.ports.set(slot, lease.port);
    else if (this.ports.size > 0) this.ports.delete(slot);
  }

  remove(slot: Slot): void {
    this.oddMacs.delete(slot);
    this.ports.delete(slot);
    this.clientIds[slot] = undefined;
    this.ends[slot] = NaN;
    this.unused.push(slot);
  }

  lease(slot: Slot): Lease {
    const { owner, subnet } = this.knownOrigins[this.origins[slot] ?? 0] ?? { owner: "", subnet: "" };
    const port = this.ports.size === 0 ? undefined : this.ports.get(slot);
    return {
      address: formatIpv4(this.address(slot)),
      mac: unpackMac(this.mac(slot)),
      clientId: this.clientId(slot),
      owner, subnet,
      state: this.state(slot),
      expiresAt: this.endsAt(slot),
      ...(port === undefined ? {} : { port }),
    };
  }

  address(slot: Slot): Ipv4Number {
    return this.addresses[slot] ?? 0;
  }

  mac(slot: Slot): PackedMac {
    const mac = this.macs[slot] ?? -1;
    return mac === -1 ? this.oddMacs.get(slot) ?? "" : mac;
  }

  /** Option 61 in its packed form, where it says more than the MAC. */
  keptId(slot: Slot): string | undefined {
    return this.clientIds[slot];
  }

  hasPlainId(slot: Slot): boolean {
    return ((this.flags[slot] ?? 0) & idPlain) !== 0;
  }

  port(slot: Slot): string | undefined {
    return this.ports.get(slot);
  }

  state(slot: Slot): LeaseState {
    return states[(this.flags[slot] ?? 0) & 3] ?? "released";
  }

  /** Unix time in milliseconds. */
  endsAt(slot: Slot): number {
    return this.ends[slot] ?? NaN;
  }

  /** As `isHeld` of the lease. */
  isHeld(slot: Slot, now: number): boolean {
    return this.endsAt(slot) > now && this.state(slot) !== "released";
  }

  /** The ends that are before a time, in no particular order. */
  endsBefore(time: number): Float64Array {
    const found = new Float64Array(this.top);
    let count = 0;
    for (let slot = 0; slot < this.top; slot++) {
      const end = this.endsAt(slot);
      // A slot that isn't in use has NaN, which is before nothing.
      if (end < time) found[count++] = end;
    }
    return found.subarray(0, count);
  }

  /** Slots of the leases that ended before a time. */
  *endedBefore(time: number): Generator<Slot> {
    for (let slot = 0; slot < this.top; slot++) if (this.endsAt(slot) < time) yield slot;
  }

  /** Slots in use. */
  *slots(): Generator<Slot> {
    for (let slot = 0; slot < this.top; slot++) if (!Number.isNaN(this.endsAt(slot))) yield slot;
  }

  private clientId(slot: Slot): string | null {
    const kept = this.clientIds[slot];
    if (kept !== undefined) return unpackClientId(kept);
    return this.hasPlainId(slot) ? plainId(unpackMac(this.mac(slot))) : null;
  }

  /** Owners and subnets are few and never taken out. */
  private origin({ owner, subnet }: Lease): number {
    const key = `${owner}\0${subnet}`;
    const known = this.originNumbers.get(key);
    if (known !== undefined) return known;
    this.originNumbers.set(key, this.knownOrigins.length);
    return this.knownOrigins.push({ owner, subnet }) - 1;
  }

  private grow(): void {
    const capacity = this.addresses.length * 2;
    this.addresses = enlarged(this.addresses, new Uint32Array(capacity));
    this.macs = enlarged(this.macs, new Float64Array(capacity));
    this.ends = enlarged(this.ends, new Float64Array(capacity));
    this.origins = enlarged(this.origins, new Uint32Array(capacity));
    this.flags = enlarged(this.flags, new Uint8Array(capacity));
  }
}

function idKind(lease: Lease, mac: PackedMac): number {
  if (lease.clientId === null) return idNone;
  return typeof mac === "number" && macOfPlainId(lease.clientId) === mac ? idPlain : idKept;
}

function plainId(mac: string): string {
  return `01${mac.replaceAll(":", "")}`;
}

function enlarged<T extends { set(from: T): void }>(from: T, to: T): T {
  to.set(from);
  return to;
}
