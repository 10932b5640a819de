import { decideBoot } from "../engine/boot";
import type { HostRecord, InstallFacts } from "../engine/facts";
import type { LeaseView } from "../engine/leases";
import { ownedKey } from "../engine/view";
import type { HostStatus } from "../model/control";
import type { AgentState } from "./state";

/** A declared host as the control API tells it. */
export function hostStatus(host: HostRecord, leases: LeaseView, now: number): HostStatus {
  const { spec } = host.document;
  const mac = spec.macs[0] ?? "";
  return {
    ...factsStatus(host.facts),
    name: host.document.name,
    owner: host.document.owner,
    macs: spec.macs,
    address: spec.ip ?? leases.byMac(mac)?.address ?? null,
    nextBoot: decideBoot(host, { mac, firmware: "unknown" }, now),
    declared: true,
  };
}

function factsStatus(facts: InstallFacts): Omit<HostStatus, "address" | "nextBoot" | "declared"> {
  const { name, owner, macs, state, since, reason, installedAt, sshHostKeys, consumed } = facts;
  return { name, owner, macs, state, since, reason, installedAt, sshHostKeys, consumed };
}

/** One host, or what is left of it where it is not declared; undefined where nothing is known of it. */
export function namedStatus(state: AgentState, leases: LeaseView, now: number, named: { readonly owner: string; readonly name: string }): HostStatus | undefined {
  const host = state.hostByName(named);
  if (host !== undefined) return hostStatus(host, leases, now);
  const facts = state.factsOf(named);
  return facts === undefined ? undefined : historyStatus(facts);
}

/** Every host that is declared, then those of which only history is left. */
export function allHostStatus(state: AgentState, leases: LeaseView, now: number): HostStatus[] {
  const declared = [...state.hosts()].map((host) => hostStatus(host, leases, now));
  const names = new Set(declared.map(ownedKey));
  const history = state.allFacts().filter((facts) => !names.has(ownedKey(facts))).map(historyStatus);
  return [...declared, ...history];
}

function historyStatus(facts: InstallFacts): HostStatus {
  return { ...factsStatus(facts), address: null, declared: false, nextBoot: { action: "ignore", reason: "it is not declared" } };
}
