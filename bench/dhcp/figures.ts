import { median, type BenchReport } from "../report";

/** What a server did at the steady rate. */
export interface Steady {
  /** Microseconds of CPU an exchange. */
  readonly cpu: number;
  /** Milliseconds from REQUEST to ACK. */
  readonly p50: number;
  readonly p99: number;
  /** Share of exchanges without an ACK. */
  readonly loss: number;
}

/** One server with one load, an item a round. */
export interface Figures {
  readonly load: string;
  readonly server: string;
  readonly steady: Steady[];
  /** Highest rates. */
  readonly rates: number[];
}

/** All that a run has found. */
export interface Found {
  readonly figures: readonly Figures[];
  /** Seconds from the start to the first offer, an item a round. */
  readonly restarts: readonly { readonly server: string; readonly seconds: readonly number[] }[];
  readonly restartLeases: number;
  readonly steadyRate: number;
  /** What a lease takes of the agent's memory, and how many were given out to find out. */
  readonly memory: { readonly bytes: number; readonly leases: number } | undefined;
}

const agent = "agent";
const peer = "Kea";

/** Goals of the agent, the first two as shares of its peer's. */
const goals = { cpu: 1, rate: 1, p99: 20, bytes: 400, restart: 2 } as const;

/** Beyond this share of lost exchanges the delays of the others say nothing. */
const lossy = 0.01;

interface Medians extends Steady {
  readonly rate: number;
}

function mediansOf({ steady, rates }: Figures): Medians {
  const of = (pick: (item: Steady) => number): number => median(steady.map(pick));
  return { cpu: of(({ cpu }) => cpu), p50: of(({ p50 }) => p50), p99: of(({ p99 }) => p99), loss: of(({ loss }) => loss), rate: median(rates) };
}

/** The medians as tables, and which goals they reach. What was not measured, or says nothing, is a dash. */
export function reportOf(found: Found): BenchReport {
  const medians = found.figures.map((item) => ({ ...item, ...mediansOf(item) }));
  const beside = (load: string, server: string): Medians | undefined => medians.find((item) => item.load === load && item.server === server);
  const rows = medians.map(({ load, server, cpu, p50, p99, loss, rate }) => {
    const kea = beside(load, peer);
    const clear = loss <= lossy;
    return {
      held: load, server, "CPU µs": shown(cpu, 0), [`× ${peer}`]: ratio(cpu, kea?.cpu), "p50 ms": clear ? shown(p50, 2) : "–", "p99 ms": clear ? shown(p99, 2) : "–", "lost %": shown(loss * 100, 2),
      "highest /s": shown(rate, 0), [`× ${peer}'s`]: ratio(rate, kea?.rate),
    };
  });
  const { memory, restarts } = found;
  return {
    rows,
    tables: [
      ...(restarts.length === 0 ? [] : [{
        title: `Seconds from a start with ${String(found.restartLeases)} leases to the first offer`, rows: restarts.map(({ server, seconds }) => ({ server, seconds: shown(median(seconds), 2) })),
      }]),
      ...(memory === undefined ? [] : [{ title: "Memory", rows: [{ server: agent, leases: memory.leases, "bytes a lease": shown(memory.bytes, 0) }] }]),
    ],
    goals: goalsOf(found, beside),
  };
}

function goalsOf({ figures, memory, restarts, restartLeases, steadyRate }: Found, beside: (load: string, server: string) => Medians | undefined): BenchReport["goals"] {
  const loads = [...new Set(figures.map(({ load }) => load))];
  /** Reached where it is with every load. */
  const everywhere = (what: string, digits: number, value: (own: Medians, other: Medians) => number, reached: (value: number) => boolean): BenchReport["goals"] => {
    const values = loads.flatMap((load) => {
      const [own, other] = [beside(load, agent), beside(load, peer)];
      const found = own === undefined || other === undefined ? Number.NaN : value(own, other);
      return Number.isNaN(found) ? [] : [{ load, found }];
    });
    if (values.length === 0) return [];
    return [{ text: `${what}: ${values.map(({ load, found }) => `${found.toFixed(digits)} with ${load}`).join(", ")}`, met: values.every(({ found }) => reached(found)) }];
  };
  const restart = median(restarts.find(({ server }) => server === agent)?.seconds ?? []);
  return [
    ...everywhere(`CPU an exchange at most ${goals.cpu.toFixed(1)} × ${peer}'s`, 2, (own, other) => own.cpu / other.cpu, (value) => value <= goals.cpu),
    ...everywhere(`highest rate at least ${goals.rate.toFixed(1)} × ${peer}'s`, 2, (own, other) => own.rate / other.rate, (value) => value >= goals.rate),
    ...everywhere(`p99 from REQUEST to ACK at most ${String(goals.p99)} ms at ${String(steadyRate)} exchanges a second`, 1, (own) => own.p99, (value) => value <= goals.p99),
    ...(memory === undefined ? [] : [{ text: `at most ${String(goals.bytes)} bytes of memory a lease: ${shown(memory.bytes, 0)}`, met: memory.bytes <= goals.bytes }]),
    ...(Number.isNaN(restart) ? [] : [{ text: `ready within ${String(goals.restart)} s of a start with ${String(restartLeases)} leases: ${shown(restart, 2)}`, met: restart <= goals.restart }]),
  ];
}

function shown(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : "–";
}

function ratio(value: number, of: number | undefined): string {
  return of === undefined ? "–" : shown(value / of, 2);
}
