import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import type { Steady } from "./figures";
import { groups, macOf } from "./network";
import { answered, lossOf, percentile } from "./perfdhcp-output";
import type { Running } from "./running";
import type { Load } from "./servers";
import { highestRate } from "./sweep";

/** Exchanges a second at which CPU and delays are measured. */
export const steadyRate = 2000;

/** The share of exchanges that may be lost at the highest rate. */
const mostLost = 0.001;

/** Of the rate asked for, what perfdhcp must really have sent. */
const leastSent = 0.95;

/** Exchanges a second that fill an agent for its memory: lost ones don't count. */
const fillRate = 3000;

/** Machines that ask over and over before anything is measured of the agent's memory, so that traffic isn't taken for leases. */
const regulars = 1000;

/** Resident bytes that may come and go between two looks at a process that has settled, looks that must agree, and looks at most. */
const jitter = 256 * 1024;
const agreeing = 4;
const looks = 40;

/** Whose turn it is: declared machines, again and again, or ever other ones. */
export class Machines {
  private group = groups.fresh;

  constructor(private readonly load: Load) {}

  next(exchanges: number): { readonly firstMac: string; readonly clients: number } {
    return this.load.reservations > 0 ? { firstMac: macOf(groups.declared, 0), clients: this.load.reservations } : { firstMac: macOf(this.group++, 0), clients: exchanges };
  }
}

/** CPU and delays at the steady rate, after exchanges that don't count: caches and compilers are warm then. */
export async function measureSteady(running: Running, machines: Machines, warm: number, exchanges: number): Promise<Steady> {
  await running.ask({ rate: steadyRate, exchanges: warm, ...machines.next(warm) });
  const before = running.usage();
  const result = await running.ask({ rate: steadyRate, exchanges, ...machines.next(exchanges) });
  const cpu = ((running.usage().cpuSeconds - before.cpuSeconds) / answered(result)) * 1e6;
  return { cpu, p50: percentile(result.ackDelays, 0.5), p99: percentile(result.ackDelays, 0.99), loss: lossOf(result) };
}

/** The highest of the rates that it keeps up with for so many seconds. */
export async function measureHighest(running: Running, machines: Machines, rates: readonly number[], seconds: number): Promise<number> {
  return highestRate(rates, async (rate) => {
    const exchanges = Math.max(50, Math.round(rate * seconds));
    const result = await running.ask({ rate, exchanges, ...machines.next(exchanges) });
    return lossOf(result) <= mostLost && result.sentRate >= leastSent * rate;
  });
}

/** Resident bytes that an agent grows by with each lease, and how many there were. @param running collects its garbage at SIGUSR2 */
export async function measureMemory(running: Running, leases: number): Promise<{ readonly bytes: number; readonly leases: number }> {
  await running.start({ leases: 0, reservations: 0 });
  await running.ask({ rate: fillRate, exchanges: leases, firstMac: macOf(groups.fresh, 0), clients: regulars });
  const before = { bytes: await settled(running), leases: leasesIn(running.database) };
  await running.ask({ rate: fillRate, exchanges: leases, firstMac: macOf(groups.fresh + 1, 0), clients: leases });
  const growth = (await settled(running)) - before.bytes;
  const added = leasesIn(running.database) - before.leases;
  await running.stop();
  if (added < leases / 2) throw new Error(`only ${String(added)} of ${String(leases)} machines got a lease: this machine is too busy to say what one takes`);
  return { bytes: growth / added, leases: added };
}

function leasesIn(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return Number(db.prepare("SELECT count(*) AS count FROM leases").get()?.["count"]);
  } finally {
    db.close();
  }
}

/** Resident bytes once nothing changes any more. */
async function settled(running: Running): Promise<number> {
  const seen: number[] = [];
  while (seen.length < looks) {
    running.signal("SIGUSR2");
    await delay(500);
    seen.push(running.usage().rssBytes);
    const last = seen.slice(-agreeing);
    if (last.length === agreeing && Math.max(...last) - Math.min(...last) <= jitter) break;
  }
  return seen.at(-1) ?? Number.NaN;
}
