import { Fleet, steps as allSteps, subjects, type Step, type Subject } from "./fleet";
import { chosenOf, median, type BenchOptions, type BenchReport } from "./report";

interface Measured {
  readonly times: ReadonlyMap<Step, readonly number[]>;
  readonly bytes: { readonly compact: number; readonly file: number };
}

const names: Readonly<Record<Subject, string>> = {
  hosts: "KickstartHost", digest: "KickstartHost, digest", group: "group", "group digest": "group, digest", equal: "no-ops of equal bytes", bare: "bare no-ops",
};

/** Each goal: what is measured, of what it may be how much at most, and the size that it is set for. */
const ratios = [
  { subject: "hosts", peer: "equal", steps: ["first up", "no change", "change of all", "change of one", "refresh", "destroy"], most: 1.25 },
  { subject: "digest", peer: "bare", steps: ["first up", "no change", "change of all", "change of one", "refresh", "destroy"], most: 1.25 },
  { subject: "hosts", peer: "equal", steps: ["preview of all"], most: 1.5 },
] as const;
const seconds = [{ step: "first up", most: 15 }, { step: "no change", most: 8 }] as const;
const goalSize = 1000;
const goalBytes = 3000;

/** Fleets of our resources beside fleets of resources that do nothing, step by step in turns. */
export async function fleets({ sizes = [10, 100], rounds, only, steps: named, weights }: BenchOptions): Promise<Required<Pick<BenchReport, "tables" | "goals">>> {
  const chosen = chosenOf("--only", subjects, only);
  const steps = chosenOf("--steps", allSteps, named);
  if (steps[0] !== "first up") throw new TypeError("--steps: the first up makes what the others change: name it too");
  const tables = [];
  const goals = [];
  for (const size of sizes) {
    const measured = new Map<Subject, Measured>();
    for (let round = 0; round < (rounds ?? (size >= goalSize ? 1 : 3)); round++) await measure({ size, chosen, steps, weights: weights === true }, measured);
    tables.push({ title: `${String(size)} hosts, seconds (median) and bytes of state`, rows: rowsOf(chosen, steps, measured) });
    goals.push(...goalsOf(size, measured));
  }
  return { tables, goals };
}

interface Round {
  readonly size: number;
  readonly chosen: readonly Subject[];
  readonly steps: readonly Step[];
  /** Whether to tell what each property of a host weighs in the state. */
  readonly weights: boolean;
}

/** One round: all subjects side by side, so that what else the machine does hits them alike. */
async function measure({ size, chosen, steps, weights }: Round, measured: Map<Subject, Measured>): Promise<void> {
  const made = new Map<Subject, Fleet>();
  try {
    for (const step of steps) {
      for (const subject of chosen) {
        const fleet = made.get(subject) ?? (await Fleet.make(subject, size, paddingFor(subject, made)));
        made.set(subject, fleet);
        await fleet.take(step);
        console.log(`${String(size)} × ${names[subject]}, ${step}: ${(fleet.times.get(step) ?? 0).toFixed(1)} s`);
        if (weights && step === "first up" && subject === "hosts") console.log(JSON.stringify(fleet.weights()));
      }
    }
    for (const [subject, { times, bytes }] of made) {
      const before = measured.get(subject)?.times;
      const all = new Map(steps.map((step) => [step, [...(before?.get(step) ?? []), times.get(step) ?? Number.NaN]] as const));
      measured.set(subject, { times: all, bytes: bytes ?? { compact: Number.NaN, file: Number.NaN } });
    }
  } finally {
    for (const fleet of made.values()) fleet.close();
  }
}

function paddingFor(subject: Subject, made: ReadonlyMap<Subject, Fleet>): { inputs: number; outputs: number } {
  if (subject !== "equal") return { inputs: 0, outputs: 0 };
  const model = made.get("hosts");
  if (model === undefined) throw new TypeError("--only equal needs hosts too: they say how many bytes are equal");
  return model.weight();
}

function rowsOf(chosen: readonly Subject[], steps: readonly Step[], measured: ReadonlyMap<Subject, Measured>): Record<string, string>[] {
  const row = (what: string, value: (item: Measured) => string): Record<string, string> => ({
    what, ...Object.fromEntries(chosen.flatMap((subject) => {
      const item = measured.get(subject);
      return item === undefined ? [] : [[names[subject], value(item)]];
    })),
  });
  return [
    ...steps.map((step) => row(step, (item) => median(item.times.get(step) ?? []).toFixed(2))),
    row("state, bytes a host", ({ bytes }) => bytes.compact.toFixed(0)),
    row("state file, bytes a host", ({ bytes }) => bytes.file.toFixed(0)),
  ];
}

function goalsOf(size: number, measured: ReadonlyMap<Subject, Measured>): { readonly text: string; readonly met: boolean }[] {
  const time = (subject: Subject, step: Step): number => median(measured.get(subject)?.times.get(step) ?? []);
  const compared = ratios.flatMap(({ subject, peer, steps: each, most }) => {
    if (!measured.has(subject) || !measured.has(peer)) return [];
    return each.flatMap((step) => {
      const ratio = time(subject, step) / time(peer, step);
      return Number.isNaN(ratio) ? [] : { text: `${String(size)} hosts, ${step}: ${names[subject]} / ${names[peer]} = ${ratio.toFixed(2)}, at most ${String(most)}`, met: ratio <= most };
    });
  });
  const bytes = measured.get("digest")?.bytes.compact;
  const light = bytes === undefined ? [] : [{ text: `${String(size)} hosts: ${bytes.toFixed(0)} bytes of state a host in digest mode, at most ${String(goalBytes)}`, met: bytes <= goalBytes }];
  const quick = size < goalSize || !measured.has("group") ? [] : seconds.flatMap(({ step, most }) => {
    const taken = time("group", step);
    return Number.isNaN(taken) ? [] : { text: `a group of ${String(size)}, ${step}: ${taken.toFixed(1)} s, at most ${String(most)} s`, met: taken <= most };
  });
  return [...compared, ...light, ...quick];
}
