import type { NewEvent } from "../model/control";

/** Keys remembered; a storm of more kinds than this lets the oldest through again. */
const remembered = 4096;

/** Lets one of many like events through in a while, so that a storm of packets isn't a storm of events. */
export class Throttle {
  /** By the time of the last one that passed, the oldest first. */
  private readonly last = new Map<string, number>();

  /** @param interval milliseconds between two events of one key */
  constructor(private readonly interval: number) {}

  /** Whether an event of this key may pass now. */
  passes(key: string, now: number): boolean {
    const last = this.last.get(key);
    if (last !== undefined && now - last < this.interval && now >= last) return false;
    this.forgetOld(now);
    this.last.delete(key);
    this.last.set(key, now);
    return true;
  }

  private forgetOld(now: number): void {
    for (const [key, at] of this.last) {
      if (now - at < this.interval && this.last.size < remembered) return;
      this.last.delete(key);
    }
  }
}

/** What makes two events alike to a reader. */
export function likeness({ kind, host, mac, address, text }: NewEvent): string {
  return JSON.stringify([kind, host, mac, address, text]);
}
