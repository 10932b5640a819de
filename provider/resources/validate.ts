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
  const partial = findings.length === 0 ? schema.safeParse(known) : undefined;
  return { value: partial?.success === true ? partial.data : undefined, findings: findings.map((item) => under(item, property)) };
}

function under(item: Finding, property: string | undefined): Finding {
  if (property === undefined) return item;
  const [place] = item.where;
  if (place === undefined) return item;
  const path = place.property === undefined ? property : `${property}${place.property.startsWith("[") ? "" : "."}${place.property}`;
  const what = place.property === undefined ? `${property} ${item.what}` : `${path}${item.what.slice(place.property.length)}`;
  return { ...item, what, where: [{ ...place, property: path }] };
}
