import { installStates, type Arming, type HostStatus, type KnownFact } from "../model/control";
import type { Plain } from "./definition";
import type { HostMemory } from "./host-declaration";
import { isUnknown, knownAfterApply } from "./unknown";

/** What a plan tells of orders to install. */
export interface PlannedOrder {
  /** The last order in words: kept as it is while nothing new is ordered. */
  readonly arming?: string;
  /** Every `reinstall` text that ever stood in the inputs. */
  readonly generations?: readonly string[];
  /** Whether this very run may install the machine. */
  readonly isNew: boolean;
}

const nextBoot = "at its next network boot";

/**
 * What creating or changing a host orders, in words: the same rule as `armingFor`, decided by inputs alone since a check sees no
 * outputs. Where it errs it says "will install" of an order that the agent has followed already.
 */
export function plannedOrder(values: Plain, before: HostMemory | undefined): PlannedOrder {
  const { reinstall, install } = values;
  const never = install === "never";
  const generations = generationsAfter(reinstall, before);
  const said = (arming: string | undefined, isNew: boolean): PlannedOrder => ({
    ...(arming === undefined || never ? {} : { arming }), ...(generations === undefined ? {} : { generations }), isNew: isNew && !never,
  });
  if (before === undefined) return said(`WILL INSTALL ${nextBoot}: first declaration; may erase its disk (an agent that knows the machine ignores it)`, true);
  const kept = typeof before.arming === "string" ? before.arming : undefined;
  if (isUnknown(reinstall)) return said(`MAY INSTALL AGAIN ${nextBoot}: reinstall ${knownAfterApply}; may erase its disk`, true);
  if (typeof reinstall !== "string" || reinstall === before.values["reinstall"]) return said(kept, false);
  if (generationsBefore(before).includes(reinstall)) return said(`installs nothing: reinstall ${JSON.stringify(reinstall)} was used before`, false);
  return said(`WILL INSTALL AGAIN ${nextBoot}: reinstall ${JSON.stringify(reinstall)}; may erase its disk`, true);
}

/** What a plan tells of machines of which it is not even known what a program says of them. */
export function orderKnownLater(which: string): string {
  return `MAY INSTALL ${nextBoot}: ${which} ${knownAfterApply}; may erase its disk`;
}

/** Not kept where there is nothing to keep, nor where an older version kept nothing and nothing is added. */
function generationsAfter(reinstall: unknown, before: HostMemory | undefined): readonly string[] | undefined {
  if (before?.generations === undefined && reinstall === before?.values["reinstall"]) return undefined;
  const known = before === undefined ? [] : generationsBefore(before);
  const all = typeof reinstall === "string" && !isUnknown(reinstall) ? [...new Set([...known, reinstall])] : known;
  return all.length === 0 ? undefined : all;
}

function generationsBefore({ generations, values }: HostMemory): string[] {
  const { reinstall } = values;
  return strings(Array.isArray(generations) ? generations : [reinstall]);
}

function strings(values: unknown): string[] {
  return Array.isArray(values) ? values.filter((item) => typeof item === "string") : [];
}

/**
 * Creation arms; the agent ignores that where it knows anything of the machine, or where the host is only to boot from its disk,
 * and remembers the `reinstall` text as used either way. Later only a text that is new arms. Nothing else ever does: not a
 * refresh, a repair, a rename or a move.
 * @param before its outputs; undefined where it is declared for the first time here
 */
export function armingFor(host: string, values: Plain, before: Plain | undefined): Arming[] {
  const generation = values["reinstall"];
  if (before === undefined) return [{ host, reason: "create", ...(typeof generation === "string" ? { generation } : {}) }];
  if (typeof generation !== "string" || generation === before["reinstall"]) return [];
  return strings(before["consumed"]).includes(generation) ? [] : [{ host, reason: "reinstall", generation }];
}

/** What the state file remembers, for an agent that has lost its own memory: one that remembers the host knows better. */
export function knownFacts(host: string, before: Plain): KnownFact[] {
  const { installedAt } = before;
  const state = installStates.find((known) => known === before["state"]);
  if (state === undefined) return [];
  return [{ host, state, ...(typeof installedAt === "number" ? { installedAt } : {}), consumed: strings(before["consumed"]) }];
}

/** The outputs that tell where a machine stands. A text once used up stays so, whatever an agent has forgotten. */
export function statusOutputs(status: HostStatus | undefined, before: Plain, ip: string | null): Record<string, unknown> {
  const consumed = [...new Set([...strings(before["consumed"]), ...(status?.consumed ?? [])])];
  return {
    state: status?.state ?? null,
    installedAt: status?.installedAt ?? null,
    address: status?.address ?? ip,
    sshHostKeys: status?.sshHostKeys ?? [],
    // Older versions wrote an empty list too: a refresh leaves it.
    ...(consumed.length > 0 || "consumed" in before ? { consumed } : {}),
  };
}

/**
 * What a person must be told who counts on an installation that doesn't come: the agent knew the machine already, or an order went
 * with the document that it was given to.
 * @param before its outputs; undefined where it is declared for the first time here
 */
export function notInstalled(status: HostStatus | undefined, arm: readonly Arming[], values: Plain, before: Plain | undefined): string | undefined {
  if (status === undefined || values["install"] === "never" || isUnderWay(status.state)) return undefined;
  const ordered = arm.some((item) => item.host === status.name);
  const dropped = status.state === "adopted" && isUnderWay(before?.["state"]);
  return ordered || dropped ? `${status.name} is not going to be installed: its server has it as ${status.state} (${status.reason}); a new \`reinstall\` text installs it` : undefined;
}

function isUnderWay(state: unknown): boolean {
  return state === "armed" || state === "installing" || state === "wiping";
}

/** Why the agent serves a host nothing, where it does so. */
export function supersededDrift(status: HostStatus | undefined): string | undefined {
  return status?.nextBoot.action === "ignore" ? `it is not served: ${status.nextBoot.reason}` : undefined;
}
