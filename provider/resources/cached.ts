/** A value that concurrent callers share and that stays good for a moment. A failure is not kept. */
export class Cached<T> {
  private value: Promise<T> | undefined;
  private until = 0;

  /** @param keepFor milliseconds */
  constructor(private readonly load: () => Promise<T>, private readonly keepFor: number) {}

  get(): Promise<T> {
    if (this.value !== undefined && Date.now() < this.until) return this.value;
    const value = this.load();
    this.value = value;
    this.until = Date.now() + this.keepFor;
    value.catch(() => {
      if (this.value === value) this.value = undefined;
    });
    return value;
  }

  /** What was loaded last, if it wasn't forgotten. */
  peek(): Promise<T> | undefined {
    return this.value;
  }

  forget(): void {
    this.value = undefined;
  }
}
