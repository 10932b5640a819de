const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * Reads a duration: a number of seconds, or text like `"90s"`, `"1h"`, `"1h30m"`, `"7d"`.
 * @returns whole seconds, or undefined when it is anything else
 */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== "string" || !/^(\d{1,10}[smhdw])+$/.test(value)) return undefined;
  let total = 0;
  for (const match of value.matchAll(/(\d+)([smhdw])/g)) total += Number(match[1]) * (seconds[match[2] ?? ""] ?? Number.NaN);
  return Number.isSafeInteger(total) ? total : undefined;
}
