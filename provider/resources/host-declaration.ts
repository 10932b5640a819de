import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { finding, pxeError, type Finding } from "../errors";
import { documentLabel, hostSpec, type HostDocument, type HostSpec } from "../model/documents";
import type { Plain } from "./definition";
import { plannedOrder } from "./host-order";
import { areDigests, digestsOf, isDigest, keptTexts, nameIn, notPlanned, planHost, servedTexts, textsIn, type HostPlan, type Texts } from "./host-plan";
import { connectionSchema, documentOf } from "./residence";
import { writePlan } from "./plan-folder";
import { secretDigests } from "./secret-digest";
import type { DocumentTable, Planned } from "./table";
import { hasUnknown, isUnknown, unknownProperties, unknownValue } from "./unknown";
import { validateKnown, type Checked } from "./validate";

/** One machine as a program declares it, in a resource of its own or in a group. */
export interface DeclaredHost {
  readonly owner: string;
  readonly name: string;
  /** `host/db1` */
  readonly label: string;
  /** The input `server`. */
  readonly server: string;
  /** The properties of a host's document, and `reinstall`. */
  readonly values: Plain;
}

/** What was kept of a host in the inputs of the last run. */
export interface HostMemory {
  readonly values: Plain;
  readonly rendered: unknown;
  readonly arming: unknown;
  readonly generations: unknown;
}

/** What a check adds to a host's inputs. */
export interface ComputedInputs {
  readonly rendered: Plain | typeof unknownValue;
  readonly arming?: string;
  readonly generations?: readonly string[];
}

/** A host that is checked, and what is known of it from the last run: nothing where it is declared for the first time. */
export interface CheckedHost {
  readonly host: DeclaredHost;
  readonly before: HostMemory | undefined;
}

export const renderedDetail = z.enum(["full", "digest"]).optional();
const ordered = z.object({ reinstall: z.string().min(1, { error: "is empty" }).max(256).optional() });

/** The inputs of hosts that a check computes from them. */
export const computedInputs = ["rendered", "secretDigests", "arming", "generations"] as const;

/** The document's content, as far as it is known. */
export function hostSpecOf({ name, label, values }: DeclaredHost, rendered: Plain): Checked<HostSpec> {
  const { reinstall, hostname, ...rest } = values;
  const spec = validateKnown(hostSpec, { ...rest, hostname: hostname === undefined || isUnknown(hostname) ? name : hostname, rendered }, label);
  const order = reinstall === undefined ? [] : validateKnown(ordered, { reinstall }, label).findings;
  return { value: spec.value, findings: [...spec.findings, ...order] };
}

/**
 * Checks all hosts of one resource against everything that is declared before them, and plans what each will be served.
 * @param self the resource that declares them, which gets their documents in the table
 * @param found what is wrong already: nothing is planned then
 */
export function checkHosts(hosts: readonly CheckedHost[], self: string, server: string, table: DocumentTable, detail: { readonly inputs: Plain; readonly found: readonly Finding[] }): {
  readonly computed: ReadonlyMap<string, ComputedInputs>;
  readonly findings: readonly Finding[];
} {
  const specs = hosts.map(({ host }) => hostSpecOf(host, {}));
  const planned = new Map(hosts.flatMap(({ host }, index): [string, Planned<HostDocument>][] => {
    const spec = specs[index]?.value;
    return spec === undefined ? [] : [[host.name, { document: documentOf("host", host, spec), later: unknownProperties(host.values) }]];
  }));
  table.register(server, self, ...planned.values());
  const taken = [...planned.values()].flatMap(({ document }) => targetFindings(document, server, detail.inputs["connection"]));
  const findings = [...specs.flatMap((spec) => spec.findings), ...table.findings(server, self), ...taken];
  const computed = new Map<string, ComputedInputs>();
  if (detail.found.length + findings.length > 0) return { computed, findings };
  for (const item of hosts) {
    const plan = planHost(item.host, planned.get(item.host.name), table);
    findings.push(...plan.findings);
    if (plan.findings.length === 0) computed.set(item.host.name, computedFor(item, plan, table, detail.inputs));
  }
  return { computed, findings };
}

/** The agent knows all addresses of its machine; a plan knows the one that it is deployed by. */
function targetFindings(document: HostDocument, server: string, connection: unknown): Finding[] {
  const known = connectionSchema.safeParse(connection).data;
  if (document.spec.ip === undefined || known?.kind !== "ssh" || known.host !== document.spec.ip) return [];
  const where = [{ document: documentLabel(document), property: "ip" }, { document: `server/${nameIn(server)}`, property: "target.host" }];
  return [finding("PXE_OUTSIDE_SUBNET", `${known.host} is the server's own address`, { where })];
}

function computedFor({ host, before }: CheckedHost, plan: HostPlan, table: DocumentTable, inputs: Plain): ComputedInputs {
  const digest = isDigest(inputs);
  const { isNew, ...order } = plannedOrder(host.values, before);
  // What is left out of this run stays as it is, but for an order to install.
  if (plan.kind !== "left out" || isNew) {
    const previous = textsIn(before?.rendered);
    writePlan(process.env, {
      server: host.server, host: host.name, rendered: plan.kind === "known" ? plan.texts : {}, secret: isSecretPlan(inputs),
      ...(isNew && order.arming !== undefined ? { arming: order.arming } : {}), ...(previous === undefined ? {} : { previous }),
    });
  }
  if (plan.kind === "known" && digest) table.keepTexts(host.server, host.name, plan.texts);
  return { rendered: renderedInput(plan, before, digest), ...order };
}

/** The SDK says so in the place of what is rendered. */
function isSecretPlan(inputs: Plain): boolean {
  const given = inputs["rendered"];
  return typeof given === "object" && given !== null && "secret" in given && given.secret === true;
}

/** Where profile or subnet are left out of the run the last plan stays. */
function renderedInput(plan: HostPlan, before: HostMemory | undefined, digest: boolean): ComputedInputs["rendered"] {
  switch (plan.kind) {
    case "known":
      return keptTexts(digest ? digestsOf(plan.texts, textsIn(before?.rendered)) : plan.texts, before?.rendered);
    case "unknown":
      return unknownValue;
    case "left out":
      return textsIn(before?.rendered) ?? notPlanned(plan.missing);
  }
}

/** What the plan showed is what is pushed. */
export function textsToPush({ name, label, server }: DeclaredHost, rendered: unknown, digest: boolean, table: DocumentTable): Texts {
  const texts = digest ? table.textsOf(server, name) : textsIn(rendered);
  // Left out of a run that asks for whole texts again, the last plan holds digests still.
  if (texts !== undefined && !areDigests(texts)) return servedTexts(texts);
  throw pxeError("PXE_UNKNOWN_REFERENCE", `${label} can't be declared: its profile or subnet is not part of this run`, {
    where: [{ document: label, property: "profile" }], fix: "Name its profile and subnet as targets too, or run without --target.",
  });
}

/**
 * A digest of each secret, so that a changed one shows. Undefined where there is none, and where an older version kept none and
 * no secret has changed.
 * @param before the secrets of the last run and what was kept of them
 */
export function plannedDigests(controlKey: unknown, secrets: unknown, before: { readonly secrets: unknown; readonly digests: unknown } | undefined): Plain | typeof unknownValue | undefined {
  if (secrets === undefined || secrets === null) return undefined;
  if (typeof secrets !== "object" || typeof controlKey !== "string" || isUnknown(controlKey)) return unknownValue;
  if (before !== undefined && before.digests === undefined && isDeepStrictEqual(before.secrets, secrets)) return undefined;
  const known = Object.entries(secrets).filter((entry): entry is [string, string] => typeof entry[1] === "string" && !isUnknown(entry[1]));
  const later = Object.entries(secrets).filter(([, value]) => hasUnknown(value)).map(([name]) => [name, unknownValue] as const);
  const digests = { ...secretDigests(controlKey, Object.fromEntries(known)), ...Object.fromEntries(later) };
  return Object.keys(digests).length === 0 ? undefined : digests;
}
