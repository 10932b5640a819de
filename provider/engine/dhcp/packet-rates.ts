import type { NewEvent } from "../../model/control";
import type { PacketLimits } from "../../model/dhcp-settings";
import type { ServerDocument } from "../../model/documents";
import { layout } from "../../wire/dhcp/packet";
import type { StateView } from "../view";
import { macText } from "./client";

/** Who sends more than the server's document lets it. */
export type Excess = "client" | "relay" | "interface";

/** Seconds' worth that may come at once. What the kernel holds back while the process is busy comes at once too. */
const burst = { client: 5, relay: 2, interface: 2 } as const;

/** Clients and relays told apart, as powers of two. */
const clientBits = 12;
const relayBits = 8;

/** Two entries for each place in a table. */
const ways = 2;

const ethernetLength = 6;

/**
 * What may be dropped before anything is read of it (NETBOOT F1): what one machine sends beyond its rate, and what a relay or a whole
 * interface brings beyond theirs, unless it is of a declared host. The memory doesn't grow, and one that keeps to its rate is never
 * held up by others. One for each interface.
 */
export class PacketRates {
  private readonly clients = new RateTable(clientBits);
  private readonly relays = new RateTable(relayBits);
  private readonly whole = new RateTable(0);

  constructor(private readonly state: { readonly server: ServerDocument | undefined } & Pick<StateView, "hostByMac">) {}

  /** Undefined where the packet is to be looked at. What a client or relay sends in excess doesn't count for those that it comes through. */
  excess(datagram: Uint8Array, now: number): Excess | undefined {
    const limits = this.state.server?.spec.packetLimits;
    // What is too short is no DHCP packet, and thrown away for nothing.
    if (limits === undefined || datagram.length < layout.options) return undefined;
    const { perClient, perRelay, perInterface } = limits;
    // A client without a hardware address (RFC 4390) is told by options: it counts for the interface alone.
    const length = datagram[2] ?? 0;
    if (length > 0 && !this.clients.takes(hardwareKey(datagram, length), perClient, burst.client, now)) return "client";
    const relay = number32(datagram, 24);
    const beyond = relay !== 0 && !this.relays.takes(relay, perRelay, burst.relay, now) ? "relay"
      : this.whole.takes(0, perInterface, burst.interface, now) ? undefined
      : "interface";
    return beyond === undefined || this.state.hostByMac(macIn(datagram)) !== undefined ? undefined : beyond;
  }
}

/** What is told of an excess. Who it was is told of the first; those that follow go without a word. */
export function excessAlert(excess: Excess, datagram: Uint8Array, interfaceName: string, limits: PacketLimits): NewEvent {
  const rest = "beyond that only declared machines are answered";
  const [address, text] = {
    client: [null, `a machine sends more than ${String(limits.perClient)} DHCP packets a second: the rest is dropped`],
    relay: [[...datagram.subarray(24, 28)].join("."), `a relay passes on more than ${String(limits.perRelay)} DHCP packets a second: ${rest}`],
    interface: [null, `${interfaceName} brings more than ${String(limits.perInterface)} DHCP packets a second: ${rest}`],
  }[excess] as [string | null, string];
  return { kind: "alert", host: null, mac: macIn(datagram), address, text };
}

/** The hardware address that a datagram names. */
function macIn(datagram: Uint8Array): string {
  return macText(datagram.subarray(28, 44), Math.min(datagram[2] ?? 0, 16));
}

/**
 * When each key's allowance is whole again (the generic cell rate algorithm, ITU-T I.371), in a table that doesn't grow: where two
 * keys are there already a third takes the place of the one that has used less, and so forgets what was hardly worth keeping.
 */
class RateTable {
  /** A key plus one; 0 where there is none. */
  private readonly keys: Float64Array;
  private readonly due: Float64Array;

  constructor(private readonly bits: number) {
    this.keys = new Float64Array(ways << bits);
    this.due = new Float64Array(ways << bits);
  }

  /** @param seconds how many seconds' worth may come at once */
  takes(key: number, rate: number, seconds: number, now: number): boolean {
    const at = this.find(key + 1);
    const due = this.due[at] ?? 0;
    // Later than any allowance: the clock went back.
    const from = due > now && due <= now + seconds * 1000 ? due : now;
    const next = from + 1000 / rate;
    if (next > now + seconds * 1000) return false;
    this.due[at] = next;
    return true;
  }

  private find(key: number): number {
    // Fibonacci hashing: the last bytes of a rack's addresses run in sequence.
    const hash = this.bits === 0 ? 0 : Math.imul(key ^ (key / 0x1_0000_0000), 0x9e3779b1) >>> (32 - this.bits);
    const first = hash * ways;
    const second = first + 1;
    if (this.keys[first] === key) return first;
    if (this.keys[second] === key) return second;
    const at = (this.due[first] ?? 0) <= (this.due[second] ?? 0) ? first : second;
    this.keys[at] = key;
    this.due[at] = 0;
    return at;
  }
}

/** Six bytes as they are, others mixed into as many (FNV-1a). */
function hardwareKey(bytes: Uint8Array, length: number): number {
  if (length === ethernetLength) return ((bytes[28] ?? 0) << 8 | (bytes[29] ?? 0)) * 0x1_0000_0000 + number32(bytes, 30);
  let key = 0x811c9dc5;
  for (let at = 28; at < 28 + Math.min(length, 16); at++) key = Math.imul(key ^ (bytes[at] ?? 0), 0x01000193);
  return 0x1_0000_0000_0000 + (key >>> 0);
}

function number32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 24 | (bytes[at + 1] ?? 0) << 16 | (bytes[at + 2] ?? 0) << 8 | (bytes[at + 3] ?? 0)) >>> 0;
}
