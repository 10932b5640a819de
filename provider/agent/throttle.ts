import type { NewEvent } from "../model/control";

/** Keys remembered; a storm of more kinds than this lets the oldest through again. */
const remembered = 4096;

/** Lets one of many like events through in a while, so that a storm of packets isn't a storm of events. */
export class Throttle {
  /** When a key's allowance is whole again, in the order in which the last one passed. */
  private readonly due = new Map<string, number>();

  /**
   * @param interval milliseconds between two events of one key
   * @param atOnce how many may pass after a rest
   */
  constructor(private readonly interval: number, private readonly atOnce = 1) {}

  /** Whether an event of this key may pass now. */
  passes(key: string, now: number): boolean {
    const due = this.due.get(key) ?? now;
    const most = now + this.interval * this.atOnce;
    // Later than any allowance: the clock went back.
    const next = (due > now && due <= most ? due : now) + this.interval;
    if (next > most) return false;
    this.forgetOld(now);
    this.due.delete(key);
    this.due.set(key, next);
    return true;
  }

  private forgetOld(now: number): void {
    for (const [key, due] of this.due) {
      if (due > now && this.due.size < remembered) return;
      this.due.delete(key);
    }
  }
}

/** What makes two events alike to a reader. */
export function likeness({ kind, host, mac, address, text }: NewEvent): string {
  return JSON.stringify([kind, host, mac, address, text]);
}
