import { quote, word } from "../shell";
import { iptablesDrops } from "./iptables";
import { Firewalld, ufwDrops } from "./managers";
import { Nftables } from "./nftables";
import { ruleComment, type Packet } from "./rules";

/** What a target's firewall says of itself, each in the words of its own program; undefined where that isn't there or doesn't run. */
export interface FirewallSeen {
  readonly firewalld?: { readonly zones: readonly string[]; readonly settings: readonly string[]; readonly byDefault: string } | undefined;
  readonly ufw?: readonly string[] | undefined;
  /** JSON. */
  readonly nftables?: string | undefined;
  readonly iptables?: readonly string[] | undefined;
  /** What a deployment has opened where that leaves no mark, `public 67/udp`. */
  readonly opened: readonly string[];
}

/** Something that a firewall keeps from the agent. */
export interface Closed {
  readonly program: "firewalld" | "ufw" | "nftables" | "iptables";
  /** A zone of firewalld, a chain of nftables (`inet filter input`); empty where there is but one. */
  readonly place: string;
  readonly interface: string;
  /** `67/udp`; `forward`: what the target is to route. */
  readonly what: string;
}

/** Which packets must come through. */
export interface Needed {
  readonly interfaces: readonly string[];
  readonly udp: readonly number[];
  readonly tcp: readonly number[];
  readonly forward: boolean;
}

/**
 * What is sure to be dropped, as if nothing that a deployment has opened were open: so the answer doesn't change by opening it. A
 * manager of rules is asked rather than the rules that it has made.
 */
export function closedBy(seen: FirewallSeen, needed: Needed): Closed[] {
  const judges = judgesOf(seen);
  return needed.interfaces.flatMap((name) => {
    const packets: [string, Packet][] = [
      ...needed.udp.map((port): [string, Packet] => [`${String(port)}/udp`, { hook: "input", interface: name, protocol: "udp", port }]),
      ...needed.tcp.map((port): [string, Packet] => [`${String(port)}/tcp`, { hook: "input", interface: name, protocol: "tcp", port }]),
      ...(needed.forward ? [["forward", { hook: "forward", interface: name }] satisfies [string, Packet]] : []),
    ];
    return packets.flatMap(([what, packet]) => judges.flatMap(({ program, places }) => places(packet).map((place) => ({ program, place, interface: name, what }))));
  });
}

interface Judge {
  readonly program: Closed["program"];
  readonly places: (packet: Packet) => readonly string[];
}

function judgesOf(seen: FirewallSeen): Judge[] {
  const { firewalld, ufw, nftables, iptables } = seen;
  if (firewalld !== undefined) {
    const judge = new Firewalld(firewalld.settings, firewalld.zones, firewalld.byDefault, new Set(seen.opened));
    // What it routes between zones is said by policies, which are its user's to make.
    return [{ program: "firewalld", places: (packet) => (packet.hook === "forward" ? [] : judge.dropping(packet)) }];
  }
  if (ufw !== undefined) return [{ program: "ufw", places: (packet) => (packet.hook === "forward" ? ufwRoutes(ufw) : ufwDrops(ufw, packet) ? [""] : []) }];
  const rules = nftables === undefined ? undefined : Nftables.read(nftables);
  // What iptables has made it tells best itself; other tables may stand beside its own.
  return [
    ...(rules === undefined ? [] : [{ program: "nftables", places: (packet) => rules.dropping(packet).filter((place) => iptables === undefined || !place.startsWith("ip filter ")) } satisfies Judge]),
    ...(iptables === undefined ? [] : [{ program: "iptables", places: (packet) => (iptablesDrops(iptables, packet) ? [""] : []) } satisfies Judge]),
  ];
}

/** `Default: deny (incoming), allow (outgoing), deny (routed)`; `disabled` while the target forwards nothing, and `deny` as soon as it does. */
function ufwRoutes(lines: readonly string[]): string[] {
  const routed = lines.some((line) => /^Default: .*\b(deny|reject|disabled) \(routed\)/.test(line));
  return routed && !lines.some((line) => /ALLOW FWD/.test(line) && !line.includes(`# ${ruleComment}`)) ? [""] : [];
}

/** How each interface's ports are opened: sh lines, for a person too. */
export function openLines(closed: readonly Closed[]): string[] {
  return grouped(closed).flatMap(({ program, place, interface: name, ports, forward }) => {
    switch (program) {
      case "firewalld":
        return ports.flatMap((port) => [`firewall-cmd --quiet --permanent --zone=${word(place)} --add-port=${port}`, `firewall-cmd --quiet --zone=${word(place)} --add-port=${port}`]);
      case "ufw":
        return [
          ...ports.map((port) => `ufw allow in on ${word(name)} to any port ${port.replace("/", " proto ")} comment '${ruleComment}'`),
          ...(forward ? [`ufw route allow in on ${word(name)} comment '${ruleComment}'`] : []),
        ];
      case "nftables":
        return [
          ...byProtocol(ports).map(({ protocol, list }) => `nft insert rule ${words(place)} iifname ${quote(`"${name}"`)} ${protocol} dport '{ ${list.join(", ")} }' accept comment '"${ruleComment}"'`),
          ...(forward ? [`nft insert rule ${words(place)} iifname ${quote(`"${name}"`)} accept comment '"${ruleComment}"'`, `nft insert rule ${words(place)} oifname ${quote(`"${name}"`)} ct state established,related accept comment '"${ruleComment}"'`] : []),
        ];
      case "iptables":
        return iptablesRules(name, ports, forward).map((rule) => `iptables -C ${rule} 2>/dev/null || iptables -I ${rule}`);
    }
  });
}

/** sh lines that take back just what `openLines` did; what is gone already is no error. */
export function closeLines(closed: readonly Closed[]): string[] {
  const chains = [...new Set(closed.filter((item) => item.program === "nftables").map((item) => item.place))];
  return [
    ...chains.map((chain) =>
      `nft -a list chain ${words(chain)} 2>/dev/null | sed -n 's/.* comment "${ruleComment}" # handle \\([0-9]*\\)$/\\1/p' | while read -r handle; do nft delete rule ${words(chain)} handle "$handle"; done`,
    ),
    ...grouped(closed).flatMap(({ program, place, interface: name, ports, forward }) => {
      switch (program) {
        case "firewalld":
          return ports.flatMap((port) => [`firewall-cmd --quiet --permanent --zone=${word(place)} --remove-port=${port}`, `firewall-cmd --quiet --zone=${word(place)} --remove-port=${port}`]);
        case "ufw":
          return [
            ...ports.map((port) => `ufw --force delete allow in on ${word(name)} to any port ${port.replace("/", " proto ")} >/dev/null`),
            ...(forward ? [`ufw --force route delete allow in on ${word(name)} >/dev/null`] : []),
          ];
        case "nftables":
          return [];
        case "iptables":
          return iptablesRules(name, ports, forward).map((rule) => `while iptables -D ${rule} 2>/dev/null; do :; done`);
      }
    }),
  ];
}

/** Whether the rules are gone after a restart of the machine, or of what has made the others. */
export function isTransient(program: Closed["program"]): boolean {
  return program === "nftables" || program === "iptables";
}

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

function iptablesRules(name: string, ports: readonly string[], forward: boolean): string[] {
  const mark = `-m comment --comment ${ruleComment} -j ACCEPT`;
  return [
    ...byProtocol(ports).map(({ protocol, list }) => `INPUT -i ${word(name)} -p ${protocol} -m multiport --dports ${list.join(",")} ${mark}`),
    ...(forward ? [`FORWARD -i ${word(name)} ${mark}`, `FORWARD -o ${word(name)} -m conntrack --ctstate RELATED,ESTABLISHED ${mark}`] : []),
  ];
}

/** A chain of nftables, `inet filter input`. */
function words(place: string): string {
  return place.split(" ").map(word).join(" ");
}
