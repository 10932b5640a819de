import * as z from "zod";
import { all, judge, ruleComment, type Holds, type Ours, type Packet, type Rule, type Verdict } from "./rules";

const chainSchema = z.object({
  family: z.string(), table: z.string(), name: z.string(), type: z.string().optional(), hook: z.string().optional(), policy: z.string().optional(),
});
const ruleSchema = z.object({ family: z.string(), table: z.string(), chain: z.string(), comment: z.string().optional(), expr: z.array(z.unknown()).default([]) });
const rulesetSchema = z.object({ nftables: z.array(z.object({ chain: chainSchema.optional(), rule: ruleSchema.optional() })) });

/** The rules of nftables, as `nft -j list ruleset` tells them (libnftables-json(5)). */
export class Nftables {
  private readonly chains: readonly z.output<typeof chainSchema>[];
  private readonly rules: readonly z.output<typeof ruleSchema>[];

  private constructor({ nftables }: z.output<typeof rulesetSchema>, ours: Ours) {
    this.chains = nftables.flatMap(({ chain }) => (chain === undefined ? [] : [chain]));
    this.rules = nftables.flatMap(({ rule }) => (rule === undefined || (rule.comment === ruleComment && ours === "shut") ? [] : [rule]));
  }

  /** Undefined where the text isn't a rule set. */
  static read(text: string, ours: Ours): Nftables | undefined {
    try {
      return new Nftables(rulesetSchema.parse(JSON.parse(text)), ours);
    } catch {
      return undefined;
    }
  }

  /** The chains, `inet filter input`, that are sure to drop a packet. */
  dropping(packet: Packet): string[] {
    return this.chains.filter((chain) => chain.hook === packet.hook && chain.type !== "nat" && ["ip", "inet"].includes(chain.family)).flatMap((chain) => {
      const { family, table, name, policy } = chain;
      const inTable = new Map<string, Rule[]>();
      for (const rule of this.rules.filter((item) => item.family === family && item.table === table)) {
        inTable.set(rule.chain, [...(inTable.get(rule.chain) ?? []), ...rulesOf(rule.expr, packet)]);
      }
      const judged = judge(inTable, name);
      return judged === "drop" || (judged === "continue" && policy === "drop") ? [`${family} ${table} ${name}`] : [];
    });
  }
}

/** One rule of nftables; a verdict map is one for each of its elements. */
function rulesOf(expressions: readonly unknown[], packet: Packet): Rule[] {
  const conditions: Holds[] = [];
  const rules: Rule[] = [];
  for (const expression of expressions) {
    if (typeof expression !== "object" || expression === null) continue;
    const [kind = "", value] = Object.entries(expression)[0] ?? [];
    if (kind === "match") conditions.push(matches(value, packet));
    else if (kind === "vmap") rules.push(...mapped(value, packet).map((rule) => ({ ...rule, holds: all([...conditions, rule.holds]) })));
    else if (harmless.has(kind)) continue;
    else {
      const verdict = verdictOf(kind, value);
      if (verdict !== undefined) rules.push({ holds: all(conditions), verdict });
      else {
        conditions.push("maybe");
        if (!limits.has(kind) && !isCompatMatch(kind, value)) rules.push({ holds: all(conditions), verdict: "accept" });
      }
    }
  }
  return rules;
}

const harmless = new Set(["counter", "log", "comment", "mangle", "ct helper", "notrack"]);
/** What only narrows a rule. Anything else, `queue` for one, may let a packet pass. */
const limits = new Set(["limit", "quota", "ct count", "set", "meter", "last"]);

/** A match of iptables that nftables has no word for. */
function isCompatMatch(kind: string, value: unknown): boolean {
  return kind === "xt" && z.object({ type: z.literal("match") }).safeParse(value).success;
}

function verdictOf(kind: string, value: unknown): Verdict | undefined {
  if (kind === "accept" || kind === "drop" || kind === "return" || kind === "continue") return kind;
  if (kind === "reject") return "drop";
  const parsed = z.object({ target: z.string() }).safeParse(value);
  return (kind === "jump" || kind === "goto") && parsed.success ? { jump: parsed.data.target, returns: kind === "jump" } : undefined;
}

function mapped(value: unknown, packet: Packet): Rule[] {
  const parsed = z.object({ key: z.unknown(), data: z.object({ set: z.array(z.tuple([z.unknown(), z.record(z.string(), z.unknown())])) }) }).safeParse(value);
  // A map by name: what is in it isn't told.
  if (!parsed.success) return [{ holds: "maybe", verdict: "accept" }];
  return parsed.data.data.set.flatMap(([right, verdict]) => {
    const [kind = "", inner] = Object.entries(verdict)[0] ?? [];
    const known = verdictOf(kind, inner);
    return known === undefined ? [] : [{ holds: compare(parsed.data.key, right, packet), verdict: known }];
  });
}

function matches(value: unknown, packet: Packet): Holds {
  const parsed = z.object({ op: z.string().default("=="), left: z.unknown(), right: z.unknown() }).safeParse(value);
  if (!parsed.success) return "maybe";
  const { op, left, right } = parsed.data;
  if (isOtherProtocol(left, packet)) return false;
  const holds = compare(left, right, packet);
  if (op === "==" || op === "in") return holds;
  return op === "!=" && holds !== "maybe" ? !holds : "maybe";
}

const leftSchema = z.union([
  z.object({ meta: z.object({ key: z.string() }) }).transform(({ meta }) => `meta ${meta.key}`),
  z.object({ ct: z.object({ key: z.string() }) }).transform(({ ct }) => `ct ${ct.key}`),
  z.object({ payload: z.object({ protocol: z.string(), field: z.string() }) }).transform(({ payload }) => `${payload.protocol} ${payload.field}`),
]);

/** A field of another protocol is in no packet of this one, so that `!=` doesn't hold either. */
function isOtherProtocol(left: unknown, { protocol }: Packet): boolean {
  const of = leftSchema.safeParse(left).data?.split(" ")[0] ?? "";
  return of === "ip6" || of.startsWith("icmp") || (protocol !== undefined && (of === "udp" || of === "tcp") && of !== protocol);
}

function compare(left: unknown, right: unknown, packet: Packet): Holds {
  const name = leftSchema.safeParse(left).data ?? "";
  switch (name) {
    case "meta iifname":
    case "meta iif":
      return among(right, (item) => typeof item === "string" && isNamed(item, packet.interface));
    case "meta oifname":
    case "meta oif":
      return packet.out === undefined ? "maybe" : among(right, (item) => typeof item === "string" && isNamed(item, packet.out ?? ""));
    case "meta nfproto":
    case "meta protocol":
      return among(right, (item) => item === "ipv4" || item === "ip" || item === 2);
    case "meta l4proto":
    case "ip protocol":
      return packet.protocol === undefined ? "maybe" : among(right, (item) => item === packet.protocol || item === (packet.protocol === "udp" ? 17 : 6));
    case "udp dport":
    case "tcp dport":
    case "th dport": {
      const { protocol, port } = packet;
      if (protocol === undefined || port === undefined) return "maybe";
      return among(right, (item) => item === port || isInRange(item, port));
    }
    case "ct state":
      return among(right, (item) => item === "new");
    // Of a connection that is beginning: its address isn't translated, no answer was seen.
    case "ct status":
      return typeof right === "string" ? false : "maybe";
    default:
      return "maybe";
  }
}

/** A value, a list or a set of them; sets by name hold what they hold. */
function among(right: unknown, is: (item: unknown) => boolean): Holds {
  if (typeof right === "string" && right.startsWith("@")) return "maybe";
  const set = z.object({ set: z.array(z.unknown()) }).safeParse(right);
  const items = set.success ? set.data.set : Array.isArray(right) ? (right as unknown[]) : [right];
  return items.some(is);
}

function isInRange(item: unknown, port: number): boolean {
  const parsed = z.object({ range: z.tuple([z.number(), z.number()]) }).safeParse(item);
  return parsed.success && parsed.data.range[0] <= port && port <= parsed.data.range[1];
}

function isNamed(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
