import { all, judge, ruleComment, type Holds, type Ours, type Packet, type Rule, type Verdict } from "./rules";

const targets: Readonly<Record<string, Verdict>> = { ACCEPT: "accept", DROP: "drop", REJECT: "drop", RETURN: "return" };
/** Targets after which the next rule is looked at (iptables-extensions(8)). */
const passing = new Set(["AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT", "DSCP", "LOG", "MARK", "NFLOG", "NOTRACK", "SECMARK", "SET", "TCPMSS", "TOS", "TRACE", "TTL", "ULOG"]);

/** Whether the filter, as `iptables -S` tells it, is sure to drop a packet. */
export function iptablesDrops(lines: readonly string[], packet: Packet, ours: Ours): boolean {
  const chains = new Map<string, Rule[]>();
  const policies = new Map<string, string>();
  const own = new Set(lines.flatMap((line) => (line.startsWith("-N ") ? [line.split(" ")[1] ?? ""] : [])));
  for (const line of lines) {
    const words = line.replace(/ --(comment|log-prefix|nflog-prefix) "(\\.|[^"\\])*"/, "").split(" ");
    const [what, chain = ""] = words;
    if (what === "-P") policies.set(chain, words[2] ?? "");
    const isOurs = line.includes(`--comment ${ruleComment}`) || line.includes(`--comment "${ruleComment}"`);
    if (what !== "-A" || (isOurs && ours === "shut")) continue;
    chains.set(chain, [...(chains.get(chain) ?? []), ruleOf(words.slice(2), own, packet)]);
  }
  const chain = packet.hook === "input" ? "INPUT" : "FORWARD";
  const judged = judge(chains, chain);
  return judged === "drop" || (judged === "continue" && policies.get(chain) === "DROP");
}

/** Each option has one value, but for those that have none or two, or are turned round by a `!`; no value begins with a dash. */
function ruleOf(words: readonly string[], own: ReadonlySet<string>, packet: Packet): Rule {
  const conditions: Holds[] = [];
  let verdict: Verdict = "continue";
  for (let index = 0; index < words.length; index++) {
    const not = words[index] === "!";
    const option = words[not ? ++index : index] ?? "";
    const next = words[index + 1] ?? "";
    const hasValue = !next.startsWith("-") && next !== "!";
    const value = hasValue ? next : "";
    if (hasValue) index++;
    if (option === "-j" || option === "-g") {
      if (!(value in targets) && !own.has(value) && !passing.has(value)) conditions.push("maybe");
      verdict = targets[value] ?? (own.has(value) ? { jump: value, returns: option === "-j" } : passing.has(value) ? "continue" : "accept");
    }
    else if (option === "-m" || option === "--comment") continue;
    else if (option === "--reject-with") break;
    else {
      const holds = condition(option, value, packet);
      conditions.push(not && holds !== "maybe" ? !holds : holds);
    }
  }
  return { holds: all(conditions), verdict };
}

function condition(option: string, value: string, packet: Packet): Holds {
  const { protocol, port } = packet;
  switch (option) {
    case "-i":
      return isNamed(value, packet.interface);
    case "-o":
      return packet.out === undefined ? "maybe" : isNamed(value, packet.out);
    case "-p":
      return value === "all" ? true : protocol === undefined ? "maybe" : value === protocol;
    case "--dport":
    case "--dports":
      return port === undefined ? "maybe" : value.split(",").some((item) => {
        const [from, to = from] = item.split(":").map(Number);
        return from !== undefined && to !== undefined && from <= port && port <= to;
      });
    case "--ctstate":
    case "--state":
      return value.split(",").includes("NEW");
    default:
      return "maybe";
  }
}

function isNamed(pattern: string, name: string): boolean {
  return pattern.endsWith("+") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}
