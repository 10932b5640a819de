import { pxeError } from "../errors";
import type { ServerSpec } from "../model/documents";
import { formatIpv4, parseNetwork } from "../model/ip";
import { closedBy, closeLines, isTransient, openLines, type Closed, type Needed } from "./firewall";
import { layout, networkUnit } from "./layout";
import type { Observation } from "./observe";
import { natTable } from "./surroundings";

/** Whether ports that the firewall keeps shut are only told, or opened. */
export type FirewallMode = "check" | "manage";

/** Settings of the target's network: files that say them, and a unit that applies them before the agent starts. */
export interface NetworkSettings {
  readonly script: string;
  readonly unit: string;
  /** Undefined unless the target is to forward. */
  readonly sysctl: string | undefined;
  readonly nat: boolean;
  /** Whether the firewall drops now what they had opened. */
  readonly isShut: boolean;
}

/**
 * What a server needs of its target's firewall.
 * @param anyMode whether also what only a subnet needs that is a proxy by itself: it is declared later
 */
export function neededOf(observation: Observation, server: ServerSpec, anyMode: boolean): Needed {
  const { interfaces } = server;
  return {
    interfaces, tcp: [server.httpPort], udp: [server.dhcpPort, server.tftpPort, ...(anyMode || server.dhcpMode === "proxy" ? [server.pxePort] : [])],
    forward: server.gateway === undefined ? undefined : new Map(interfaces.map((name) => [name, networksOf(observation, name)])),
  };
}

/** The settings that a target should have; undefined where it needs none. */
export function networkSettings(observation: Observation, server: ServerSpec, firewall: FirewallMode, owner: string): NetworkSettings | undefined {
  const needed = neededOf(observation, server, true);
  const seen = observation.surroundings.firewall;
  const closed = firewall === "manage" ? closedBy(seen, needed) : [];
  const { gateway } = server;
  if (gateway === undefined && closed.length === 0) return undefined;
  const networks = [...new Set(server.interfaces.flatMap((name) => networksOf(observation, name)))].sort();
  return {
    script: settingsScript(owner, closed, gateway !== undefined, gateway?.nat === true ? natRules(networks, server.interfaces) : undefined),
    unit: unitText, nat: gateway?.nat === true, isShut: firewall === "manage" && closedBy(seen, needed, "as they are").length > 0,
    sysctl: gateway === undefined ? undefined : sysctlText,
  };
}

/**
 * One server is at home on a target, which its agent sees to; while that doesn't run, the settings themselves tell whose they are.
 * @throws PXE_OWNED_BY_OTHER
 */
export function refuseForeignNetwork({ surroundings }: Observation, owners: readonly (string | undefined)[], label: string): void {
  const { networkOwner } = surroundings;
  if (networkOwner === "" || owners.includes(networkOwner)) return;
  throw pxeError("PXE_OWNED_BY_OTHER", `the network settings ${layout.networkScript} on ${label} belong to ${networkOwner}`);
}

/** The networks of an interface, `10.77.0.0/24`. */
function networksOf({ surroundings }: Observation, name: string): string[] {
  return (surroundings.prefixed.get(name) ?? []).flatMap((address) => {
    const net = parseNetwork(address);
    return net === undefined ? [] : [`${formatIpv4(net.first)}/${address.split("/")[1] ?? ""}`];
  });
}

const head = "# Written by a deployment of pulumi-pxe; the next one replaces it.";

const sysctlText = `${head}\nnet.ipv4.ip_forward = 1\n`;

/**
 * A restart or a reload of what flushes all rules has ours made again. What firewalld and ufw are told they keep, so theirs touches nothing: a
 * firewalld that is stopped must not end the translation of addresses.
 */
const flushing = "nftables.service iptables.service netfilter-persistent.service";

const unitText = `[Unit]
Description=pulumi-pxe network settings
After=${flushing} firewalld.service ufw.service
PartOf=${flushing}
ReloadPropagatedFrom=${flushing}
Wants=network.target
Before=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh ${layout.networkScript} start
ExecReload=/bin/sh ${layout.networkScript} start
ExecStop=/bin/sh ${layout.networkScript} stop

[Install]
WantedBy=multi-user.target ${flushing}
`;

/** Deleted and made in one transaction; a table that isn't there can't be deleted. */
function natRules(networks: readonly string[], interfaces: readonly string[]): string {
  const out = `oifname != { ${[...interfaces].sort().map((name) => `"${name}"`).join(", ")} }`;
  const rule = networks.length === 0 ? "" : `\n    ip saddr { ${networks.join(", ")} } ${out} masquerade`;
  return `table ${natTable} {}
delete table ${natTable}
table ${natTable} {
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;${rule}
  }
}`;
}

/**
 * Whether anything else on the target may have come to rely on forwarding since (Docker, libvirt and their like find it on, and never ask
 * again): where addresses are translated, or another file wants it.
 */
const neededByOthers = [
  "needed_by_others() {",
  "  { nft list ruleset; iptables-save -t nat; iptables-legacy-save -t nat; } 2>/dev/null | grep -iqwE 'masquerade|snat' && return 0",
  "  for file in /etc/sysctl.conf /etc/ufw/sysctl.conf /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf; do",
  `    [ "$file" != ${layout.sysctl} ] && grep -qsE '^[[:space:]]*net[./]ipv4[./](ip_forward|conf[./]all[./]forwarding)[[:space:]]*=[[:space:]]*1' "$file" && return 0`,
  "  done",
  "  grep -qsiE '^[[:space:]]*IP(v4)?(Forward(ing)?=(yes|true|on|1|ipv4)|Masquerade=(yes|true|on|1|ipv4|both))' /etc/systemd/network/*.network /run/systemd/network/*.network /etc/systemd/networkd.conf && return 0",
  "  return 1",
  "}",
];

/**
 * `start` makes the settings, twice as once; `stop` takes back what a restart would take back as well; `undo` takes back everything, and is
 * what the next deployment runs before it replaces the script, and a removal before it removes it.
 */
function settingsScript(owner: string, closed: readonly Closed[], forwards: boolean, nat: string | undefined): string {
  const transient = closeLines(closed.filter((item) => isTransient(item.program)));
  const lasting = closeLines(closed.filter((item) => !isTransient(item.program)));
  const opened = closed.filter((item) => item.program === "firewalld").map((item) => `# opened ${item.place} ${item.what}`);
  const before = layout.forwardedBefore;
  const lines = (list: readonly string[]): string[] => list.map((line) => `  ${line}`);
  return [
    "#!/bin/sh", head, `# owner ${owner}`, ...new Set(opened),
    'PATH="$PATH:/usr/sbin:/sbin:/usr/bin:/bin"',
    "forward=/proc/sys/net/ipv4/ip_forward",
    "status=0",
    "start() {",
    ...lines(forwards ? [`[ -e ${before} ] || cat "$forward" >${before}`, 'echo 1 >"$forward" || status=1'] : []),
    ...(nat === undefined ? [] : ["  nft -f - <<'RULES' || status=1", nat, "RULES"]),
    ...lines(openLines(closed, "deployment").map((line) => `{ ${line}; } || status=1`)),
    "  :",
    "}",
    "stop() {",
    ...lines(transient),
    ...(nat === undefined ? [] : [`  nft delete table ${natTable} 2>/dev/null`]),
    "  :",
    "}",
    ...neededByOthers,
    "undo() {",
    "  stop",
    ...lines(lasting),
    `  [ "$(cat ${before} 2>/dev/null)" != 0 ] || needed_by_others || echo 0 >"$forward"`,
    `  rm -f ${before}`,
    "}",
    'case "$1" in',
    "  start) stop; start;;",
    "  stop) stop;;",
    "  undo) undo;;",
    "esac",
    "exit $status",
    "",
  ].join("\n");
}

/** sh lines that take back what a deployment has set, and what it is set by. */
export const removeNetworkScript = `[ -f ${layout.networkScript} ] && sh ${layout.networkScript} undo
[ -e ${layout.networkUnit} ] && systemctl --quiet disable --now ${networkUnit} 2>/dev/null
rm -f ${layout.networkUnit} ${layout.networkUnit}.part /etc/systemd/system/*.wants/${networkUnit} ${layout.sysctl} ${layout.sysctl}.part
rm -rf ${layout.networkScript.replace(/\/[^/]*$/, "")}
systemctl daemon-reload
systemctl reset-failed ${networkUnit} 2>/dev/null || true`;
