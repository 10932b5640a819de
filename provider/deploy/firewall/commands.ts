import { quote, word } from "../shell";
import { ruleComment } from "./rules";

/** Something that a firewall keeps from the agent. */
export interface Closed {
  readonly program: "firewalld" | "ufw" | "nftables" | "iptables";
  /** A zone of firewalld, a chain of nftables (`inet filter input`); empty where there is but one. */
  readonly place: string;
  readonly interface: string;
  /** `67/udp`; `forward`: what the target is to route. */
  readonly what: string;
  /** With `forward`: the networks that it comes from, `10.77.0.0/24`. */
  readonly from?: readonly string[];
}

/** Who runs the commands. Only what a deployment makes is marked as its own, and taken back by it. */
export type By = "person" | "deployment";

/** How each interface's ports are opened: sh lines. */
export function openLines(closed: readonly Closed[], by: By): string[] {
  return [
    ...grouped(closed).flatMap(({ program, place, interface: name, ports, forward }) => {
      switch (program) {
        case "firewalld":
          return ports.length === 0 ? [] : [`firewall-cmd --quiet --permanent ${firewalldPorts("add", place, ports)}`, `firewall-cmd --quiet ${firewalldPorts("add", place, ports)}`];
        case "ufw":
          return ufwRules(name, ports, forward).map(([route, rule]) => `ufw ${route}${rule}${by === "person" ? "" : ` comment '${ruleComment}'`}`);
        case "nftables":
          return nftRules(name, ports, forward).map((rule) => `nft insert rule ${words(place)} ${rule} accept${by === "person" ? "" : ` comment '"${ruleComment}"'`}`);
        case "iptables":
          return iptablesRules(name, ports, forward, by).map((rule) => `iptables -C ${rule} 2>/dev/null || iptables -I ${rule}`);
      }
    }),
    ...openPolicy(closed, by),
  ];
}

/** sh lines that take back just what `openLines` did for a deployment; what is gone already is no error. */
export function closeLines(closed: readonly Closed[]): string[] {
  const chains = [...new Set(closed.filter((item) => item.program === "nftables").map((item) => item.place))];
  return [
    ...chains.map((chain) =>
      `nft -a list chain ${words(chain)} 2>/dev/null | sed -n 's/.* comment "${ruleComment}" # handle \\([0-9]*\\)$/\\1/p' | while read -r handle; do nft delete rule ${words(chain)} handle "$handle"; done`,
    ),
    ...grouped(closed).flatMap(({ program, place, interface: name, ports, forward }) => {
      switch (program) {
        case "firewalld":
          return ports.length === 0 ? [] : [
            `if ${isRunning}; then firewall-cmd --quiet --permanent ${firewalldPorts("remove", place, ports)}; firewall-cmd --quiet ${firewalldPorts("remove", place, ports)}; ` +
            `elif command -v firewall-offline-cmd >/dev/null; then firewall-offline-cmd --quiet ${firewalldPorts("remove", place, ports)}; fi 2>/dev/null`,
          ];
        case "ufw":
          return ufwRules(name, ports, forward).map(([route, rule]) => `ufw --force ${route}delete ${rule} >/dev/null`);
        case "nftables":
          return [];
        case "iptables":
          return iptablesRules(name, ports, forward, "deployment").map((rule) => `while iptables -D ${rule} 2>/dev/null; do :; done`);
      }
    }),
    ...closePolicy(closed),
  ];
}

/** Whether the rules are gone after a restart of the machine, or of what has made the others. */
export function isTransient(program: Closed["program"]): boolean {
  return program === "nftables" || program === "iptables";
}

function routedFrom(closed: readonly Closed[]): string[] {
  const items = closed.filter((item) => item.program === "firewalld" && item.what === "forward");
  return [...new Set(items.flatMap((item) => item.from ?? []))];
}

/**
 * What firewalld routes is said by a policy (firewalld.policies(5)), which only a reload puts into effect. By the networks that it comes from: what is
 * said of a zone holds for each of its interfaces, the outer ones maybe, and of none where the zone is but the default.
 */
function openPolicy(closed: readonly Closed[], by: By): string[] {
  const networks = routedFrom(closed);
  if (networks.length === 0) return [];
  if (by === "person") {
    const change = "firewall-cmd --quiet --permanent --policy=pxe-gateway";
    return [
      "firewall-cmd --quiet --permanent --new-policy=pxe-gateway", `${change} --add-ingress-zone=ANY`, `${change} --add-egress-zone=ANY`,
      ...networks.map((network) => `${change} --add-rich-rule='rule family=ipv4 source address=${network} accept'`), "firewall-cmd --quiet --reload",
    ];
  }
  const rules = networks.map((network) => `<rule family="ipv4"><source address="${network}"/><accept/></rule>`);
  const policy = `<policy target="CONTINUE"><ingress-zone name="ANY"/><egress-zone name="ANY"/>${rules.join("")}</policy>`;
  // A reload drops what else was set for the time being: none where the policy stands, as after a restart of the machine.
  return [`firewall-cmd --info-policy=${ruleComment} >/dev/null 2>&1 || { printf '%s\\n' '${policy}' >${policyFile} && firewall-cmd --quiet --reload; }`];
}

function closePolicy(closed: readonly Closed[]): string[] {
  if (routedFrom(closed).length === 0) return [];
  return [`if [ -e ${policyFile} ]; then rm -f ${policyFile} ${policyFile}.old; ${isRunning} && firewall-cmd --quiet --reload; fi`];
}

/** Written rather than made by commands: each of those takes its time. */
const policyFile = `/etc/firewalld/policies/${ruleComment}.xml`;
/** While firewalld is stopped its settings are files, which it reads when it starts. */
const isRunning = "systemctl is-active --quiet firewalld";

interface Group {
  readonly program: Closed["program"];
  readonly place: string;
  readonly interface: string;
  readonly ports: readonly string[];
  readonly forward: boolean;
}

function grouped(closed: readonly Closed[]): Group[] {
  const groups = new Map<string, Closed[]>();
  for (const item of closed) {
    const key = `${item.program} ${item.place} ${item.interface}`;
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()].flatMap((items) => {
    const [first] = items;
    if (first === undefined) return [];
    const whats = items.map((item) => item.what);
    return [{ program: first.program, place: first.place, interface: first.interface, ports: whats.filter((what) => what !== "forward"), forward: whats.includes("forward") }];
  });
}

function byProtocol(ports: readonly string[]): { readonly protocol: string; readonly list: readonly string[] }[] {
  return ["udp", "tcp"].flatMap((protocol) => {
    const list = ports.filter((port) => port.endsWith(`/${protocol}`)).map((port) => port.split("/")[0] ?? "");
    return list.length === 0 ? [] : [{ protocol, list }];
  });
}

function firewalldPorts(change: "add" | "remove", zone: string, ports: readonly string[]): string {
  return [`--zone=${word(zone)}`, ...ports.map((port) => `--${change}-port=${port}`)].join(" ");
}

/** `route ` where it is one of them, and the rule. */
function ufwRules(name: string, ports: readonly string[], forward: boolean): (readonly [string, string])[] {
  return [
    ...byProtocol(ports).map(({ protocol, list }) => ["", `allow in on ${word(name)} to any port ${list.join(",")} proto ${protocol}`] as const),
    ...(forward ? [["route ", `allow in on ${word(name)}`] as const] : []),
  ];
}

function nftRules(name: string, ports: readonly string[], forward: boolean): string[] {
  return [
    ...byProtocol(ports).map(({ protocol, list }) => `iifname ${quote(`"${name}"`)} ${protocol} dport '{ ${list.join(", ")} }'`),
    ...(forward ? [`iifname ${quote(`"${name}"`)}`, `oifname ${quote(`"${name}"`)} ct state established,related`] : []),
  ];
}

function iptablesRules(name: string, ports: readonly string[], forward: boolean, by: By): string[] {
  const accept = by === "person" ? "-j ACCEPT" : `-m comment --comment ${ruleComment} -j ACCEPT`;
  return [
    ...byProtocol(ports).map(({ protocol, list }) => `INPUT -i ${word(name)} -p ${protocol} -m multiport --dports ${list.join(",")} ${accept}`),
    ...(forward ? [`FORWARD -i ${word(name)} ${accept}`, `FORWARD -o ${word(name)} -m conntrack --ctstate RELATED,ESTABLISHED ${accept}`] : []),
  ];
}

/** A chain of nftables, `inet filter input`. */
function words(place: string): string {
  return place.split(" ").map(word).join(" ");
}
