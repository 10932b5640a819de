import type { RemoteInfo, Socket } from "node:dgram";
import { errorText, PxeError } from "../../errors";
import { decideDhcp, onProbeAnswered, type DhcpDecision, type InterfaceView, type Via } from "../../engine/dhcp";
import { isReservation } from "../../engine/dhcp/reservation";
import type { PacketCounters } from "../../model/control";
import { decodeDhcp, messageTypes, options, type DhcpPacket } from "../../wire/dhcp";
import type { AgentContext } from "../context";
import { Frames, plainSockets, type BroadcastSockets, type SocketSource } from "../sockets";
import { Gate } from "./gate";
import { Prober } from "./probe";
import { noteSighting } from "./pxe-service";
import { Sender } from "./send";
import { ServedInterfaces } from "./served-interfaces";
import { Teller } from "./teller";
import { UnderWay } from "./under-way";

/** What the DHCP service needs of its agent. */
export type DhcpContext = Pick<AgentContext, "clock" | "log" | "leases" | "limits" | "sightings" | "emit" | "commit" | "foreign"> & {
  readonly state: Pick<AgentContext["state"], "server" | "subnets" | "hostByMac" | "hostByAddress" | "hosts" | "version">;
};

/** Where to serve. */
export interface DhcpListener {
  readonly interface: InterfaceView;
  /** 67 but for tries without root. */
  readonly port: number;
  readonly sockets?: SocketSource;
}

/** A running service on one interface. */
export interface DhcpService {
  /** The port in use: the one asked for, or the one that the system chose for 0. */
  readonly port: number;
  readonly counters: PacketCounters;
  /** Takes no more requests; resolves once those under way are answered and the socket is closed. */
  close(): Promise<void>;
}

/** How often a decision is made again after another instance changed the store. */
const attempts = 3;

/** How many addresses are tried for one DISCOVER where others answer for them: the client asks again. */
const pingsAtMost = 3;

/** How long nobody is offered what can't be stored, before it is tried again. Milliseconds. */
const unstorableFor = 5_000;

/** How long a service that closes goes on with what comes in meanwhile: under a flood there is always more. Milliseconds. */
const closeAfter = 100;

/** A packet that is being answered. */
interface Request {
  readonly packet: DhcpPacket;
  readonly via: Via;
  /** The one that it came to: the answer leaves by it. */
  readonly socket: Socket;
}

/**
 * Serves DHCPv4 on one interface.
 * @throws PxeError when a socket can't be opened (see `openUdp`)
 */
export async function startDhcp(context: DhcpContext, { interface: own, port, sockets = plainSockets }: DhcpListener): Promise<DhcpService> {
  const opened = await sockets.broadcast({ interface: own.name, port, addresses: own.addresses.map((item) => item.address) });
  return new Server(context, own, opened);
}

class Server implements DhcpService {
  readonly port: number;
  readonly counters = { received: 0, malformed: 0, replied: 0, unstored: 0, limited: 0 };
  private readonly gate: Gate;
  private readonly served: ServedInterfaces;
  private readonly sender: Sender;
  private readonly prober: Prober;
  private readonly teller: Teller;
  /** Packets that wait for the disk, and replies that the system has not taken yet. */
  private readonly underWay = new UnderWay();
  private closed: Promise<void> | undefined;
  private stopped = false;
  /** While leases can't be stored, by `performance.now()`: a clock that goes back must keep nobody waiting. */
  private unstorableUntil = 0;

  constructor(private readonly context: DhcpContext, private readonly own: InterfaceView, private readonly sockets: BroadcastSockets) {
    this.port = sockets.rest.address().port;
    this.served = new ServedInterfaces(context, own);
    this.gate = new Gate(context, own);
    this.teller = new Teller(context, own);
    this.sender = new Sender(own, this.port, Frames.open(own.name));
    this.prober = new Prober((error) => { this.teller.alert(`addresses can't be pinged before they are offered: ${errorText(error)}`); });
    this.listen(sockets.rest, sockets.own.length === 0 ? {} : { isBroadcast: true });
    for (const socket of sockets.own) this.listen(socket, { isBroadcast: false });
  }

  close(): Promise<void> {
    this.closed ??= this.finish();
    return this.closed;
  }

  private listen(socket: Socket, sentTo: Pick<Via, "isBroadcast">): void {
    socket.on("message", (bytes, from) => { this.receive(bytes, from, socket, sentTo); });
    socket.on("error", (error) => { this.teller.alert(`DHCP on ${this.own.name}: ${error.message}`); });
  }

  private async finish(): Promise<void> {
    this.prober.close();
    // What has been read is answered: the next listener of these sockets won't see it.
    await this.underWay.ended(closeAfter);
    this.stopped = true;
    await this.underWay.ended();
    this.sender.close();
    const { rest, own } = this.sockets;
    await Promise.all([rest, ...own].map((socket) => new Promise<void>((resolve) => { socket.close(resolve); })));
  }

  /** Waits for nothing unless something is to be stored: most packets of a storm are done with before this returns. */
  private receive(bytes: Uint8Array, from: RemoteInfo, socket: Socket, sentTo: Pick<Via, "isBroadcast">): void {
    if (this.stopped) return;
    this.counters.received += 1;
    if (!this.gate.lets(bytes)) {
      this.counters.limited += 1;
      return;
    }
    try {
      const request = { packet: decodeDhcp(bytes), via: { interface: this.own, served: this.served.all(), source: from, ...sentTo }, socket };
      this.context.foreign?.look(request.packet, request.via, this.context.state, from);
      this.act(request, this.decide(request));
    } catch (error) {
      this.failed(error, from);
    }
  }

  private act(request: Request, decision: DhcpDecision): void {
    if (this.isVain(decision)) {
      for (const write of decision.offers) if (write.type === "offer.put") this.context.leases.applyOffer({ type: "offer.drop", address: write.offer.address });
      this.debug(request.via.source, "leases can't be stored", "dropped");
      return;
    }
    if (decision.leases.length === 0 && decision.probe === undefined) {
      this.answer(request, decision);
      return;
    }
    this.underWay.begin();
    // One promise for most requests: in a storm they would cost as much as the answers.
    const done = decision.probe === undefined ? this.storeAndAnswer(request, decision) : this.probeAndAnswer(request, decision);
    done.then(this.underWay.end, (error: unknown) => {
      this.underWay.end();
      this.failed(error, request.via.source);
    });
  }

  /** An offer that could not be kept would hide another server's. */
  private isVain(decision: DhcpDecision): boolean {
    if (performance.now() >= this.unstorableUntil) return false;
    return decision.reply?.packet.options.get(options.messageType.code)?.[0] === messageTypes.offer && !isReservation(decision, this.context.state);
  }

  private async probeAndAnswer(request: Request, first: DhcpDecision): Promise<void> {
    const decision = await this.probed(request, first);
    if (decision !== undefined) await this.storeAndAnswer(request, decision);
  }

  /** Another decision where something answers the ping; undefined where the client is to ask again. */
  private async probed(request: Request, first: DhcpDecision): Promise<DhcpDecision | undefined> {
    let decision = first;
    for (let pings = 1; decision.probe !== undefined; pings++) {
      const { address } = decision.probe;
      const found = await this.prober.answers(address);
      if (found === false) return decision;
      if (found === undefined) {
        this.debug(request.via.source, `${address} is not pinged: too much is under way`, "dropped");
        return undefined;
      }
      const used = onProbeAnswered(request.packet, request.via, this.context, this.context.clock(), address);
      for (const write of used.offers) this.context.leases.applyOffer(write);
      await this.storeAndAnswer(request, used);
      if (pings === pingsAtMost) return undefined;
      decision = this.decide(request);
    }
    return decision;
  }

  /** A lease is on stable storage before anybody is told of it (RFC 2131 section 3.1). */
  private async storeAndAnswer(request: Request, first: DhcpDecision): Promise<void> {
    let decision = first;
    for (let attempt = 1; decision.leases.length > 0; attempt++) {
      let outcome: "ok" | "conflict" = "ok";
      try {
        outcome = await this.context.commit(decision.leases);
        this.unstorableUntil = 0;
      } catch (error) {
        this.unstored(error);
        if (!isReservation(decision, this.context.state)) return;
      }
      if (outcome === "ok") {
        this.take(decision);
        break;
      }
      if (attempt === attempts) return;
      const again = this.decide(request);
      // Another address may be new to everybody.
      const next = again.probe === undefined ? again : await this.probed(request, again);
      if (next === undefined) return;
      decision = next;
    }
    this.answer(request, decision);
  }

  private answer({ via, socket }: Request, { events, reply, reason, sighting }: DhcpDecision): void {
    this.debug(via.source, reason, "dhcp");
    for (const event of events) this.teller.emit(event);
    noteSighting(this.context, sighting);
    if (reply === undefined) return;
    this.underWay.begin();
    try {
      this.sender.send(socket, reply, this.sent);
    } catch (error) {
      this.underWay.end();
      this.broke(error);
    }
  }

  private readonly sent = (error: Error | null): void => {
    this.underWay.end();
    if (error === null) this.counters.replied += 1;
    else this.broke(error);
  };

  private failed(error: unknown, from: Via["source"]): void {
    if (error instanceof PxeError && error.code === "PXE_PACKET_MALFORMED") {
      this.counters.malformed += 1;
      this.debug(from, error.message, "dropped");
    } else this.broke(error);
  }

  private broke(error: unknown): void {
    this.teller.alert(`DHCP on ${this.own.name}: ${errorText(error)}`, error);
  }

  private debug(from: Via["source"], reason: string, text: string): void {
    const { log } = this.context;
    if (log.isLevelEnabled("debug")) log.debug({ interface: this.own.name, from: from.address, reason }, text);
  }

  /** What is offered is held at once, before anything is awaited: the next packet finds it taken. */
  private decide({ packet, via }: Pick<Request, "packet" | "via">): DhcpDecision {
    const decision = decideDhcp(packet, via, this.context, this.context.clock());
    for (const write of decision.offers) this.context.leases.applyOffer(write);
    return decision;
  }

  private unstored(error: unknown): void {
    this.counters.unstored += 1;
    this.unstorableUntil = performance.now() + unstorableFor;
    this.teller.alert(`leases can't be stored, so only declared hosts are answered, for their reserved addresses: ${errorText(error)}`, error);
  }

  /** What is stored shows, and needs no offer to hold it. */
  private take({ leases, offers }: DhcpDecision): void {
    for (const write of leases) this.context.leases.apply(write);
    for (const write of offers) {
      if (write.type === "offer.put") this.context.leases.applyOffer({ type: "offer.drop", address: write.offer.address });
    }
  }
}
