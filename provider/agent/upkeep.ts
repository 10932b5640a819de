import { setTimeout as delay } from "node:timers/promises";
import { PoolWatch } from "../engine/dhcp/pool-watch";
import { historyTime, outdated } from "../engine/lease-history";
import { errorText } from "../errors";
import type { AgentContext } from "./context";
import type { StoreWrite } from "./store/port";

/** How often pools are looked at, and ended bindings, in milliseconds. */
const poolsEvery = 10_000;
const historyEvery = 10 * 60_000;

/** Bindings that are forgotten at once, and how long packets then have the process to themselves, in milliseconds. */
const batch = 256;
const pause = 20;

/** Milliseconds. */
export interface UpkeepTimes {
  readonly pools: number;
  readonly history: number;
  readonly pause: number;
}

/** What is done for the leases beside the packets: tells when pools run short, and forgets bindings that ended long ago. */
export class Upkeep {
  private readonly pools = new PoolWatch();
  private timers: readonly NodeJS.Timeout[] = [];
  private readonly times: UpkeepTimes;
  private lookedAt: number;
  private sweeping: Promise<void> | undefined;
  private closed = false;

  /**
   * @param history the history's own time, as it was last stored
   * @param steady milliseconds of a clock that nobody sets
   */
  constructor(
    private readonly context: Pick<AgentContext, "clock" | "log" | "state" | "leases" | "commit" | "emit">, private history: number,
    times: Partial<UpkeepTimes> = {}, private readonly steady: () => number = () => performance.now(),
  ) {
    this.times = { pools: poolsEvery, history: historyEvery, pause, ...times };
    this.lookedAt = steady();
  }

  start(): void {
    this.timers = [setInterval(() => { this.look(); }, this.times.pools).unref(), setInterval(() => void this.sweep(), this.times.history).unref()];
    this.look();
  }

  /** For the agent's status. */
  problems(): string[] {
    return this.pools.problems();
  }

  /** Looks at the pools. */
  look(): void {
    const { state, leases, clock } = this.context;
    for (const event of this.pools.look(state, leases, clock())) this.context.emit(event);
  }

  /** Forgets what is to be forgotten. Never rejects: what can't be stored now is tried again the next time. */
  sweep(): Promise<void> {
    this.sweeping ??= this.sweepNow()
      .catch((error: unknown) => { this.context.log.warn({ error: errorText(error) }, "old leases could not be removed"); })
      .finally(() => { this.sweeping = undefined; });
    return this.sweeping;
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.closed = true;
    for (const timer of this.timers) clearInterval(timer);
    await this.sweeping;
  }

  private async sweepNow(): Promise<void> {
    const { clock, state, leases } = this.context;
    const now = clock();
    const steady = this.steady();
    this.history = historyTime(this.history, now, steady - this.lookedAt);
    this.lookedAt = steady;
    let writes: StoreWrite[] = [{ type: "history", time: this.history }];
    for (const write of outdated(leases, Math.min(this.history, now), (mac) => state.hostByMac(mac) !== undefined)) {
      writes.push(write);
      if (writes.length < batch) continue;
      await this.forget(writes);
      writes = [];
      await delay(this.times.pause);
      if (this.closed) return;
    }
    await this.forget(writes);
  }

  private async forget(writes: readonly StoreWrite[]): Promise<void> {
    if (writes.length === 0) return;
    await this.context.commit(writes);
    for (const write of writes) if (write.type === "lease.delete") this.context.leases.apply(write);
  }
}
