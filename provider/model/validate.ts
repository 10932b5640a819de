import type * as z from "zod";
import { finding, type Finding } from "../errors";

/** `pools[0].from` from `["pools", 0, "from"]`. */
export function propertyPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    text += typeof part === "number" ? `[${String(part)}]` : `${text === "" ? "" : "."}${String(part)}`;
  }
  return text;
}

/** Either the parsed value with its defaults filled in, or every failure by property path. */
export type Validated<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly findings: readonly Finding[] };

/**
 * Checks a value against a schema and reports all that is wrong at once.
 * @param document how the value is called in the findings, `host/db1`
 */
export function validate<S extends z.ZodType>(schema: S, value: unknown, document: string): Validated<z.output<S>> {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  const findings = result.error.issues.flatMap((issue) => issueFindings(issue, document));
  return { ok: false, findings };
}

function issueFindings(issue: z.core.$ZodIssue, document: string): Finding[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => inputFinding(document, [...issue.path, key], "is not a known property"));
  }
  return [inputFinding(document, issue.path, issue.message)];
}

function inputFinding(document: string, path: readonly PropertyKey[], reason: string): Finding {
  const property = propertyPath(path);
  const what = property === "" ? reason : `${property} ${reason}`;
  return finding("PXE_INPUT_INVALID", what, { where: [property === "" ? { document } : { document, property }] });
}
