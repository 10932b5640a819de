/** Exchanges a second that are tried. */
export const rates = [
  25, 50, 100, 200, 400, 600, 800, 1000, 1250, 1500, 2000, 2500, 3000, 3500, 4000, 5000, 6000, 7000, 8000, 9000, 10_000, 12_000, 14_000, 16_000, 20_000,
] as const;

/**
 * The highest of the ascending rates that holds, 0 when none does. Each is tried again when it doesn't hold: what else the machine
 * does must not count against a server. What holds is taken to hold at every lower rate too.
 */
export async function highestRate(ascending: readonly number[], holds: (rate: number) => Promise<boolean>): Promise<number> {
  let low = -1;
  let high = ascending.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const rate = ascending[middle] ?? 0;
    if ((await holds(rate)) || (await holds(rate))) low = middle;
    else high = middle;
  }
  return ascending[low] ?? 0;
}
