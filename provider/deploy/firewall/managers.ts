import { ruleComment, type Packet } from "./rules";

/** Services of firewalld that open ports of ours (/usr/lib/firewalld/services). */
const services: Readonly<Record<string, readonly string[]>> = {
  dhcp: ["67/udp"], "proxy-dhcp": ["4011/udp"], tftp: ["69/udp"], http: ["80/tcp"],
};

/** firewalld, as `firewall-cmd` tells of it. */
export class Firewalld {
  /** @param lines of `--list-all-zones`; @param zones of `--get-active-zones`; @param opened what a deployment has opened: `public 67/udp` */
  constructor(private readonly lines: readonly string[], private readonly zones: readonly string[], private readonly byDefault: string, private readonly opened: ReadonlySet<string>) {}

  zoneOf(name: string): string {
    let zone = "";
    for (const line of this.zones) {
      if (!line.startsWith(" ")) zone = line.trim().split(" ")[0] ?? "";
      else if (/^\s+interfaces:/.test(line) && line.trim().split(" ").includes(name)) return zone;
    }
    return this.byDefault;
  }

  /** The zone that drops the packet, as if nothing of ours were there. */
  dropping({ interface: name, protocol = "udp", port = 0 }: Packet): string[] {
    const zone = this.zoneOf(name);
    const settings = this.settings(zone);
    const said = (key: string): string[] => (settings.get(key) ?? "").split(" ").filter((word) => word !== "");
    if (settings.size === 0 || said("target").includes("ACCEPT") || said("protocols").includes(protocol)) return [];
    const wanted = `${String(port)}/${protocol}`;
    if (said("services").some((service) => services[service]?.includes(wanted) === true)) return [];
    if (said("ports").some((item) => !this.opened.has(`${zone} ${item}`) && isIn(item, protocol, port))) return [];
    // A rich rule may say anything; its lines follow, each further in.
    return (settings.get("rich") ?? "").includes(`port="${String(port)}"`) ? [] : [zone];
  }

  private settings(zone: string): Map<string, string> {
    const found = new Map<string, string>();
    let current = "";
    for (const line of this.lines) {
      if (/^\S/.test(line)) current = line.split(" ")[0] ?? "";
      else if (current === zone) {
        const pair = /^ {2}([a-z-]+): ?(.*)$/.exec(line);
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

/** Whether ufw, as `ufw status verbose` tells of it, drops a packet as if nothing of ours were there. */
export function ufwDrops(lines: readonly string[], { interface: name, protocol = "udp", port = 0 }: Packet): boolean {
  const byDefault = /^Default: (\w+) \(incoming\)/.exec(lines.find((line) => line.startsWith("Default:")) ?? "")?.[1];
  if (byDefault === undefined || byDefault === "allow") return false;
  const start = lines.findIndex((line) => line.startsWith("--"));
  for (const line of start === -1 ? [] : lines.slice(start + 1)) {
    if (line.includes("(v6)") || line.includes(`# ${ruleComment}`)) continue;
    const [to = "", action = "", from = ""] = line.trim().split(/ {2,}/);
    if (!/^(ALLOW|LIMIT|DENY|REJECT)( IN)?$/.test(action)) continue;
    const holds = ufwHolds(to, name, protocol, port);
    const accepts = /^(ALLOW|LIMIT)/.test(action);
    if (holds !== false && accepts) return false;
    if (holds === true && !accepts && /^Anywhere/.test(from)) return true;
  }
  return true;
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
