import type { RemoteInfo, Socket } from "node:dgram";
import { errorText, PxeError } from "../../errors";
import { decideDhcp, type DhcpDecision, type InterfaceView, type Via } from "../../engine/dhcp";
import type { NewEvent } from "../../model/control";
import { decodeDhcp, type DhcpPacket } from "../../wire/dhcp";
import type { AgentContext } from "../context";
import { plainSockets, type SocketSource } from "../sockets";
import { likeness, Throttle } from "../throttle";
import { sendReply } from "./send";
import { noteSighting } from "./pxe-service";
import { ServedInterfaces } from "./served-interfaces";

/** What the DHCP service needs of its agent. */
export type DhcpContext = Pick<AgentContext, "clock" | "log" | "leases" | "sightings" | "emit" | "commit"> & {
  readonly state: Pick<AgentContext["state"], "server" | "subnets" | "hostByMac" | "hostByAddress" | "hosts">;
};

/** Where to serve. */
export interface DhcpListener {
  readonly interface: InterfaceView;
  /** 67 but for tries without root. */
  readonly port: number;
  readonly sockets?: SocketSource;
}

/** Packets since the start. */
export interface DhcpCounters {
  received: number;
  /** Dropped for what they were. */
  malformed: number;
  replied: number;
  /** Not answered because the lease could not be stored. */
  unstored: number;
}

/** A running service on one interface. */
export interface DhcpService {
  /** The port in use: the one asked for, or the one that the system chose for 0. */
  readonly port: number;
  readonly counters: Readonly<DhcpCounters>;
  /** Takes no more requests; resolves once those under way are answered and the socket is closed. */
  close(): Promise<void>;
}

/** How often a decision is made again after another instance changed the store. */
const attempts = 3;

/** Like alerts come at most this often, in milliseconds. */
const alertEvery = 60_000;

/** Like answers to one client are told at most this often, in milliseconds: a client that asks without end must not fill the log. */
const answerEvery = 5_000;

/**
 * Serves DHCPv4 on one interface.
 * @throws PxeError when the socket can't be opened (see `openUdp`)
 */
export async function startDhcp(context: DhcpContext, listener: DhcpListener): Promise<DhcpService> {
  const socket = await (listener.sockets ?? plainSockets).udp({ interface: listener.interface.name, port: listener.port, broadcast: true });
  return new Server(context, listener.interface, socket);
}

class Server implements DhcpService {
  readonly port: number;
  readonly counters: DhcpCounters = { received: 0, malformed: 0, replied: 0, unstored: 0 };
  private readonly served: ServedInterfaces;
  private readonly alerts = new Throttle(alertEvery);
  private readonly answers = new Throttle(answerEvery);
  private readonly underWay = new Set<Promise<void>>();
  private closed: Promise<void> | undefined;
  private stopped = false;

  constructor(private readonly context: DhcpContext, private readonly own: InterfaceView, private readonly socket: Socket) {
    this.port = socket.address().port;
    this.served = new ServedInterfaces(context, own);
    socket.on("message", (bytes, from) => { this.receive(bytes, from); });
    socket.on("error", (error) => { this.alert(`DHCP on ${own.name}: ${error.message}`); });
  }

  close(): Promise<void> {
    this.closed ??= this.finish();
    return this.closed;
  }

  private async finish(): Promise<void> {
    // What has been read is answered: the next listener of this socket won't see it. Under a flood there is always more.
    for (let round = 0; round < 20 && this.underWay.size > 0; round++) await Promise.all(this.underWay);
    this.stopped = true;
    await Promise.all(this.underWay);
    await new Promise<void>((resolve) => { this.socket.close(resolve); });
  }

  private receive(bytes: Uint8Array, from: RemoteInfo): void {
    if (this.stopped) return;
    this.counters.received += 1;
    const work = this.handle(bytes, from)
      .catch((error: unknown) => {
        this.context.log.error({ err: error, interface: this.own.name }, "a DHCP packet could not be handled");
        this.alert(`DHCP on ${this.own.name}: ${errorText(error)}`);
      })
      .finally(() => { this.underWay.delete(work); });
    this.underWay.add(work);
  }

  private async handle(bytes: Uint8Array, from: RemoteInfo): Promise<void> {
    const via: Via = { interface: this.own, served: this.served.all(), source: from };
    let packet: DhcpPacket;
    let decision: DhcpDecision;
    try {
      packet = decodeDhcp(bytes);
      decision = this.decide(packet, via);
    } catch (error) {
      if (!(error instanceof PxeError) || error.code !== "PXE_PACKET_MALFORMED") throw error;
      this.counters.malformed += 1;
      this.context.log.debug({ interface: this.own.name, from: from.address, reason: error.message }, "dropped");
      return;
    }
    for (let attempt = 1; decision.leases.length > 0; attempt++) {
      const outcome = await this.store(decision);
      if (outcome === "failed" || (outcome === "conflict" && attempt === attempts)) return;
      if (outcome === "stored") break;
      decision = this.decide(packet, via);
    }
    this.context.log.debug({ interface: this.own.name, from: from.address, reason: decision.reason }, "dhcp");
    for (const event of decision.events) this.emit(event);
    noteSighting(this.context, decision.sighting);
    if (decision.reply === undefined) return;
    await sendReply(this.socket, decision.reply);
    this.counters.replied += 1;
  }

  /** What is offered is held at once, before anything is awaited: the next packet finds it taken. */
  private decide(packet: DhcpPacket, via: Via): DhcpDecision {
    const decision = decideDhcp(packet, via, this.context, this.context.clock());
    for (const write of decision.offers) this.context.leases.applyOffer(write);
    return decision;
  }

  /** A lease is on stable storage before anybody is told of it (RFC 2131 section 3.1). */
  private async store(decision: DhcpDecision): Promise<"stored" | "conflict" | "failed"> {
    try {
      if ((await this.context.commit(decision.leases)) === "conflict") return "conflict";
    } catch (error) {
      this.counters.unstored += 1;
      this.context.log.error({ err: error }, "a lease could not be stored");
      this.alert(`leases can't be stored, so requests stay unanswered: ${errorText(error)}`);
      return "failed";
    }
    for (const write of decision.leases) this.context.leases.apply(write);
    for (const write of decision.offers) {
      if (write.type === "offer.put") this.context.leases.applyOffer({ type: "offer.drop", address: write.offer.address });
    }
    return "stored";
  }

  private emit(event: NewEvent): void {
    if (this.passes(event, this.context.clock())) this.context.emit(event);
  }

  private passes(event: NewEvent, now: number): boolean {
    switch (event.kind) {
      case "dhcp.exhausted":
        return this.alerts.passes(event.kind, now);
      case "alert":
        return this.alerts.passes(event.text, now);
      case "dhcp.offer":
      case "dhcp.nak":
        return this.answers.passes(likeness(event), now);
      default:
        return true;
    }
  }

  private alert(text: string): void {
    this.emit({ kind: "alert", host: null, mac: null, address: null, text });
  }
}
