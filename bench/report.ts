/** What a benchmark measured. */
export interface BenchReport {
  /** One row a thing measured; the keys are the table's columns. */
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  /** Further tables, each with its columns. */
  readonly tables?: readonly { readonly title: string; readonly rows: BenchReport["rows"] }[];
  /** What was aimed at, and whether it was reached. */
  readonly goals: readonly { readonly text: string; readonly met: boolean }[];
}

/** What the command line says of how much is measured; each benchmark takes what concerns it. */
export interface BenchOptions {
  /** How many resources, each a run of its own. */
  readonly sizes: readonly number[] | undefined;
  /** How often each is measured; the median counts. */
  readonly rounds: number | undefined;
  /** What is compared, by name. */
  readonly only: readonly string[] | undefined;
  /** Which steps are measured, by name. */
  readonly steps: readonly string[] | undefined;
  /** Whether to tell what each property weighs in the state. */
  readonly weights: boolean | undefined;
  /** Whether a short run is enough. */
  readonly quick: boolean | undefined;
}

/** A benchmark: measures something beside a real peer doing the same work. */
export interface Benchmark {
  readonly name: string;
  /** One line: what is compared with what. */
  readonly about: string;
  run(options: BenchOptions): Promise<BenchReport>;
}

/** A table in plain text, its columns as wide as they must be. */
export function table(rows: BenchReport["rows"]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? "")))];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => (line[index] ?? "").length)));
  const lines = cells.map((line) => line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join("  ").trimEnd());
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Those that the command line names, all of them where it names none. */
export function chosenOf<T extends string>(option: string, all: readonly T[], named: readonly string[] | undefined): readonly T[] {
  const unknown = (named ?? []).filter((name) => !all.some((item) => item === name));
  if (unknown.length > 0) throw new TypeError(`${option}: there is no ${unknown.join(", ")}; there are: ${all.join(", ")}`);
  return all.filter((item) => named === undefined || named.includes(item));
}
