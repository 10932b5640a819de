import type { InterfaceView } from "../../engine/dhcp";
import type { NewEvent } from "../../model/control";
import { likeness, Throttle } from "../throttle";
import type { DhcpContext } from "./index";

/** Like alerts come at most this often, in milliseconds. */
const alertEvery = 60_000;

/** Like answers to one client are told at most this often, in milliseconds: a client that asks without end must not fill the log. */
const answerEvery = 5_000;

/** Of one client's leases ten lines are told at once, then one each second: a renewal without end must not push all else out. */
const leaseEvery = 1_000;
const leasesAtOnce = 10;

/** Tells what happens on an interface, like events once in a while. */
export class Teller {
  private readonly alerts = new Throttle(alertEvery);
  private readonly answers = new Throttle(answerEvery);
  private readonly leases = new Throttle(leaseEvery, leasesAtOnce);

  constructor(private readonly context: Pick<DhcpContext, "clock" | "emit" | "log">, private readonly own: InterfaceView) {}

  emit(event: NewEvent): void {
    if (this.passes(event, this.context.clock())) this.context.emit(event);
  }

  /** The error itself, with where it arose, is logged as seldom as its text is told: clients may bring it about without end. */
  alert(text: string, error?: unknown): void {
    if (!this.alerts.passes(text, this.context.clock())) return;
    if (error !== undefined) this.context.log.error({ err: error, interface: this.own.name }, "DHCP");
    this.context.emit({ kind: "alert", host: null, mac: null, address: null, text });
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
      case "dhcp.ack":
      case "dhcp.release":
      case "dhcp.decline":
        return this.leases.passes(event.mac ?? "", now);
      default:
        return true;
    }
  }
}
