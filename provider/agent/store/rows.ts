import * as z from "zod";
import type { InstallFacts } from "../../engine/facts";
import type { Lease } from "../../engine/leases";
import { installStates } from "../../model/control";
import { documentLabel, documentSchema, type Stored } from "../../model/documents";
import { parseIpv4 } from "../../model/ip";
import { validate } from "../../model/validate";

/** A stored row as it is understood, or why it isn't. */
export type Row<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

const envelope = z.looseObject({ kind: z.enum(["server", "subnet", "profile", "host"]), name: z.string(), owner: z.string(), rev: z.int() });

/**
 * A document with its defaults filled in: agents of earlier releases stored fewer properties. What a later release has added is left
 * out: after a roll-back its documents are still served.
 */
export function documentRow(json: string): Row<Stored> {
  const raw = parsed(json);
  const held = envelope.safeParse(raw);
  if (!held.success) return { ok: false, reason: "a row that is no document" };
  const { rev, ...document } = held.data;
  const label = documentLabel(document);
  const result = documentSchema.safeParse(document);
  if (result.success) return { ok: true, value: { ...result.data, rev } };
  const unknown = result.error.issues.filter((issue) => issue.code === "unrecognized_keys");
  const known = structuredClone(document) as unknown;
  for (const { path, keys } of unknown) removeKeys(known, path, keys);
  const again = validate(documentSchema, known, label);
  if (again.ok) return { ok: true, value: { ...again.value, rev } };
  return { ok: false, reason: `${label} of ${document.owner}: ${again.findings[0]?.what ?? "it does not parse"}` };
}

function removeKeys(root: unknown, path: readonly PropertyKey[], keys: readonly string[]): void {
  let at = root;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return;
    at = (at as Record<PropertyKey, unknown>)[step];
  }
  if (typeof at !== "object" || at === null) return;
  for (const key of keys) Reflect.deleteProperty(at, key);
}

const facts = z.looseObject({
  id: z.string(), owner: z.string(), name: z.string(), macs: z.array(z.string()), uuids: z.array(z.string()), state: z.enum(installStates), since: z.number(),
  reason: z.string(), token: z.string().nullable(), armedUntil: z.number().nullable(), installedAt: z.number().nullable(),
  consumed: z.array(z.string()), sshHostKeys: z.array(z.string()),
});

export function factsRow(json: string): Row<InstallFacts> {
  const result = facts.safeParse(parsed(json));
  return result.success ? { ok: true, value: result.data } : { ok: false, reason: "an install record that does not parse" };
}

/** Checked by hand: there may be a hundred thousand. */
export function leaseRow(json: string): Lease | undefined {
  const lease = parsed(json) as Partial<Lease> | null | undefined;
  if (typeof lease !== "object" || lease === null) return undefined;
  const { address, mac, clientId, owner, subnet, state, expiresAt, port } = lease;
  const sound =
    typeof address === "string" && parseIpv4(address) !== undefined && typeof mac === "string" && (clientId === null || typeof clientId === "string") &&
    typeof owner === "string" && typeof subnet === "string" && (state === "active" || state === "released" || state === "declined") &&
    typeof expiresAt === "number" && (port === undefined || typeof port === "string");
  return sound ? (lease as Lease) : undefined;
}

export function parsed(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return undefined;
  }
}
