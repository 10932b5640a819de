/** Counts what is under way, without a list of it: there are thousands a second. */
export class UnderWay {
  private count = 0;
  private waiting: (() => void)[] = [];

  begin(): void {
    this.count += 1;
  }

  readonly end = (): void => {
    this.count -= 1;
    if (this.count > 0) return;
    for (const resolve of this.waiting.splice(0)) resolve();
  };

  /** Resolves as soon as nothing is under way, or the limit in milliseconds is over. */
  ended(limit?: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.count === 0) {
        resolve();
        return;
      }
      const timer = limit === undefined ? undefined : setTimeout(resolve, limit);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
