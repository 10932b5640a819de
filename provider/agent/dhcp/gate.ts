import type { InterfaceView } from "../../engine/dhcp";
import { excessAlert, PacketRates } from "../../engine/dhcp/packet-rates";
import { Throttle } from "../throttle";
import type { DhcpContext } from "./index";

/** An excess of one kind is told at most this often, in milliseconds: one broken card may go on for days. */
const tellEvery = 3_600_000;

/** Keeps out what machines and relays send beyond the server's limits, before anything is read of it. */
export class Gate {
  private readonly rates: PacketRates;
  private readonly told = new Throttle(tellEvery);

  constructor(private readonly context: Pick<DhcpContext, "clock" | "emit" | "state">, private readonly own: InterfaceView) {
    this.rates = new PacketRates(context.state);
  }

  /** Whether the datagram is to be looked at. */
  lets(datagram: Uint8Array): boolean {
    const now = this.context.clock();
    const excess = this.rates.excess(datagram, now);
    if (excess === undefined) return true;
    const { server } = this.context.state;
    if (server !== undefined && this.told.passes(excess, now)) this.context.emit(excessAlert(excess, datagram, this.own.name, server.spec.packetLimits));
    return false;
  }
}
