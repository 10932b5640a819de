import type { InstallState, KnownFact, NewEvent } from "../model/control";
import { documentLabel, type HostDocument } from "../model/documents";
import type { InstallFacts } from "./facts";

/** Randomness, passed in so that the engine stays pure. */
export interface Randomness {
  /** A new record's key. */
  id(): string;
  /** An unguessable URL segment. */
  token(): string;
}

/** A change of facts: the record to store, those that it took in, and what to tell. */
export interface FactsChange {
  readonly facts: InstallFacts;
  readonly removed: readonly string[];
  readonly events: readonly NewEvent[];
}

/** What `declareHost` decides by. */
export interface Declaration {
  readonly document: HostDocument;
  /** Every record that shares the host's name, a MAC or a UUID. */
  readonly matches: readonly Match[];
  readonly arming: { readonly reason: "create"; readonly generation?: string | undefined } | { readonly reason: "reinstall"; readonly generation: string } | undefined;
  readonly known: KnownFact | undefined;
}

/** A record found by an identity, and whether the host takes it over: its own, or one whose document is gone or superseded by it. */
export interface Match {
  readonly facts: InstallFacts;
  readonly claimed: boolean;
}

/** An arming for a reinstall is void after this, in milliseconds: an order that nobody followed must not wipe a machine next month. */
export const armedFor = 24 * 3600 * 1000;

/** Where records disagree the first of these wins: those that boot from disk before those that install. */
const safestFirst: readonly InstallState[] = ["up", "installed", "failed", "wiping", "adopted", "installing", "armed"];

/** The state that can wipe least; ties go to the earlier in the list. */
export function safest(states: readonly InstallState[]): InstallState | undefined {
  return safestFirst.find((state) => states.includes(state));
}

/** Whether a netboot in this state may install. */
export function mayInstall(state: InstallState): boolean {
  return state === "armed" || state === "installing";
}

function hostEvent(kind: NewEvent["kind"], facts: InstallFacts, text: string): NewEvent {
  return { kind, host: facts.name, mac: facts.macs[0] ?? null, address: null, text };
}

/**
 * What a pushed host's facts become. Only an explicit arming makes a host install, and `create` only where nothing at all is
 * known of it: a host that is declared again, renamed, moved or restored keeps what is known, the safest where that disagrees.
 */
export function declareHost(input: Declaration, now: number, random: Randomness): FactsChange {
  const { document } = input;
  const known = knownBefore(input);
  const base = carriedFacts(input, known, now, random);
  const removed = input.matches.filter((match) => match.claimed && match.facts.id !== base.facts.id).map((match) => match.facts.id);
  const armed = applyArming(input, base, now, random);
  const facts = { ...armed.facts, macs: union(armed.facts.macs, document.spec.macs), uuids: union(armed.facts.uuids, document.spec.uuid === undefined ? [] : [document.spec.uuid]) };
  return { facts, removed, events: armed.events.map((event) => ({ ...event, mac: document.spec.macs[0] ?? null })) };
}

interface Carried {
  readonly facts: InstallFacts;
  readonly isNew: boolean;
}

/** All that is known of the machine's state, from here and from the provider's own state file. */
function knownBefore(input: Declaration): InstallState | undefined {
  const told = toldBefore(input);
  const states = input.matches.filter((match) => counts(match, input)).map((match) => match.facts.state);
  return safest(told === undefined ? states : [...states, told]);
}

/**
 * Whether a record says anything of this machine now. A bystander that only shares what was the host's own already when its order
 * was given was considered then.
 */
function counts(match: Match, input: Declaration): boolean {
  const own = ownRecord(input);
  if (own === undefined || match.claimed || !mayInstall(own.state) || own.since <= match.facts.since) return true;
  const { macs, uuid } = input.document.spec;
  const sharesNew = macs.some((mac) => match.facts.macs.includes(mac) && !own.macs.includes(mac));
  return sharesNew || (uuid !== undefined && match.facts.uuids.includes(uuid) && !own.uuids.includes(uuid));
}

function ownRecord({ matches, document }: Declaration): InstallFacts | undefined {
  return matches.find(({ facts }) => facts.owner === document.owner && facts.name === document.name)?.facts;
}

/**
 * What the provider's memory adds. It came from an agent, so it says nothing new where a record here knows of that installation,
 * or of a later order to install again; and of a host that had not finished it says only that it was declared before.
 */
function toldBefore(input: Declaration): InstallState | undefined {
  const { known, matches } = input;
  if (known === undefined) return undefined;
  if (known.state !== "installed" && known.state !== "up") return matches.length === 0 ? "adopted" : undefined;
  const knownHere = matches.some(({ facts }) => facts.installedAt !== null && facts.installedAt >= (known.installedAt ?? 0));
  return knownHere ? undefined : known.state;
}

function carriedFacts(input: Declaration, known: InstallState | undefined, now: number, random: Randomness): Carried {
  const { document } = input;
  const claimed = input.matches.filter((match) => match.claimed).map((match) => match.facts);
  const own = ownRecord(input) ?? claimed[0];
  const all = input.matches.map((match) => match.facts);
  const consumed = union(all.flatMap((facts) => facts.consumed), input.known?.consumed ?? []);
  const installedAt = latest([...all.map((facts) => facts.installedAt), input.known?.installedAt ?? null]);
  const identity = { owner: document.owner, name: document.name, consumed, installedAt };
  const state = known === undefined || (mayInstall(known) && !mayKeepOrder(input, own)) ? "adopted" : known;
  if (own === undefined) {
    const reason = known === undefined ? "declared without an order to install it" : "was known before it was declared: boots from its disk";
    const facts: InstallFacts = {
      id: random.id(), ...identity, macs: [], uuids: [], state: mayInstall(state) ? "adopted" : state, since: now, reason,
      token: null, armedUntil: null, sshHostKeys: [],
    };
    return { facts, isNew: known === undefined };
  }
  const macs = union(...claimed.map((facts) => facts.macs));
  const uuids = union(...claimed.map((facts) => facts.uuids));
  if (own.state === state) return { facts: { ...own, ...identity, macs, uuids }, isNew: false };
  const winner = all.find((facts) => facts.state === state);
  const other = own.name === document.name ? "its MACs changed" : `its order was given to it as ${documentLabel({ kind: "host", name: own.name })}`;
  const reason = winner?.reason ?? (state === "adopted" ? `${other}: boots from its disk` : "the provider's state knows it as installed");
  return { facts: { ...settle(own, state, reason, winner?.since ?? now), ...identity, macs, uuids }, isNew: false };
}

/**
 * Whether an order to install goes on. It was given to a machine: a host that takes over another's record keeps it only if it is
 * itself being created (a rename), and one whose MACs all change is another machine.
 */
function mayKeepOrder(input: Declaration, record: InstallFacts | undefined): boolean {
  const { document, arming } = input;
  if (record === undefined) return false;
  const isOwn = record.owner === document.owner && record.name === document.name;
  if (!isOwn) return arming?.reason === "create";
  return document.spec.macs.some((mac) => record.macs.includes(mac));
}

/** A state in which no install is under way: its token is void. */
function settle(facts: InstallFacts, state: InstallState, reason: string, now: number): InstallFacts {
  return { ...facts, state, reason, since: now, token: null, armedUntil: null };
}

function arm(facts: InstallFacts, reason: string, armedUntil: number | null, now: number, random: Randomness): InstallFacts {
  return { ...facts, state: "armed", reason, since: now, token: random.token(), armedUntil };
}

function applyArming(input: Declaration, base: Carried, now: number, random: Randomness): { facts: InstallFacts; events: NewEvent[] } {
  const { isNew } = base;
  const { document, arming } = input;
  const used = arming?.generation !== undefined && base.facts.consumed.includes(arming.generation);
  const facts = { ...base.facts, consumed: union(base.facts.consumed, arming?.generation === undefined ? [] : [arming.generation]) };
  if (document.spec.install === "never" && mayInstall(facts.state)) {
    const settled = settle(facts, "adopted", 'declared with install: "never"', now);
    return { facts: settled, events: [hostEvent("host.adopted", settled, `${settled.name} is no longer armed: install is "never"`)] };
  }
  if (arming?.reason === "create" && isNew && document.spec.install === "once") {
    const armed = arm(facts, "declared for the first time", null, now, random);
    return { facts: armed, events: [hostEvent("host.armed", armed, `${armed.name} will install at its next network boot`)] };
  }
  if (arming?.reason === "reinstall" && !used && document.spec.install === "once") {
    const armed = arm(facts, `reinstall "${arming.generation}"`, now + armedFor, now, random);
    return { facts: armed, events: [hostEvent("host.armed", armed, `${armed.name} will be installed again at its next network boot (${armed.reason})`)] };
  }
  if (!isNew) return { facts, events: [] };
  const reason = document.spec.install === "never" ? 'declared with install: "never"' : facts.reason;
  const adopted = { ...facts, reason };
  return { facts: adopted, events: [hostEvent("host.adopted", adopted, `${adopted.name} boots from its disk (${reason})`)] };
}

/** A host whose document is deleted before it was installed is disarmed: declared again it boots from its disk. */
export function forgetHost(facts: InstallFacts, now: number): FactsChange | undefined {
  if (!mayInstall(facts.state)) return undefined;
  const settled = settle(facts, "adopted", `${documentLabel({ kind: "host", name: facts.name })} was removed before it was installed`, now);
  return { facts: settled, removed: [], events: [hostEvent("host.adopted", settled, `${settled.name} is no longer armed: it was removed`)] };
}

/** An installer's or an installed system's progress, as posted with the install's token. */
export type Progress =
  | { readonly kind: "stage"; readonly stage: string; readonly text: string }
  | { readonly kind: "done"; readonly sshHostKeys: readonly string[] };

const stageStates: Readonly<Record<string, "installing" | "wiping">> = { installing: "installing", wiping: "wiping" };

/** What a token's POST makes of the facts: the only way on from `armed` (UDP packets and GETs never change an install state). */
export function reportProgress(facts: InstallFacts, progress: Progress, now: number): FactsChange {
  if (progress.kind === "done") {
    const settled = settle(facts, "installed", "its installer reported that it is done", now);
    const installed = { ...settled, installedAt: now, sshHostKeys: progress.sshHostKeys };
    return { facts: installed, removed: [], events: [hostEvent("host.installed", installed, `${facts.name} is installed`)] };
  }
  if (progress.stage === "failed") {
    const failed = settle(facts, "failed", progress.text === "" ? "its installer reported a failure" : progress.text, now);
    return { facts: failed, removed: [], events: [hostEvent("host.failed", failed, `${facts.name} failed: ${failed.reason}`)] };
  }
  const state = stageStates[progress.stage];
  const text = `${facts.name} reports: ${progress.stage}${progress.text === "" ? "" : `: ${progress.text}`}`;
  // A late "installing" of an installer that has begun to write must not make the next netboot install again.
  if (state === undefined || state === facts.state || facts.state === "wiping") {
    return { facts, removed: [], events: [hostEvent("host.report", facts, text)] };
  }
  const reason = state === "installing" ? "its installer is running" : "its installer writes to its disk: another network boot boots the disk";
  const moved: InstallFacts = { ...facts, state, reason, since: now, armedUntil: null };
  return { facts: moved, removed: [], events: [hostEvent(state === "installing" ? "host.installing" : "host.wiping", moved, text)] };
}

function union(...lists: (readonly string[])[]): string[] {
  return [...new Set(lists.flat())];
}

function latest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.max(...known);
}
