import type { Closed } from "./commands";
import { iptablesDrops } from "./iptables";
import { Firewalld, ufwDrops, ufwRoutes, type FirewalldSeen } from "./managers";
import { Nftables } from "./nftables";
import type { Ours, Packet } from "./rules";

export { closeLines, isTransient, openLines, type Closed } from "./commands";

/** What a target's firewall says of itself, each in the words of its own program; undefined where that isn't there or doesn't run. */
export interface FirewallSeen {
  readonly firewalld?: FirewalldSeen | undefined;
  readonly ufw?: readonly string[] | undefined;
  /** JSON. Where firewalld runs, its own table alone. */
  readonly nftables?: string | undefined;
  readonly iptables?: readonly string[] | undefined;
  /** What a deployment has opened where that leaves no mark, `public 67/udp`. */
  readonly opened: readonly string[];
  /** The interface that leads to everywhere else. */
  readonly outward?: string | undefined;
}

/** Which packets must come through. */
export interface Needed {
  readonly interfaces: readonly string[];
  readonly udp: readonly number[];
  readonly tcp: readonly number[];
  /** Where the target is to route: interface name → the networks there, `10.77.0.0/24`. */
  readonly forward: ReadonlyMap<string, readonly string[]> | undefined;
}

/**
 * What is sure to be dropped. By default as if nothing that a deployment has opened were open, so that the answer doesn't change by opening
 * it. A manager of rules is asked rather than the rules that it has made.
 */
export function closedBy(seen: FirewallSeen, needed: Needed, ours: Ours = "shut"): Closed[] {
  const judges = judgesOf(seen, ours);
  return needed.interfaces.flatMap((name) => {
    const into = (protocol: "udp" | "tcp") => (port: number): [Omit<Closed, "program" | "place">, Packet] =>
      [{ interface: name, what: `${String(port)}/${protocol}` }, { hook: "input", interface: name, protocol, port }];
    const packets = [...needed.udp.map(into("udp")), ...needed.tcp.map(into("tcp"))];
    const from = needed.forward?.get(name);
    if (needed.forward !== undefined) packets.push([{ interface: name, what: "forward", ...(from === undefined ? {} : { from }) }, { hook: "forward", interface: name, out: seen.outward }]);
    return packets.flatMap(([item, packet]) => judges.flatMap(({ program, places }) => places(packet).map((place) => ({ program, place, ...item }))));
  });
}

interface Judge {
  readonly program: Closed["program"];
  readonly places: (packet: Packet) => readonly string[];
}

function judgesOf({ firewalld, ufw, nftables, iptables, opened }: FirewallSeen, ours: Ours): Judge[] {
  const rules = nftables === undefined ? undefined : Nftables.read(nftables, ours);
  if (firewalld !== undefined) {
    const judge = new Firewalld(firewalld, rules, new Set(ours === "shut" ? opened : []));
    return [{ program: "firewalld", places: (packet) => judge.dropping(packet) }];
  }
  if (ufw !== undefined) return [{ program: "ufw", places: (packet) => ((packet.hook === "forward" ? ufwRoutes(ufw, packet, ours) : !ufwDrops(ufw, packet, ours)) ? [] : [""]) }];
  // What iptables has made it tells best itself; other tables may stand beside its own.
  return [
    ...(rules === undefined ? [] : [{ program: "nftables", places: (packet) => rules.dropping(packet).filter((place) => iptables === undefined || !place.startsWith("ip filter ")) } satisfies Judge]),
    ...(iptables === undefined ? [] : [{ program: "iptables", places: (packet) => (iptablesDrops(iptables, packet, ours) ? [""] : []) } satisfies Judge]),
  ];
}
