/** Whether a condition holds for a packet; "maybe" where it isn't understood, or depends on more than is known of it. */
export type Holds = boolean | "maybe";

/** What a rule does with a packet. */
export type Verdict = "accept" | "drop" | "return" | "continue" | { readonly jump: string; readonly returns: boolean };

export interface Rule {
  readonly holds: Holds;
  readonly verdict: Verdict;
}

/** A new connection as a packet filter sees it first. */
export interface Packet {
  readonly hook: "input" | "forward";
  readonly interface: string;
  /** Undefined: any. */
  readonly protocol?: "udp" | "tcp";
  readonly port?: number;
  /** Where it would leave the machine; undefined where that isn't known. */
  readonly out?: string | undefined;
}

/** How rules count that a deployment has made itself: as they are, or as if they weren't there. */
export type Ours = "as they are" | "shut";

/** All conditions of a rule together. */
export function all(conditions: readonly Holds[]): Holds {
  if (conditions.includes(false)) return false;
  return conditions.includes("maybe") ? "maybe" : true;
}

/** Rules may call each other in a circle only where the kernel would have refused them: this is for texts that were made up. */
const deepest = 32;

/**
 * What becomes of a packet in a chain. A rule that may hold counts where it accepts and not where it drops: a firewall that isn't
 * understood is never held against a target.
 */
export function judge(chains: ReadonlyMap<string, readonly Rule[]>, start: string, depth = 0): "accept" | "drop" | "continue" {
  // After a rule that may have led out of the chain nothing in it is sure.
  let isSure = true;
  for (const { holds, verdict } of chains.get(start) ?? []) {
    if (holds === false || verdict === "continue") continue;
    if (verdict === "return" && holds === true) return "continue";
    if (verdict === "return") isSure = false;
    if (verdict === "accept") return "accept";
    if (verdict === "drop" && holds === true) return isSure ? "drop" : "continue";
    if (typeof verdict === "string") continue;
    const inner = depth > deepest ? "accept" : judge(chains, verdict.jump, depth + 1);
    if (inner === "accept") return inner;
    if (holds === true && (inner === "drop" || !verdict.returns)) return isSure ? inner : "continue";
    if (!verdict.returns) isSure = false;
  }
  return "continue";
}

/** Marks rules that a deployment has made; those that a person makes by its advice bear no mark. */
export const ruleComment = "pulumi-pxe";
