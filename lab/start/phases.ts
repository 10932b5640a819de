/** Seconds with one decimal. */
export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

/** Times the phases of a run and tells them at its end. */
export class Phases {
  private readonly started = Date.now();
  private readonly done: { name: string; time: number }[] = [];

  constructor(private readonly say: (line: string) => void) {}

  /** Runs a phase under a heading. */
  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const start = Date.now();
    this.say(`\n── ${name}`);
    const result = await work();
    this.done.push({ name, time: Date.now() - start });
    return result;
  }

  /** Seconds since the beginning, for a line in front of which it stands. */
  stamp(): string {
    return `${((Date.now() - this.started) / 1000).toFixed(1).padStart(6)} s`;
  }

  table(): string {
    const rows = [...this.done, { name: "in all", time: Date.now() - this.started }];
    const width = Math.max(...rows.map((row) => row.name.length));
    return rows.map((row) => `  ${row.name.padEnd(width)}  ${seconds(row.time).padStart(8)}`).join("\n");
  }
}
