import type { RemoteInfo, Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { createInterface } from "node:readline";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { openUdp } from "../../provider/agent/sockets";
import { broadcastFlag, decodeDhcp, encodeDhcp, messageTypes, optionEntry, options, readOption, type DhcpPacket } from "../../provider/wire/dhcp";
import { uefiRom } from "../engine/dhcp/boot-clients";
import { biosRom } from "../engine/dhcp/world";
import { corpus } from "../wire/dhcp/corpus";
import { clientPacket } from "../wire/dhcp/packets";
import { goodPackets, type Place } from "./good-packets";
import { mutated } from "./mutations";
import { Random } from "./random";

/** What a station is told to do, one line of JSON each; it answers with one. */
export type StationTask =
  /** Sends the corpus as it is, or good packets changed in some way. */
  | { readonly do: "fuzz"; readonly place: Place; readonly port: number; readonly seed: number; readonly count: number; readonly corpus: boolean }
  /** One good request; again where nothing comes. */
  | { readonly do: "ask"; readonly kind: "discover" | "bootp" | "proxy" | "service"; readonly mac: string; readonly place: Place }
  /** Takes addresses under ever other MACs, as fast as it can; with `declines` it gives each one up as taken. */
  | { readonly do: "flood"; readonly place: Place; readonly milliseconds: number; readonly macs: number; readonly declines: boolean }
  /** DECLINEs from a machine that doesn't hold the addresses. */
  | { readonly do: "decline"; readonly place: Place; readonly mac: string; readonly addresses: readonly string[] };

export interface StationAnswer {
  readonly sent: number;
  /** Replies by the name of their type; `bootp` for those without. */
  readonly replies: Readonly<Record<string, number>>;
  /** The reply to `ask`. */
  readonly reply: { readonly type: string; readonly yiaddr: string; readonly file: string } | null;
}

/** Packets that are sent before others get a turn: more than that would overrun the receiver. */
const burst = 16;

const tries = 5;
const tryFor = 2_000;

const serverPort = 67;
const everybody = "255.255.255.255";

class Station {
  private sent = 0;
  private readonly replies: Record<string, number> = {};
  private listener: ((packet: DhcpPacket) => void) | undefined;

  private constructor(private readonly client: Socket, private readonly relay: Socket) {
    for (const socket of [client, relay]) socket.on("message", (bytes, from) => { this.receive(bytes, from); });
  }

  static async open(): Promise<Station> {
    return new Station(await openUdp({ interface: "eth0", port: 68, broadcast: true }), await openUdp({ interface: "eth0", port: 67, broadcast: true }));
  }

  async work(task: StationTask): Promise<StationAnswer> {
    const reply = await this.perform(task);
    return { sent: this.sent, replies: this.replies, reply: reply ?? null };
  }

  private async perform(task: StationTask): Promise<StationAnswer["reply"] | undefined> {
    switch (task.do) {
      case "fuzz": return this.fuzz(task);
      case "ask": return this.ask(task);
      case "flood": return this.flood(task);
      case "decline":
        for (const address of task.addresses) await this.send(encodeDhcp(declineOf(task.place, task.mac, address)), serverPort);
        return undefined;
    }
  }

  private async fuzz({ place, port, seed, count, corpus: plain }: Extract<StationTask, { do: "fuzz" }>): Promise<undefined> {
    const random = new Random(seed);
    const all = [...goodPackets(place), ...corpus.map(({ bytes }) => bytes)];
    const packets = plain ? corpus.map(({ bytes }) => bytes) : Array.from({ length: count }, () => mutated(random, all).bytes);
    for (const bytes of packets) await this.send(bytes, port, port === serverPort && random.below(2) === 0 ? everybody : place.server);
    return undefined;
  }

  private async ask({ kind, mac, place }: Extract<StationTask, { do: "ask" }>): Promise<StationAnswer["reply"]> {
    const packet = question(kind, mac, place);
    for (let attempt = 0; attempt < tries; attempt++) {
      const answer = new Promise<DhcpPacket | undefined>((resolve) => {
        const timer = setTimeout(() => { resolve(undefined); }, tryFor);
        this.listener = (reply) => {
          if (reply.xid !== packet.xid) return;
          clearTimeout(timer);
          resolve(reply);
        };
      });
      await this.send(encodeDhcp(packet), kind === "service" ? 4011 : serverPort, kind === "service" ? place.server : everybody);
      const reply = await answer;
      if (reply !== undefined) return { type: typeName(reply), yiaddr: reply.yiaddr, file: reply.file };
    }
    return null;
  }

  private async flood({ place, milliseconds, macs, declines }: Extract<StationTask, { do: "flood" }>): Promise<undefined> {
    const random = new Random(macs);
    this.listener = (reply) => {
      const mac = macText(reply);
      if (typeName(reply) === "offer") this.post(encodeDhcp(selectOf(place, mac, reply)), serverPort);
      else if (typeName(reply) === "ack" && declines) this.post(encodeDhcp(declineOf(place, mac, reply.yiaddr)), serverPort);
    };
    for (const until = Date.now() + milliseconds; Date.now() < until;) {
      await this.send(encodeDhcp(clientPacket(`06:${macOf(random.below(macs))}`, messageTypes.discover, [], { flags: broadcastFlag, xid: this.sent })), serverPort);
    }
    this.listener = undefined;
    return undefined;
  }

  private async send(bytes: Uint8Array, port: number, to = everybody): Promise<void> {
    this.post(bytes, port, to);
    if (this.sent % burst === 0) await nextTurn();
  }

  /** What can't be sent is lost, as on any wire. */
  private post(bytes: Uint8Array, port: number, to = everybody): void {
    this.sent += 1;
    this.client.send(bytes, port, to, () => undefined);
  }

  private receive(bytes: Uint8Array, { address }: RemoteInfo): void {
    // It hears what it sends to everybody, good or not.
    if (ownAddresses().has(address)) return;
    const packet = decodeDhcp(bytes);
    const type = typeName(packet);
    this.replies[type] = (this.replies[type] ?? 0) + 1;
    this.listener?.(packet);
  }
}

function question(kind: "discover" | "bootp" | "proxy" | "service", mac: string, { address }: Place): DhcpPacket {
  const fields = { flags: broadcastFlag, xid: Math.floor(Math.random() * 0xffff_ffff) };
  switch (kind) {
    case "discover": return clientPacket(mac, messageTypes.discover, [], fields);
    case "proxy": return clientPacket(mac, messageTypes.discover, biosRom, fields);
    case "service": return clientPacket(mac, messageTypes.request, uefiRom, { ...fields, ciaddr: address });
    case "bootp": {
      const packet = clientPacket(mac, messageTypes.discover, [], fields);
      return { ...packet, options: new Map() };
    }
  }
}

function selectOf(place: Place, mac: string, offer: DhcpPacket): DhcpPacket {
  const chosen = [optionEntry(options.requestedAddress, offer.yiaddr), optionEntry(options.serverId, place.server)];
  return clientPacket(mac, messageTypes.request, chosen, { flags: broadcastFlag, xid: offer.xid });
}

function declineOf(place: Place, mac: string, address: string): DhcpPacket {
  return clientPacket(mac, messageTypes.decline, [optionEntry(options.requestedAddress, address), optionEntry(options.serverId, place.server)]);
}

function typeName(packet: DhcpPacket): string {
  const type = packet.options.has(options.messageType.code) ? readOption(packet.options, options.messageType) : undefined;
  return Object.entries(messageTypes).find(([, number]) => number === type)?.[0] ?? "bootp";
}

function ownAddresses(): ReadonlySet<string> {
  return new Set((networkInterfaces()["eth0"] ?? []).map(({ address }) => address));
}

function macText(packet: DhcpPacket): string {
  return Buffer.from(packet.chaddr.subarray(0, 6)).toString("hex").replace(/(..)(?=.)/g, "$1:");
}

function macOf(index: number): string {
  return index.toString(16).padStart(10, "0").replace(/(..)(?=.)/g, "$1:");
}

async function main(): Promise<void> {
  const station = await Station.open();
  process.stdout.write("ready\n");
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await station.work(JSON.parse(line) as StationTask);
    // What is still on its way is counted too.
    await delay(5);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

main().then(() => process.exit(0), (error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
