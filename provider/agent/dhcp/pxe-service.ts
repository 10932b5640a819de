import type { RemoteInfo, Socket } from "node:dgram";
import { decidePxeService, modeOf, type InterfaceView, type PxeServiceDecision, type Sighting } from "../../engine/dhcp";
import { errorText, PxeError } from "../../errors";
import { contains, ipv4, network } from "../../model/ip";
import { decodeDhcp, encodeDhcp } from "../../wire/dhcp";
import { plainSockets, type SocketSource, type UdpRequest } from "../sockets";
import { likeness, Throttle } from "../throttle";
import { Gate } from "./gate";
import type { DhcpContext } from "./index";
import { ServedInterfaces } from "./served-interfaces";

/** Where PXE clients of a proxy ask. */
export interface PxeListener {
  readonly interface: InterfaceView;
  /** 4011 but for tries without root. */
  readonly port: number;
  readonly sockets?: SocketSource;
}

/** Like answers to one client are told at most this often, in milliseconds. */
const answerEvery = 5_000;

/** Like alerts come at most this often, in milliseconds. */
const alertEvery = 60_000;

/** Remembers which address a machine got of another server. */
export function noteSighting(context: Pick<DhcpContext, "state" | "sightings">, sighting: Sighting | undefined): void {
  if (sighting === undefined) return;
  const host = context.state.hostByMac(sighting.mac);
  context.sightings.see(sighting, host !== undefined && host.supersededBy === undefined);
}

/**
 * The service that PXE clients of a proxy ask for their boot file (PXE 2.1 section 2.2.6). Its port is open only while there is a
 * subnet to be a proxy for; `follow` opens and closes it as documents change.
 */
export class PxeService {
  /** One for each address, so that an answer leaves from the address that was asked. */
  private open: readonly Socket[] = [];
  private readonly answers = new Throttle(answerEvery);
  private readonly alerts = new Throttle(alertEvery);
  private readonly served: ServedInterfaces;
  private readonly gate: Gate;

  constructor(private readonly context: DhcpContext, private readonly listener: PxeListener) {
    this.served = new ServedInterfaces(context, listener.interface);
    this.gate = new Gate(context, listener.interface);
  }

  /** The addresses and ports that are open. */
  get endpoints(): readonly { readonly address: string; readonly port: number }[] {
    return this.open.map((socket) => socket.address());
  }

  /** Opens or closes the port as the documents want it. @throws as `openUdp` */
  async follow(): Promise<void> {
    const wanted = this.isWanted();
    if (wanted && this.open.length === 0) this.open = await this.openAll();
    if (wanted || this.open.length === 0) return;
    await this.close();
    const { interface: own, sockets } = this.listener;
    for (const { address } of own.addresses) sockets?.forget?.(this.request(address));
  }

  async close(): Promise<void> {
    const open = this.open;
    this.open = [];
    await Promise.all(open.map((socket) => new Promise<void>((resolve) => { socket.close(resolve); })));
  }

  /** A subnet that no served interface lies in is behind a relay, and its clients may come in anywhere. */
  private isWanted(): boolean {
    const { state } = this.context;
    return state.subnets.some((subnet) => {
      if (modeOf(subnet, state.server) !== "proxy") return false;
      const net = network(subnet.spec.cidr);
      const lies = (on: InterfaceView): boolean => on.addresses.some(({ address }) => contains(net, ipv4(address)));
      return lies(this.listener.interface) || !this.served.all().some(lies);
    });
  }

  private request(address: string): UdpRequest {
    return { interface: this.listener.interface.name, address, port: this.listener.port, broadcast: false };
  }

  private async openAll(): Promise<readonly Socket[]> {
    const { interface: own, sockets = plainSockets } = this.listener;
    const open: Socket[] = [];
    try {
      for (const { address } of own.addresses) {
        const socket = await sockets.udp(this.request(address));
        open.push(socket);
        socket.on("message", (bytes, from) => { this.receive(socket, bytes, from); });
        socket.on("error", (error) => { this.alert(error); });
      }
      return open;
    } catch (error) {
      for (const socket of open) socket.close();
      throw error;
    }
  }

  private receive(socket: Socket, bytes: Uint8Array, from: RemoteInfo): void {
    if (!this.gate.lets(bytes)) return;
    const { context } = this;
    const own = this.listener.interface;
    let decision: PxeServiceDecision;
    try {
      decision = decidePxeService(decodeDhcp(bytes), { interface: own, served: this.served.all(), source: from }, context, context.clock());
      if (decision.reply !== undefined) {
        socket.send(encodeDhcp(decision.reply), from.port, from.address, (error) => { if (error !== null) this.alert(error); });
      }
    } catch (error) {
      if (error instanceof PxeError && error.code === "PXE_PACKET_MALFORMED") context.log.debug({ interface: own.name, from: from.address, reason: error.message }, "dropped");
      else this.alert(error);
      return;
    }
    context.log.debug({ interface: own.name, from: from.address, reason: decision.reason }, "pxe");
    noteSighting(context, decision.sighting);
    for (const event of decision.events) if (this.answers.passes(likeness(event), context.clock())) context.emit(event);
  }

  private alert(error: unknown): void {
    const text = `PXE service on ${this.listener.interface.name}: ${errorText(error)}`;
    if (!this.alerts.passes(text, this.context.clock())) return;
    this.context.log.error({ err: error, interface: this.listener.interface.name }, "PXE service");
    this.context.emit({ kind: "alert", host: null, mac: null, address: null, text });
  }
}
