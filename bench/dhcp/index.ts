import type { BenchOptions, Benchmark, BenchReport } from "../report";
import { reportOf, type Figures, type Found } from "./figures";
import { Machines, measureHighest, measureMemory, measureSteady, steadyRate } from "./measure";
import { planOf, type Case, type Plan } from "./plan";
import { Running } from "./running";
import { Scraps } from "./scraps";
import { collectingAgent, type Load } from "./servers";

/** What servers are restarted with. */
const restartLoad: Load = { leases: 100_000, reservations: 0 };

/** Milliseconds that a run may take in all. */
const runLimit = 45 * 60_000;

async function run(options: BenchOptions): Promise<BenchReport> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) throw new Error("the DHCP benchmark makes network namespaces: it needs Linux and root");
  const plan = planOf(options);
  const scraps = new Scraps();
  const limit = setTimeout(() => {
    console.error(`not done within ${String(runLimit / 60_000)} minutes`);
    process.exit(1);
  }, runLimit);
  try {
    return reportOf(await measure(plan, scraps));
  } finally {
    clearTimeout(limit);
    scraps.close();
  }
}

async function measure(plan: Plan, scraps: Scraps): Promise<Found> {
  const running = plan.servers.map((server) => new Running(scraps, server));
  const figures: Figures[] = [];
  for (const item of plan.steps.includes("steady") || plan.steps.includes("sweep") ? plan.cases : []) {
    const its = running.map(({ server }): Figures => ({ load: item.name, server: server.name, steady: [], rates: [] }));
    for (let round = 0; round < plan.rounds; round++) await measureRound(plan, item, round, running, its);
    figures.push(...its);
  }
  const restarts = plan.steps.includes("restart") ? await measureRestarts(plan, running) : [];
  const hasAgent = plan.servers.some(({ name }) => name === "agent");
  const memory = plan.steps.includes("memory") && hasAgent ? await measureMemory(new Running(scraps, collectingAgent), plan.memoryLeases) : undefined;
  return { figures, restarts, restartLeases: restartLoad.leases, steadyRate, memory };
}

/** All servers side by side, each first in its turn, so that what else the machine does hits them alike. */
async function measureRound(plan: Plan, { name, load }: Case, round: number, running: readonly Running[], figures: readonly Figures[]): Promise<void> {
  const all = running.flatMap((server, index) => {
    const its = figures[index];
    return its === undefined ? [] : [{ server, its, machines: new Machines(load) }];
  });
  const turn = [...all.slice(round % all.length), ...all.slice(0, round % all.length)];
  const say = (who: string, what: string): void => { console.log(`${name}, round ${String(round + 1)}, ${who}: ${what}`); };
  for (const { server } of turn) await server.start(load);
  for (const { server, its, machines } of plan.steps.includes("steady") ? turn : []) {
    const steady = await measureSteady(server, machines, plan.warm, plan.exchanges);
    its.steady.push(steady);
    say(its.server, `${steady.cpu.toFixed(0)} µs of CPU, p50 ${steady.p50.toFixed(2)} ms, p99 ${steady.p99.toFixed(2)} ms, ${(steady.loss * 100).toFixed(2)} % lost`);
  }
  for (const { server, its, machines } of plan.steps.includes("sweep") ? turn : []) {
    // dnsmasq is so far below the others that one sweep tells it.
    if (round > 0 && its.server === "dnsmasq") continue;
    const rate = await measureHighest(server, machines, plan.rates, plan.sweepSeconds);
    its.rates.push(rate);
    say(its.server, `${String(rate)} exchanges a second`);
  }
  for (const { server } of turn) await server.stop();
}

async function measureRestarts({ rounds }: Plan, running: readonly Running[]): Promise<Found["restarts"]> {
  const all = running.map((server) => ({ server, seconds: [] as number[] }));
  for (const { server } of all) await server.start(restartLoad);
  for (let round = 0; round < rounds; round++) for (const { server, seconds } of all) seconds.push(await server.restart());
  for (const { server } of all) await server.stop();
  return all.map(({ server: { server }, seconds }) => ({ server: server.name, seconds }));
}

/** Exchanges of four packets through a relay. */
export const dhcp: Benchmark = { name: "dhcp", about: "Kea, dnsmasq and the agent, each in a network namespace, asked by perfdhcp as a relay", run };
