import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../lab/project";
import { dhcp } from "./dhcp";
import { idle } from "./idle";
import { table, type BenchOptions, type Benchmark, type BenchReport } from "./report";
import { up } from "./up";

const benchmarks: readonly Benchmark[] = [up, idle, dhcp];

/** Runs the benchmarks that are named, all of them without names (`up --sizes 10,100,1000 --rounds 3 --only hosts,bare --steps "first up,no change" --weights`, `dhcp --quick`): a table for people, JSON in `.state/bench` for machines. */
async function main(args: string[]): Promise<number> {
  const { names, options } = asked(args);
  const unknown = names.filter((name) => !benchmarks.some((item) => item.name === name));
  if (unknown.length > 0) {
    console.error(`There is no benchmark ${unknown.join(", ")}; there are: ${benchmarks.map((item) => item.name).join(", ")}.`);
    return 2;
  }
  const chosen = names.length === 0 ? benchmarks : benchmarks.filter((item) => names.includes(item.name));
  let met = true;
  for (const item of chosen) {
    console.log(`\n${item.name}: ${item.about}\n`);
    const report = await item.run(options);
    if (report.rows.length > 0) console.log(table(report.rows));
    for (const { title, rows } of report.tables ?? []) console.log(`\n${title}\n\n${table(rows)}`);
    for (const goal of report.goals) console.log(`${goal.met ? "met" : "MISSED"}: ${goal.text}`);
    met &&= report.goals.every((goal) => goal.met);
    save(item.name, report);
  }
  return met ? 0 : 1;
}

function asked(args: string[]): { readonly names: string[]; readonly options: BenchOptions } {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { sizes: text, rounds: text, only: text, steps: text, weights: flag, quick: flag } });
  const { sizes, rounds, only, steps, weights, quick } = values;
  const options = {
    sizes: sizes?.split(",").map(Number), rounds: rounds === undefined ? undefined : Number(rounds), only: only?.split(","), steps: steps?.split(","), weights, quick,
  };
  const wrong = [...(options.sizes ?? []), options.rounds ?? 1].some((value) => !Number.isInteger(value) || value < 1);
  if (wrong) throw new TypeError("--sizes 10,100 and --rounds 3: whole numbers above 0");
  return { names: positionals, options };
}

function save(name: string, report: BenchReport): void {
  const folder = join(packageRoot, ".state", "bench");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  writeFileSync(file, `${JSON.stringify({ name, at: new Date().toISOString(), node: process.version, ...report }, null, 2)}\n`);
  console.log(`written to ${file}`);
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
