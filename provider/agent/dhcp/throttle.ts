/** Lets one of many like events through in a while, so that a storm of packets isn't a storm of events. */
export class Throttle {
  private readonly last = new Map<string, number>();

  /** @param interval milliseconds between two events of one key */
  constructor(private readonly interval: number) {}

  /** Whether an event of this key may pass now. */
  passes(key: string, now: number): boolean {
    const last = this.last.get(key);
    if (last !== undefined && now - last < this.interval && now >= last) return false;
    this.forgetOld(now);
    this.last.set(key, now);
    return true;
  }

  private forgetOld(now: number): void {
    for (const [key, at] of this.last) if (now - at >= this.interval) this.last.delete(key);
  }
}
