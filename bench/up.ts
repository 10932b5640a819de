import { existsSync } from "node:fs";
import { freePorts } from "../lab/ports";
import { PulumiProject, repository } from "../lab/project";
import { fleets } from "./fleets";
import { median, type BenchOptions, type Benchmark, type BenchReport } from "./report";

const rounds = 5;
/** A no-change `up` of the example takes at most so many times as long as that of as many no-op resources. */
const goal = 1.5;

/** As many resources as the example has, with dynamic providers that do nothing. */
const noops = `
const pulumi = require("@pulumi/pulumi");
const text = 'exports.handler=()=>({check:async(o,n)=>({inputs:n,failures:[]}),diff:async()=>({}),create:async(i)=>({id:"noop",outs:i}),update:async(i,o,n)=>({outs:n}),delete:async()=>{}})';
class Noop extends pulumi.CustomResource {
  constructor(name) { super("pulumi-nodejs:dynamic/bench:Noop", name, { __provider: text, value: name }); }
}
for (let index = 0; index < 5; index++) new Noop("noop" + index);
`;

async function timed(project: PulumiProject): Promise<number> {
  const started = performance.now();
  const { status, text } = await project.run("up", "--yes");
  if (status !== 0 || !text.includes("6 unchanged")) throw new Error(text);
  return (performance.now() - started) / 1000;
}

async function create(project: PulumiProject): Promise<number> {
  const started = performance.now();
  const { status, text } = await project.up();
  if (status !== 0) throw new Error(text);
  return (performance.now() - started) / 1000;
}

/** The example on loopback, with the real installer's files where this machine has them. */
async function exampleProject(): Promise<PulumiProject> {
  const project = new PulumiProject("pulumi-pxe-lab", repository);
  const packaged = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64";
  const installer = existsSync(packaged) ? packaged : project.folder;
  for (const [name, size] of [["linux", 8_000_000], ["initrd.gz", 40_000_000]] as const) project.file(name, "x".repeat(size));
  for (const [key, value] of Object.entries({ cidr: "127.77.0.0/24", installer, ...(await freePorts()) })) {
    const { status, text } = await project.run("config", "set", `lab:${key}`, String(value));
    if (status !== 0) throw new Error(text);
  }
  return project;
}

async function run(options: BenchOptions): Promise<BenchReport> {
  const fleet = await fleets(options);
  if (options.only !== undefined) return { rows: [], ...fleet };
  const example = await runExample();
  return { rows: example.rows, tables: fleet.tables, goals: [...example.goals, ...fleet.goals] };
}

async function runExample(): Promise<BenchReport> {
  const example = await exampleProject();
  const floor = new PulumiProject("noops");
  try {
    floor.file("index.js", noops);
    const first = { example: await create(example), floor: await create(floor) };
    const times = { example: [] as number[], floor: [] as number[] };
    for (let round = 0; round < rounds; round++) {
      times.example.push(await timed(example));
      times.floor.push(await timed(floor));
    }
    const unchanged = { example: median(times.example), floor: median(times.floor) };
    const row = (what: string, pair: { example: number; floor: number }): Record<string, string> => ({
      what, "example, s": pair.example.toFixed(2), "no-op resources, s": pair.floor.toFixed(2), ratio: (pair.example / pair.floor).toFixed(2),
    });
    const ratio = unchanged.example / unchanged.floor;
    await example.destroy();
    return {
      rows: [row("first up, without preview", first), row(`up with no change, median of ${String(rounds)}`, unchanged)],
      goals: [{ text: `up with no change: ratio ${ratio.toFixed(2)}, at most ${String(goal)}`, met: ratio <= goal }],
    };
  } finally {
    example.close();
    floor.close();
  }
}

export const up: Benchmark = { name: "up", about: "`pulumi up` of examples/lab, and of fleets of 10 to 1,000 hosts, beside as many no-op dynamic resources", run };
