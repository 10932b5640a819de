/** What a benchmark measured. */
export interface BenchReport {
  /** One row a thing measured; the keys are the table's columns. */
  readonly rows: readonly Readonly<Record<string, string | number>>[];
  /** What was aimed at, and whether it was reached. */
  readonly goals: readonly { readonly text: string; readonly met: boolean }[];
}

/** A benchmark: measures something beside a real peer doing the same work. */
export interface Benchmark {
  readonly name: string;
  /** One line: what is compared with what. */
  readonly about: string;
  run(): Promise<BenchReport>;
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
