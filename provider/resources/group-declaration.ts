import * as z from "zod";
import type { Finding } from "../errors";
import { documentName, hostSpec } from "../model/documents";
import { text, type Plain } from "./definition";
import { checkHosts, computedInputs, plannedDigests, renderedDetail, type CheckedHost, type ComputedInputs, type DeclaredHost, type HostMemory } from "./host-declaration";
import { orderKnownLater } from "./host-order";
import { userInputs, type Identity } from "./identity";
import { writePlan } from "./plan-folder";
import type { DocumentTable } from "./table";
import { hasUnknown, isUnknown, unknownValue } from "./unknown";
import { validateKnown } from "./validate";

const { profile, subnet, install, secrets } = hostSpec.shape;

/** What a program says of a group: the properties of its hosts are checked host by host. */
const groupInputs = z.strictObject({
  hosts: z.record(z.string(), z.record(z.string(), z.unknown())),
  profile: profile.optional(), subnet: subnet.optional(), install: install.optional(), secrets: secrets.optional(), renderedDetail,
});

/** Inputs of a group that a check computes; each but `secretDigests`, which mirrors `secrets`, has a part for each host. */
const computedKeys = [...computedInputs, "hostSecretDigests"] as const;

function objectIn(values: Plain, key: string): Plain | undefined {
  const value = values[key];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Plain) : undefined;
}

/** The hosts of a group, those left out that a preview can't know yet. What they share is filled in. */
export function hostsOf(inputs: Plain): DeclaredHost[] {
  const { profile, subnet, install, secrets } = inputs;
  const shared = { profile, subnet, ...(install === undefined ? {} : { install }) };
  const owner = text(inputs, "owner");
  const server = text(inputs, "server");
  return Object.entries(objectIn(inputs, "hosts") ?? {}).flatMap(([name, own]) => {
    if (typeof own !== "object" || own === null) return [];
    const { secrets: ownSecrets, ...rest } = own as Plain;
    return [{ owner, name, label: `host/${name}`, server, values: { ...shared, ...rest, ...mergedSecrets(secrets, ownSecrets) } }];
  });
}

function mergedSecrets(shared: unknown, own: unknown): { readonly secrets?: unknown } {
  if (isUnknown(shared) || isUnknown(own)) return { secrets: unknownValue };
  if (own === undefined) return shared === undefined ? {} : { secrets: shared };
  if (typeof own !== "object" || own === null || typeof shared !== "object" || shared === null) return { secrets: own };
  return { secrets: { ...shared, ...own } };
}

/** What the last run kept of one of its hosts. */
function memory(olds: Plain, name: string): HostMemory | undefined {
  const values = objectIn(objectIn(olds, "hosts") ?? {}, name);
  if (values === undefined) return undefined;
  const kept = (key: string): unknown => objectIn(olds, key)?.[name];
  return { values, rendered: kept("rendered"), arming: kept("arming"), generations: kept("generations") };
}

/** Checks a group as a whole: its own properties, then its hosts as if each had a resource of its own. */
export function checkGroup(identity: Identity, inputs: Plain, olds: Plain, table: DocumentTable): { readonly inputs: Plain; readonly findings: readonly Finding[] } {
  const given = Object.fromEntries(Object.entries(inputs).filter(([key]) => !computedKeys.some((computed) => computed === key)));
  const server = text(inputs, "server");
  const own = validateKnown(groupInputs, userInputs(given, []), identity.label);
  const hosts = hostsOf(inputs);
  const names = hosts.flatMap(({ name, label }) => validateKnown(z.object({ name: documentName }), { name }, label).findings);
  const found = [...identity.findings, ...table.meet(server, identity, olds), ...own.findings, ...names];
  const checked = hosts.map((host): CheckedHost => ({ host, before: memory(olds, host.name) }));
  const { computed, findings } = checkHosts(checked, identity.self, server, table, { inputs, found });
  const later = found.length + findings.length > 0 ? new Map<string, ComputedInputs>() : hostsKnownLater(inputs, identity.name);
  return { inputs: { ...given, ...computedOf(inputs, new Map([...computed, ...later])), ...digests(inputs, olds) }, findings: [...found, ...findings] };
}

/** Hosts that a preview can't know yet, each by its name, or all by the group's: a plan must not keep silent on what they may be ordered. */
function hostsKnownLater(inputs: Plain, group: string): Map<string, ComputedInputs> {
  const { hosts } = inputs;
  const later: readonly (readonly [string, string])[] = isUnknown(hosts)
    ? [[group, orderKnownLater("its hosts are")]]
    : Object.entries(objectIn(inputs, "hosts") ?? {}).flatMap(([name, own]) => (isUnknown(own) ? [[name, orderKnownLater("what it is declared as is")] as const] : []));
  for (const [host, arming] of later) writePlan(process.env, { server: text(inputs, "server"), host, rendered: {}, arming });
  return new Map(later.map(([name, arming]) => [name, { rendered: unknownValue, arming }]));
}

function computedOf(inputs: Plain, computed: ReadonlyMap<string, ComputedInputs>): Plain {
  const all = [...computed];
  const part = (key: "arming" | "generations"): Plain => present(key, all.flatMap(([name, item]) => (item[key] === undefined ? [] : [[name, item[key]]])));
  if (isUnknown(inputs["hosts"])) return { rendered: unknownValue, ...part("arming") };
  return { rendered: Object.fromEntries(all.map(([name, item]) => [name, item.rendered] as const)), ...part("arming"), ...part("generations") };
}

function present(key: string, entries: readonly (readonly [string, unknown])[]): Plain {
  return entries.length === 0 ? {} : { [key]: Object.fromEntries(entries) };
}

/** Digests beside what they are of: shared secrets count once, whatever the number of hosts. */
function digests(inputs: Plain, olds: Plain): Plain {
  const key = inputs["controlKey"];
  const known = Object.keys(olds).length > 0;
  const shared = plannedDigests(key, inputs["secrets"], known ? { secrets: olds["secrets"], digests: olds["secretDigests"] } : undefined);
  const own = Object.entries(objectIn(inputs, "hosts") ?? {}).flatMap(([name, host]) => {
    if (typeof host !== "object" || host === null) return [];
    const { secrets } = host as Plain;
    const before = objectIn(objectIn(olds, "hosts") ?? {}, name);
    const digest = plannedDigests(key, secrets, before && { secrets: before["secrets"], digests: objectIn(olds, "hostSecretDigests")?.[name] });
    return digest === undefined ? [] : [[name, digest] as const];
  });
  return { ...(shared === undefined ? {} : { secretDigests: shared }), ...present("hostSecretDigests", own) };
}

/** Whether all hosts are known: those that an operation is asked to make always are. */
export function areKnown(inputs: Plain): boolean {
  return !hasUnknown(inputs["hosts"]);
}
