import { isDeepStrictEqual } from "node:util";
import type * as z from "zod";
import type { Finding } from "../errors";
import { validate } from "../model/validate";
import { hasUnknown, isUnknownAt, withoutUnknown } from "./unknown";

/** The parsed value where enough is known to make one, and everything wrong with what is known. */
export interface Checked<T> {
  readonly value: T | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Checks inputs of which some may be unknown in a preview: those are skipped, never guessed.
 * @param document how the value is called in the findings, `host/db1`
 * @param property where the value stands in the document, if it isn't the whole of it
 */
export function validateKnown<S extends z.ZodType>(schema: S, raw: unknown, document: string, property?: string): Checked<z.output<S>> {
  const known = hasUnknown(raw) ? withoutUnknown(raw) : raw;
  const result = validate(schema, raw, document);
  if (result.ok && known === raw) return { value: result.value, findings: [] };
  const findings = result.ok ? [] : result.findings.filter((item) => !isUnknownAt(raw, item.where[0]?.property ?? ""));
  return { value: findings.length === 0 ? parsedPart(schema, known) : undefined, findings: findings.map((item) => under(item, property)) };
}

/**
 * What is known of a value, parsed: a part that can't do without what is unknown is left out with all that it is in, up to the item
 * of a list or the property of the whole. Undefined where the whole can't do without.
 */
function parsedPart<S extends z.ZodType>(schema: S, known: unknown): z.output<S> | undefined {
  let part = known;
  for (;;) {
    const parsed = schema.safeParse(part);
    if (parsed.success) return parsed.data;
    const smaller = without(part, parsed.error.issues.map((issue) => issue.path));
    if (isDeepStrictEqual(smaller, part)) return undefined;
    part = smaller;
  }
}

/** The value without the innermost list items that the paths lead through; or the whole properties, where there is no list. */
function without(value: unknown, paths: readonly (readonly PropertyKey[])[]): unknown {
  const removed = paths.map((path) => {
    const item = path.findLastIndex((step) => typeof step === "number");
    return path.slice(0, item === -1 ? 1 : item + 1).join("\n");
  });
  return pruned(value, "", new Set(removed.filter((path) => path !== "")));
}

function pruned(value: unknown, at: string, removed: ReadonlySet<string>): unknown {
  if (typeof value !== "object" || value === null) return value;
  const below = (step: string): string => (at === "" ? step : `${at}\n${step}`);
  const kept = Object.entries(value).filter(([step]) => !removed.has(below(step))).map(([step, item]) => [step, pruned(item, below(step), removed)] as const);
  return Array.isArray(value) ? kept.map(([, item]) => item) : Object.fromEntries(kept);
}

function under(item: Finding, property: string | undefined): Finding {
  if (property === undefined) return item;
  const [place] = item.where;
  if (place === undefined) return item;
  const path = place.property === undefined ? property : `${property}${place.property.startsWith("[") ? "" : "."}${place.property}`;
  const what = place.property === undefined ? `${property} ${item.what}` : `${path}${item.what.slice(place.property.length)}`;
  return { ...item, what, where: [{ ...place, property: path }] };
}
