import { errorText } from "../../errors";
import { Pinger } from "../sockets";

/** How long an answer is waited for. RFC 2131 section 2.2 names no time; dhcpd waits a second, dnsmasq three. Milliseconds. */
const answerWithin = 500;

/** Addresses that are pinged at once; a boot storm asks again. */
const atOnce = 1024;

/** How often answers are looked for while any is waited for, in milliseconds: Node has no events for such a socket. */
const lookEvery = 10;

interface Waiting {
  readonly promise: Promise<boolean | undefined>;
  readonly settle: (answered: boolean | undefined) => void;
  readonly until: number;
}

/** What a prober sends and hears by. */
export interface PingPort {
  send(address: string): void;
  /** Calls back for each address that has answered since the last look. */
  look(answered: (address: string) => void): void;
  close(): void;
}

/** Finds out whether an address that is about to be offered is in use. Nothing waits for it but the client that is to get it. */
export class Prober {
  private readonly waiting = new Map<string, Waiting>();
  private port: PingPort | undefined;
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  /** @param failed told when nothing can be pinged: addresses are then offered as they are */
  constructor(private readonly failed: (error: unknown) => void, private readonly open: () => PingPort = () => Pinger.open(), private readonly limit = answerWithin) {}

  /** Whether something answers at the address; undefined when that can't be waited for now. */
  answers(address: string): Promise<boolean | undefined> {
    const there = this.waiting.get(address);
    if (there !== undefined) return there.promise;
    if (this.closed || this.waiting.size >= atOnce) return Promise.resolve(undefined);
    try {
      this.port ??= this.open();
      this.port.send(address);
    } catch (error) {
      this.failed(error);
      return Promise.resolve(false);
    }
    const { promise, resolve } = Promise.withResolvers<boolean | undefined>();
    this.waiting.set(address, { promise, settle: resolve, until: performance.now() + this.limit });
    this.timer ??= setInterval(() => { this.look(); }, lookEvery);
    return promise;
  }

  /** Whoever waits is told that it can't be waited for. */
  close(): void {
    this.closed = true;
    for (const address of [...this.waiting.keys()]) this.settle(address, undefined);
    this.rest();
  }

  private look(): void {
    try {
      this.port?.look((address) => { this.settle(address, true); });
    } catch (error) {
      this.failed(new Error(errorText(error), { cause: error }));
    }
    const now = performance.now();
    // In the order of their ends: each waits as long as every other.
    for (const [address, { until }] of this.waiting) {
      if (until > now) return;
      this.settle(address, false);
    }
    this.rest();
  }

  private settle(address: string, answered: boolean | undefined): void {
    const waiting = this.waiting.get(address);
    this.waiting.delete(address);
    waiting?.settle(answered);
  }

  /** With nothing to wait for, nothing is held. */
  private rest(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.port?.close();
    this.port = undefined;
  }
}
