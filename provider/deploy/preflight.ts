import { finding, type Finding } from "../errors";
import type { ServerSpec } from "../model/documents";
import type { FirewallMode } from "./network";
import { hostFindings } from "./preflight-host";
import type { DeployRequest } from "./request";
import { compareVersions, ownPids, usableNode, type Listener, type Observation, type Ports } from "./observe";

/** KiB that an installation needs: with its own Node (tarball and binary side by side for a moment), and without. */
const roomWithNode = 220 * 1024;
const roomWithoutNode = 16 * 1024;
/** KiB for the database and its log. */
const roomForData = 64 * 1024;

/** The ports of a server. One that only a subnet which is a proxy by itself needs is told of by the agent: subnets are declared later. */
export function portsOf(server: ServerSpec): Ports {
  return { udp: [server.dhcpPort, server.tftpPort, ...(server.dhcpMode === "proxy" ? [server.pxePort] : [])], tcp: [server.httpPort] };
}

export interface PreflightOptions {
  /** `system`: a systemd service with its own user; `process`: a plain process of this user. */
  readonly form: "system" | "process";
  readonly label: string;
  /** Whether the operator gave a Node of their own. */
  readonly givenNode: boolean;
  readonly firewall?: FirewallMode;
  /** Process ids that may hold the ports: our own agent. */
  readonly own?: ReadonlySet<number>;
}

/** Everything about a target that stands in the way, at once. */
export function preflight(observation: Observation, server: ServerSpec, options: PreflightOptions): Finding[] {
  const findings = [...interfaces(observation, server), ...ports(observation, server, options)];
  if (options.form === "system") {
    findings.unshift(...requirements(observation, options), ...rights(observation, options));
    findings.push(...room(observation, options), ...hostFindings(observation, server, { label: options.label, firewall: options.firewall ?? "check" }));
  } else if (observation.uid !== 0) {
    findings.push(...privilegedPorts(observation, server));
  }
  return findings;
}

/**
 * Of the findings those that are told and refuse nothing. Whose firewall isn't managed any more sees to it from now on: what an earlier deployment
 * has opened is shut, as was asked for. A refusal would keep it open, and some firewalls (firewalld) can't tell a port that was opened twice.
 */
export function onlyTold(findings: readonly Finding[], { firewall = "check", firewallBefore = "check" }: Pick<DeployRequest, "firewall" | "firewallBefore">): readonly Finding[] {
  return firewallBefore === "manage" && firewall === "check" ? findings.filter((item) => item.code === "PXE_FIREWALL") : [];
}

/** Which npm platform name a machine has; undefined for those without an agent. */
export function architectureOf(machine: string): "x64" | "arm64" | undefined {
  if (machine === "x86_64" || machine === "amd64") return "x64";
  if (machine === "aarch64" || machine === "arm64") return "arm64";
  return undefined;
}

function requirements(observation: Observation, options: PreflightOptions): Finding[] {
  const at = { where: [{ document: "target" }] };
  const unsupported = (what: string): Finding => finding("PXE_UNSUPPORTED_TARGET", `${options.label} ${what}`, at);
  const findings: Finding[] = [];
  if (observation.system !== "Linux") findings.push(unsupported(`runs ${observation.system}, not Linux`));
  if (architectureOf(observation.machine) === undefined) findings.push(unsupported(`is a ${observation.machine}: x86_64 and aarch64 are supported`));
  if (observation.init !== "systemd") findings.push(unsupported(`is not run by systemd but by ${observation.init === "" ? "something unknown" : observation.init}`));
  const missing = observation.missingTools.filter((tool) => tool !== "systemctl" || observation.init === "systemd");
  if (missing.length > 0) findings.push(unsupported(`lacks the commands ${missing.join(", ")}`));
  if (!observation.nodes.some(usableNode)) {
    const [, version] = /^glibc (\d+\.\d+)/.exec(observation.libc) ?? [];
    if (version === undefined) findings.push(unsupported("has no Node ≥ 22.13, and its C library is not glibc, which the Node that would be uploaded needs"));
    else if (compareVersions(version, "2.28") < 0) findings.push(unsupported(`has no Node ≥ 22.13, and glibc ${version}: the Node that would be uploaded needs 2.28`));
  }
  return findings;
}

function rights(observation: Observation, options: PreflightOptions): Finding[] {
  const at = { where: [{ document: "target", property: "sudo" }] };
  if (observation.sudoRefusal !== undefined) {
    return [finding("PXE_SUDO_REFUSED", `sudo -n on ${options.label} says: ${observation.sudoRefusal}`, at)];
  }
  if (observation.uid === 0) return [];
  return [finding("PXE_SUDO_REFUSED", `${observation.user} on ${options.label} is not root, and target.sudo is not set`, { ...at, fix: "Set target.sudo: true for a user with passwordless sudo, or deploy as root." })];
}

function room(observation: Observation, options: PreflightOptions): Finding[] {
  const needsNode = options.givenNode || !(observation.nodes.some(usableNode) || (observation.nodeLink !== undefined && usableNode(observation.nodeLink)));
  const program = observation.current === undefined && needsNode ? roomWithNode : roomWithoutNode;
  return [
    ...lacking(observation.roomProgram, program, "/opt", options),
    ...lacking(observation.roomData, roomForData, "/var/lib", options),
  ];
}

function lacking(there: number, needed: number, folder: string, options: PreflightOptions): Finding[] {
  if (Number.isNaN(there) || there >= needed) return [];
  const mib = (kib: number): string => `${String(Math.round(kib / 1024))} MiB`;
  return [finding("PXE_DISK_FULL", `${folder} on ${options.label} has ${mib(there)} free, ${mib(needed)} are needed`, { where: [{ document: "target" }] })];
}

function interfaces(observation: Observation, server: ServerSpec): Finding[] {
  const there = [...observation.interfaces].sort().join(", ");
  return server.interfaces.flatMap((name, index) =>
    observation.interfaces.includes(name)
      ? []
      : [finding("PXE_NO_INTERFACE", `there is no interface ${name}; there are ${there}`, { where: [{ document: "server", property: `interfaces[${String(index)}]` }] })],
  );
}

function ports(observation: Observation, server: ServerSpec, options: PreflightOptions): Finding[] {
  const own = new Set([...ownPids(observation), ...(options.own ?? [])]);
  const wanted = portsOf(server);
  const findings = new Map<string, Finding>();
  for (const listener of observation.listeners) {
    if (!wanted[listener.protocol].includes(listener.port)) continue;
    if (listener.pid !== undefined && own.has(listener.pid)) continue;
    if (!inTheWay(listener, observation, server)) continue;
    const property = portProperty(listener, server);
    const port = `${listener.protocol.toUpperCase()} port ${String(listener.port)}`;
    const text = finding("PXE_PORT_TAKEN", `${port} on ${options.label} is taken by ${whoListens(listener)}`, { where: [{ document: "server", property }] });
    findings.set(`${property} ${String(listener.pid)}`, text);
  }
  return [...findings.values()];
}

/** Sockets bound to another interface, or to an address of one, get none of our packets and don't keep us from binding. */
function inTheWay(listener: Listener, observation: Observation, server: ServerSpec): boolean {
  if (listener.device !== undefined) return server.interfaces.includes(listener.device);
  if (listener.address === "0.0.0.0" || listener.address === "::") return true;
  const ours = server.interfaces.flatMap((name) => observation.addresses.get(name) ?? []);
  const foreign = [...observation.addresses].filter(([name]) => !server.interfaces.includes(name)).flatMap(([, list]) => list);
  return ours.includes(listener.address) || !foreign.includes(listener.address);
}

function portProperty(listener: Listener, server: ServerSpec): string {
  if (listener.protocol === "tcp") return "httpPort";
  if (listener.port === server.dhcpPort) return "dhcpPort";
  return listener.port === server.tftpPort ? "tftpPort" : "pxePort";
}

function whoListens(listener: Listener): string {
  const at = `${listener.address}${listener.device === undefined ? "" : `%${listener.device}`}`;
  if (listener.pid === undefined) return `a process of another user (listening on ${at})`;
  return `${listener.process ?? "a process"} (pid ${String(listener.pid)}, listening on ${at})`;
}

function privilegedPorts(observation: Observation, server: ServerSpec): Finding[] {
  const used = [
    ["dhcpPort", server.dhcpPort],
    ["tftpPort", server.tftpPort],
    ["httpPort", server.httpPort],
  ] as const;
  return used
    .filter(([, port]) => port < observation.lowestPort)
    .map(([property, port]) =>
      finding("PXE_UNSUPPORTED_TARGET", `port ${String(port)} needs root, and ${observation.user} is not`, {
        where: [{ document: "server", property }],
        fix: `Choose a port of ${String(observation.lowestPort)} or above for a try without root, or run as root.`,
      }),
    );
}
