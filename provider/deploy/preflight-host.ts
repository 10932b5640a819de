import { finding, type Finding } from "../errors";
import type { ServerSpec } from "../model/documents";
import { closedBy, openLines, type Closed } from "./firewall";
import { layout } from "./layout";
import { neededOf, type FirewallMode } from "./network";
import type { Observation } from "./observe";

/** Seconds: leases and armings are measured in hours, and people read the events. */
const clockTolerance = 300;

export interface HostPreflight {
  readonly label: string;
  readonly firewall: FirewallMode;
}

/** What of a target's own settings would keep the agent from its work. */
export function hostFindings(observation: Observation, server: ServerSpec, options: HostPreflight): Finding[] {
  return [
    ...clock(observation, options), ...mount(observation, options), ...addresses(observation, server, options),
    ...gateway(observation, server, options), ...firewall(observation, server, options),
  ];
}

function clock({ clockSkew }: Observation, { label }: HostPreflight): Finding[] {
  if (Math.abs(clockSkew) <= clockTolerance) return [];
  const minutes = `${String(Math.round(Math.abs(clockSkew) / 60))} minutes ${clockSkew < 0 ? "behind" : "ahead of"} this machine's`;
  return [finding("PXE_CLOCK", `the clock of ${label} is ${minutes}`, { where: [{ document: "target" }] })];
}

/** Node and koffi's native part are run from there. */
function mount({ surroundings }: Observation, { label }: HostPreflight): Finding[] {
  if (!surroundings.noexec) return [];
  return [
    finding("PXE_PREFLIGHT", `${layout.root} on ${label} lies on a file system that is mounted noexec, so that the agent can't be run from there`, {
      where: [{ document: "target" }], fix: `Mount it with exec, or mount another file system at ${layout.root}.`,
    }),
  ];
}

/**
 * An address that comes of DHCP shows another server on the very segment, and would be gone with it. Beside somebody else's server, where that
 * is meant, it is as good as any. What subnets say for themselves isn't known yet: they are declared later.
 */
function addresses({ addresses: known, interfaces, surroundings }: Observation, server: ServerSpec, { label }: HostPreflight): Finding[] {
  // Where nothing is known of any address, nobody could be asked.
  if (known.size === 0) return [];
  const alone = server.dhcpMode === "full" && !server.allowForeignDhcp;
  return server.interfaces.flatMap((name, index) => {
    const at = { where: [{ document: "server", property: `interfaces[${String(index)}]` }] };
    if (!interfaces.includes(name)) return [];
    if ((known.get(name) ?? []).length === 0) return [finding("PXE_NO_ADDRESS", `${name} on ${label} has no IPv4 address`, at)];
    if (!alone || !surroundings.dynamic.has(name)) return [];
    const fix = "Give the interface a static address; or serve boot information only, beside the server that gave it this one: dhcpMode: \"proxy\" on the server, and \"full\" on the subnets that are to give out addresses elsewhere.";
    return [finding("PXE_NO_ADDRESS", `${name} on ${label} has its address by DHCP, and is to serve DHCP itself`, { ...at, fix })];
  });
}

function gateway({ surroundings }: Observation, server: ServerSpec, { label }: HostPreflight): Finding[] {
  if (server.gateway?.nat !== true || surroundings.hasNft) return [];
  return [
    finding("PXE_UNSUPPORTED_TARGET", `${label} has no nft, which translates the addresses`, {
      where: [{ document: "server", property: "gateway.nat" }], fix: "Install the package nftables on the target.",
    }),
  ];
}

function firewall(observation: Observation, server: ServerSpec, { label, firewall: mode }: HostPreflight): Finding[] {
  if (mode === "manage") return [];
  const closed = closedBy(observation.surroundings.firewall, neededOf(observation, server, false));
  const [first] = closed;
  if (first === undefined) return [];
  const lasts = first.program === "nftables" ? ", and say the same in /etc/nftables.conf" : first.program === "iptables" ? ", and have it done at each start" : "";
  return [
    finding("PXE_FIREWALL", `${first.program} on ${label} drops ${dropped(closed)}`, {
      where: [{ document: "server", property: "interfaces" }],
      fix: `Run there${lasts}, or set firewall: "manage" to have it done:\n${openLines(closed, "person").map((line) => `  ${line}`).join("\n")}`,
    }),
  ];
}

function dropped(closed: readonly Closed[]): string {
  const names = [...new Set(closed.map((item) => item.interface))];
  return names.map((name) => {
    const whats = [...new Set(closed.filter((item) => item.interface === name).map((item) => (item.what === "forward" ? "what is to be routed" : item.what)))];
    return `${whats.join(", ")} on ${name}`;
  }).join("; ");
}
