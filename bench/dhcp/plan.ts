import { chosenOf, type BenchOptions } from "../report";
import { servers, type DhcpServer, type Load } from "./servers";
import { rates } from "./sweep";

/** What servers are measured with. */
export interface Case {
  readonly name: string;
  readonly load: Load;
}

const cases: readonly Case[] = [
  { name: "no leases", load: { leases: 0, reservations: 0 } },
  { name: "10,000 leases", load: { leases: 10_000, reservations: 0 } },
  { name: "100,000 leases", load: { leases: 100_000, reservations: 0 } },
  { name: "10,000 reservations", load: { leases: 0, reservations: 10_000 } },
];

const steps = ["steady", "sweep", "memory", "restart"] as const;
export type Step = (typeof steps)[number];

/** How much is measured. */
export interface Plan {
  readonly rounds: number;
  readonly cases: readonly Case[];
  readonly steps: readonly Step[];
  readonly servers: readonly DhcpServer[];
  /** Exchanges before the measurement, and in it. */
  readonly warm: number;
  readonly exchanges: number;
  readonly rates: readonly number[];
  /** How long each rate is tried. */
  readonly sweepSeconds: number;
  readonly memoryLeases: number;
}

export function planOf({ quick, rounds, only, steps: named }: BenchOptions): Plan {
  const short = quick === true;
  const chosen = chosenOf("--only", servers.map(({ name }) => name), only);
  return {
    rounds: rounds ?? (short ? 1 : 3),
    cases: short ? cases.filter(({ load }) => load.leases !== 10_000 && load.reservations === 0) : cases,
    steps: chosenOf("--steps", steps, named),
    servers: servers.filter(({ name }) => chosen.includes(name)),
    warm: short ? 3000 : 5000,
    exchanges: short ? 6000 : 20_000,
    rates: short ? rates.filter((_, index) => index % 2 === 0) : rates,
    sweepSeconds: short ? 1.5 : 2,
    memoryLeases: short ? 30_000 : 100_000,
  };
}
