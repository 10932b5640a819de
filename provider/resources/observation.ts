import { isDeepStrictEqual } from "node:util";
import type * as z from "zod";
import type { DocumentKind } from "../model/documents";
import { Seen, text, type Plain } from "./definition";
import { withDrift, type Observation } from "./residence";

/** The types in `self`, `DhcpSubnet::net`, by the kind of document; and a group's, which has many. */
const types: Readonly<Record<DocumentKind | "group", string>> = {
  server: "PxeServer", subnet: "DhcpSubnet", profile: "BootProfile", host: "KickstartHost", group: "KickstartHostGroup",
};

/** What stands in the engine's messages for "the value under `value` is a secret" (pulumi/pulumi, sdk/go/common/resource/properties.go). */
const signature = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" } as const;

/**
 * A value as a secret among what `observe` or `ensure` returns. The engine keeps by itself that an output or observed input is a
 * secret only where an input or the old one of the same name was one.
 */
export function asSecret(value: unknown): Plain {
  return { ...signature, value };
}

/**
 * Inputs as if a program had declared what the agent holds: with them a refresh shows property by property what differs, and so
 * does the plan of the next update, in reverse.
 * @param outputs what the last operation left
 * @param properties the program's own properties, as they would have to be
 * @param drift stands beside them where no property says what is wrong: no program gives it, so the plan shows that it goes away
 */
export function observedInputs(kind: DocumentKind | "group", outputs: Plain, properties: Plain, drift?: string): Plain {
  const { owner, server, connection } = outputs;
  const self = `${types[kind]}::${text(outputs, "name")}`;
  const key = { controlKey: asSecret(outputs["controlKey"]) };
  return { ...properties, owner, self, ...(server === undefined ? {} : { server }), connection, ...key, ...(drift === undefined ? {} : { drift }) };
}

/**
 * What a program gave, with what is found in place of all that means something else: `"1h"` stays where 3600 is found, and a
 * default that wasn't given stays out.
 * @param asked what the given properties mean, with defaults
 */
export function overlaid(given: Plain, asked: Plain, found: Plain): Record<string, unknown> {
  const names = new Set([...Object.keys(given), ...Object.keys(asked), ...Object.keys(found)]);
  return Object.fromEntries([...names].map((name) => [name, overlay(given[name], asked[name], found[name])] as const).filter(([, item]) => item !== undefined));
}

function overlay(given: unknown, asked: unknown, found: unknown): unknown {
  if (isDeepStrictEqual(asked, found)) return given;
  if (Array.isArray(given) && Array.isArray(asked) && Array.isArray(found) && given.length === asked.length) {
    return found.map((item: unknown, index) => (index < asked.length ? overlay(given[index], asked[index], item) : item));
  }
  return isPlain(given) && isPlain(asked) && isPlain(found) ? overlaid(given, asked, found) : found;
}

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a document says, without what stands there by default: nobody can tell then whether a program gave it. */
export function withoutDefaults(schema: z.ZodObject<Readonly<Record<string, z.ZodType>>>, spec: Plain): Record<string, unknown> {
  return Object.fromEntries(Object.entries(spec).filter(([name, value]) => {
    const unset = schema.shape[name]?.safeParse(undefined);
    return unset?.success !== true || !isDeepStrictEqual(unset.data, value);
  }));
}

/** Those of the outputs that repeat what the program gave; undefined where an older version left them, which repeated nothing. */
export function givenIn(outputs: Plain, names: readonly string[]): Record<string, unknown> | undefined {
  const version = outputs["schemaVersion"];
  if (typeof version !== "number" || version < 2) return undefined;
  return Object.fromEntries(names.filter((name) => outputs[name] !== undefined).map((name) => [name, outputs[name]]));
}

/** The observation of a changed document, saying which properties; it is not called changed where none means something else. */
export function changesNamed(seen: Observation, given: Plain | undefined, observed: Plain | undefined): Observation {
  if (seen.drift === undefined || seen.stored === undefined || given === undefined || observed === undefined) return seen;
  const names = [...new Set([...Object.keys(given), ...Object.keys(observed)])].filter((name) => !isDeepStrictEqual(given[name], observed[name]));
  return { ...seen, drift: names.length === 0 ? undefined : `${seen.drift}: ${names.sort().join(", ")}` };
}

/** What a document was found to differ in, beside what was observed of it. */
export interface Found {
  /** The program's own properties, and those that a check computes, as the document would have them; undefined: it can't be told. */
  readonly inputs: () => Plain | undefined;
  /** What is wrong and no property shows. */
  readonly beside?: string | undefined;
}

/**
 * What a refresh returns of a resource that is one document. It has inputs only where something has drifted, or had at the last
 * refresh: else the engine keeps those that it has.
 */
export function seenDocument(kind: DocumentKind, outputs: Plain, { drift, stored, documents }: Observation, found: Found): Plain | Seen {
  const clauses = [drift, found.beside].filter((clause) => clause !== undefined);
  const clause = clauses.length === 0 ? undefined : clauses.join("; ");
  const seen = withDrift(outputs, clause, stored);
  if (documents === undefined || (clause === undefined && typeof outputs["drift"] !== "string")) return seen;
  const shown = stored === undefined ? clause : found.beside;
  const inputs = found.inputs();
  return new Seen(seen, inputs && observedInputs(kind, outputs, inputs, shown));
}
