import type { Nftables } from "./nftables";
import { ruleComment, type Ours, type Packet } from "./rules";

/** firewalld, as `firewall-cmd` tells of it. */
export interface FirewalldSeen {
  /** Lines of `--list-all-zones`. */
  readonly settings: readonly string[];
  readonly byDefault: string;
  /** Each service that a zone names, and the elements of its file (firewalld.service(5)): `tftp <port protocol="udp" port="69"/>`. */
  readonly services: readonly string[];
}

export class Firewalld {
  /** @param rules its own table; @param opened what a deployment has opened, and is to count as shut: `public 67/udp` */
  constructor(private readonly seen: FirewalldSeen, private readonly rules: Nftables | undefined, private readonly opened: ReadonlySet<string>) {}

  private zoneOf(name: string): string {
    let zone = "";
    for (const line of this.seen.settings) {
      if (/^\S/.test(line)) zone = line.split(" ")[0] ?? "";
      else if (/^ {2}interfaces:/.test(line) && line.trim().split(" ").includes(name)) return zone;
    }
    return this.seen.byDefault;
  }

  /** The zone that drops the packet. */
  dropping(packet: Packet): string[] {
    const zone = this.zoneOf(packet.interface);
    const isOpen = packet.hook === "forward" ? this.routes(zone, packet) : this.letsIn(zone, packet);
    return isOpen ? [] : [zone];
  }

  /** Zones, policies and translation of addresses have a say in that: the rules that come of them are asked. */
  private routes(zone: string, packet: Packet): boolean {
    if (this.opened.has(`${zone} forward`)) return false;
    return this.rules === undefined || this.rules.dropping(packet).length === 0;
  }

  private letsIn(zone: string, { protocol = "udp", port = 0 }: Packet): boolean {
    const settings = this.settings(zone);
    const said = (key: string): string[] => (settings.get(key) ?? "").split(" ").filter((word) => word !== "");
    if (settings.size === 0 || said("target").includes("ACCEPT") || said("protocols").includes(protocol)) return true;
    if (said("services").some((service) => this.serves(service, protocol, port))) return true;
    if (said("ports").some((item) => !this.opened.has(`${zone} ${item}`) && isIn(item, protocol, port))) return true;
    return (settings.get("rich") ?? "").split("\n").some((rule) => this.accepts(rule, protocol, port));
  }

  /** A rich rule (firewalld.richlanguage(5)) that accepts the packet, or some of its kind. */
  private accepts(rule: string, protocol: string, port: number): boolean {
    if (!/\baccept\b/.test(rule) || /family="ipv6"/.test(rule)) return false;
    const value = (element: string): string | undefined => new RegExp(`\\b${element}="([^"]*)"`).exec(rule)?.[1];
    const [ports, service, whole] = [value("port port"), value("service name"), value("protocol value")];
    if (ports !== undefined) return isIn(`${ports}/${value("protocol") ?? ""}`, protocol, port);
    if (service !== undefined) return this.serves(service, protocol, port);
    if (whole !== undefined) return whole === protocol;
    return !/\b(icmp-block|icmp-type|masquerade|forward-port|source-port|tcp-mss-clamp)\b/.test(rule);
  }

  /** What a service's file includes, or one that can't be read, may be anything. */
  private serves(service: string, protocol: string, port: number): boolean {
    const line = this.seen.services.find((item) => item.startsWith(`${service} `));
    if (line === undefined) return true;
    return [...line.matchAll(/<(\w+)([^>]*)>/g)].some(([, element, attributes = ""]) => {
      const value = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
      if (element === "port") return value("port") === "" ? value("protocol") === protocol : isIn(`${value("port")}/${value("protocol")}`, protocol, port);
      return element === "include" || (element === "protocol" && value("value") === protocol);
    });
  }

  private settings(zone: string): Map<string, string> {
    const found = new Map<string, string>();
    let current = "";
    for (const line of this.seen.settings) {
      if (/^\S/.test(line)) current = line.split(" ")[0] ?? "";
      else if (current === zone) {
        const pair = /^ {2}([a-z-]+): ?(.*)$/.exec(line);
        // Rich rules are on lines of their own, each further in.
        if (pair === null) found.set("rich", `${found.get("rich") ?? ""}${line}\n`);
        else found.set(pair[1] ?? "", pair[2] ?? "");
      }
    }
    return found;
  }
}

function isIn(item: string, protocol: string, port: number): boolean {
  const [range = "", of] = item.split("/");
  const [from, to = from] = range.split("-").map(Number);
  return of === protocol && from !== undefined && to !== undefined && from <= port && port <= to;
}

/** Whether ufw, as `ufw status verbose` tells of it, drops a packet. */
export function ufwDrops(lines: readonly string[], { interface: name, protocol = "udp", port = 0 }: Packet, ours: Ours): boolean {
  const byDefault = /^Default: (\w+) \(incoming\)/.exec(lines.find((line) => line.startsWith("Default:")) ?? "")?.[1];
  if (byDefault === undefined || byDefault === "allow") return false;
  const start = lines.findIndex((line) => line.startsWith("--"));
  for (const line of start === -1 ? [] : lines.slice(start + 1)) {
    if (line.includes("(v6)") || isShut(line, ours)) continue;
    const [to = "", action = "", from = ""] = line.trim().split(/ {2,}/);
    if (!/^(ALLOW|LIMIT|DENY|REJECT)( IN)?$/.test(action)) continue;
    const holds = ufwHolds(to, name, protocol, port);
    const accepts = /^(ALLOW|LIMIT)/.test(action);
    if (holds !== false && accepts) return false;
    if (holds === true && !accepts && /^Anywhere/.test(from)) return true;
  }
  return true;
}

/**
 * Whether it routes what comes in on an interface. `Default: deny (incoming), allow (outgoing), deny (routed)`; that is `disabled` while the target
 * forwards nothing, whatever it will be then: `Forward: DROP` is of /etc/default/ufw.
 */
export function ufwRoutes(lines: readonly string[], { interface: name }: Packet, ours: Ours): boolean {
  const byDefault = /^Default: .* (\w+) \(routed\)/.exec(lines.find((line) => line.startsWith("Default:")) ?? "")?.[1];
  if (byDefault === undefined || byDefault === "allow" || (byDefault === "disabled" && lines.includes("Forward: ACCEPT"))) return true;
  return lines.some((line) => {
    const [, action, from = ""] = line.trim().split(/ {2,}/);
    const on = / on (\S+)$/.exec(from)?.[1] ?? name;
    return action === "ALLOW FWD" && on === name && !isShut(line, ours);
  });
}

function isShut(line: string, ours: Ours): boolean {
  return ours === "shut" && line.includes(`# ${ruleComment}`);
}

/** `67/udp`, `67,69/udp on eth1`, `Anywhere on eth1`, or the name of an application's profile. */
function ufwHolds(to: string, name: string, protocol: string, port: number): boolean | "maybe" {
  const [, what = "", on] = /^(.*?)(?: on (\S+))?$/.exec(to) ?? [];
  if (on !== undefined && on !== name) return false;
  if (what === "Anywhere") return true;
  const ports = /^([\d,:]+)(?:\/(udp|tcp))?$/.exec(what);
  if (ports === null) return "maybe";
  if (ports[2] !== undefined && ports[2] !== protocol) return false;
  return (ports[1] ?? "").split(",").some((item) => {
    const [from, last = from] = item.split(":").map(Number);
    return from !== undefined && last !== undefined && from <= port && port <= last;
  });
}
