import { pxeError } from "../errors";
import { observeScript, reportHeader } from "./observe-script";
import type { Shell } from "./shell";
import { parseSurroundings, type Surroundings } from "./surroundings";
import { lastLines } from "./text";

/** Somebody who listens on a port that the agent needs. */
export interface Listener {
  readonly protocol: "udp" | "tcp";
  readonly port: number;
  /** Dotted address; `0.0.0.0` and `::` for all of them. */
  readonly address: string;
  /** The interface that it is bound to, if any. */
  readonly device: string | undefined;
  readonly pid: number | undefined;
  readonly process: string | undefined;
}

export interface NodeFound {
  readonly version: string;
  readonly path: string;
}

export interface FileState {
  /** Octal, without leading zero. */
  readonly mode: string;
  /** `user:group` */
  readonly owner: string;
}

export interface UnitState {
  /** systemd's ActiveState: `active`, `activating`, `inactive`, `failed` … */
  readonly active: string;
  readonly pid: number;
}

/** All that a deployment asks about a target, read in one go. */
export interface Observation {
  readonly system: string;
  readonly machine: string;
  readonly uid: number;
  readonly user: string;
  readonly init: string;
  /** `glibc 2.36`; empty where the C library is another. */
  readonly libc: string;
  readonly missingTools: readonly string[];
  readonly nodes: readonly NodeFound[];
  /** KiB free where the program goes, and where its data goes. */
  readonly roomProgram: number;
  readonly roomData: number;
  readonly interfaces: readonly string[];
  /** Interface name → its addresses, without prefix length. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly listeners: readonly Listener[];
  /** The lowest port that needs no privilege. */
  readonly lowestPort: number;
  readonly account: string;
  /** Line of group(5); empty without one. */
  readonly group: string;
  readonly files: ReadonlyMap<string, FileState>;
  /** Path → SHA-256. */
  readonly sums: ReadonlyMap<string, string>;
  readonly keyLines: readonly string[];
  /** Id of the bundle that serves, and its version. */
  readonly current: string | undefined;
  readonly currentVersion: string | undefined;
  readonly nodeLink: NodeFound | undefined;
  /** Bundle id → the state of its unit. */
  readonly units: ReadonlyMap<string, UnitState>;
  readonly enabled: readonly string[];
  readonly kept: boolean;
  readonly surroundings: Surroundings;
  /** Seconds that the target's clock is off by at least, whatever the time on the way. */
  readonly clockSkew: number;
  /** Why sudo was refused, if it was: everything else was then read without it. */
  readonly sudoRefusal: string | undefined;
}

export interface Ports {
  readonly udp: readonly number[];
  readonly tcp: readonly number[];
}

/**
 * Reads the state of a target, in one round trip (two where sudo is refused).
 * @throws PXE_CONNECTION_LOST, PXE_COMMAND_FAILED where the script does not run to its end
 */
export async function observe(shell: Shell, ports: Ports): Promise<Observation> {
  const script = observeScript(ports);
  const asked = Date.now();
  const privileged = await shell.run(script);
  if (privileged.stdout.includes(reportHeader)) return clocked(parseReport(privileged.stdout, undefined, shell.label), asked);
  const refusal = lastLines(privileged.stderr || privileged.stdout, 3);
  const plain = await shell.run(script, { plain: true });
  if (!plain.stdout.includes(reportHeader)) {
    throw pxeError("PXE_COMMAND_FAILED", `${shell.label} runs no sh script: ${lastLines(plain.stderr || plain.stdout, 5) || "it said nothing"}`);
  }
  return clocked(parseReport(plain.stdout, refusal === "" ? "sudo failed without a word" : refusal, shell.label), asked);
}

/** The target looked at its clock at some moment between the question and the answer. */
function clocked(observation: Observation, asked: number, answered = Date.now()): Observation {
  const { clock } = observation.surroundings;
  if (clock === undefined || Number.isNaN(clock)) return observation;
  const skew = clock + 1 < asked / 1000 ? clock + 1 - asked / 1000 : clock > answered / 1000 ? clock - answered / 1000 : 0;
  return { ...observation, clockSkew: Math.round(skew) };
}

/** Reads the report of `observeScript`. */
export function parseReport(text: string, sudoRefusal: string | undefined, label: string): Observation {
  const report = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const tab = line.indexOf("\t");
    if (tab <= 0) continue;
    const key = line.slice(0, tab);
    const list = report.get(key) ?? [];
    list.push(line.slice(tab + 1));
    report.set(key, list);
  }
  const all = (key: string): string[] => report.get(key) ?? [];
  const one = (key: string): string => all(key)[0] ?? "";
  if (one("end") !== "1") throw pxeError("PXE_COMMAND_FAILED", `the preflight of ${label} broke off`);
  const linkVersion = one("node-link-version");
  return {
    system: one("system"),
    machine: one("machine"),
    uid: Number(one("uid")),
    user: one("user"),
    init: one("init"),
    libc: one("libc"),
    missingTools: all("missing"),
    nodes: all("node").map(parseNode),
    roomProgram: Number(one("room-program")),
    roomData: Number(one("room-data")),
    interfaces: all("interface"),
    addresses: parseAddresses(all("address")),
    listeners: [
      ...all("udp").map((line) => parseSs("udp", line)),
      ...all("tcp").map((line) => parseSs("tcp", line)),
      ...all("udp-proc").map((line) => parseProc("udp", line)),
      ...all("tcp-proc").map((line) => parseProc("tcp", line)),
    ].filter((listener) => listener !== undefined),
    lowestPort: one("lowest-port") === "" ? 1024 : Number(one("lowest-port")),
    account: one("account"),
    group: one("group"),
    files: new Map(all("stat").map(parseStat)),
    sums: new Map(all("sum").map((line) => [line.slice(66), line.slice(0, 64)])),
    keyLines: all("key"),
    current: one("current") === "" ? undefined : one("current").replace(/^.*\//, ""),
    currentVersion: one("current-version") === "" ? undefined : one("current-version"),
    nodeLink: linkVersion === "" ? undefined : { version: linkVersion, path: one("node-link") },
    units: new Map(all("unit").map(parseUnit)),
    enabled: all("enabled").map(instanceOf),
    kept: one("kept") === "yes",
    surroundings: parseSurroundings(all),
    clockSkew: 0,
    sudoRefusal,
  };
}

function parseNode(line: string): NodeFound {
  const space = line.indexOf(" ");
  return { version: line.slice(0, space), path: line.slice(space + 1) };
}

function parseAddresses(lines: readonly string[]): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (const line of lines) {
    const [name = "", address = ""] = line.split(" ");
    map.set(name, [...(map.get(name) ?? []), address.replace(/\/.*$/, "")]);
  }
  return map;
}

/** `UNCONN 0 0 0.0.0.0%virbr0:67 0.0.0.0:* users:(("dnsmasq",pid=812,fd=3))` */
function parseSs(protocol: "udp" | "tcp", line: string): Listener | undefined {
  const local = line.trim().split(/\s+/)[3];
  const parts = local === undefined ? null : /^(.*?)(?:%([^:]+))?:(\d+)$/.exec(local);
  if (parts === null) return undefined;
  const [, address = "", device, port = ""] = parts;
  const user = /\(\("([^"]*)",pid=(\d+)/.exec(line);
  return {
    protocol,
    port: Number(port),
    address: address === "*" ? "::" : address.replace(/^\[|\]$/g, ""),
    device,
    pid: user === null ? undefined : Number(user[2]),
    process: user?.[1],
  };
}

/** `00000000:0043 812 dnsmasq`, the first from /proc/net/udp: address in host byte order, port, both hexadecimal. */
function parseProc(protocol: "udp" | "tcp", line: string): Listener | undefined {
  const [local = "", pid = "", process = ""] = line.split(" ");
  const [address = "", port = ""] = local.split(":");
  const octets = (address.match(/../g) ?? []).map((octet) => Number.parseInt(octet, 16));
  return {
    protocol,
    port: Number.parseInt(port, 16),
    address: octets.length === 4 ? octets.reverse().join(".") : "::",
    device: undefined,
    pid: pid === "" ? undefined : Number(pid),
    process: process === "" ? undefined : process,
  };
}

function parseStat(line: string): [string, FileState] {
  const [path = "", mode = "", owner = ""] = line.split(" ");
  return [path, { mode, owner }];
}

function parseUnit(line: string): [string, UnitState] {
  const [unit = "", ...values] = line.trim().split(" ");
  const pid = values.find((value) => /^\d+$/.test(value));
  const active = values.find((value) => /^[a-z]+$/.test(value));
  return [instanceOf(unit), { active: active ?? "inactive", pid: Number(pid ?? 0) }];
}

function instanceOf(unit: string): string {
  return unit.replace(/^pulumi-pxe@/, "").replace(/\.service$/, "");
}

/** Whether a Node can run the agent as the system user: new enough, and not below a folder that its unit hides. */
export function usableNode(node: NodeFound): boolean {
  return /^\d/.test(node.version) && compareVersions(node.version, "22.13.0") >= 0 && !/^\/(root|home|run\/user)\//.test(node.path);
}

/** Compares versions by their numbers; a pre-release comes before its release. */
export function compareVersions(left: string, right: string): number {
  const parse = (text: string): { numbers: number[]; pre: string } => {
    const [main = "", pre = ""] = text.replace(/^v/, "").replace(/\+.*$/, "").split(/-(.*)/);
    return { numbers: main.split(".").map(Number), pre };
  };
  const a = parse(left);
  const b = parse(right);
  for (let index = 0; index < 3; index++) {
    const difference = (a.numbers[index] ?? 0) - (b.numbers[index] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  if (a.pre === b.pre) return 0;
  if (a.pre === "") return 1;
  if (b.pre === "") return -1;
  return a.pre < b.pre ? -1 : 1;
}

/** Whether a file stands there with these bytes. */
export function hasFile(observation: Observation, path: string, sha256: string): boolean {
  return observation.sums.get(path) === sha256;
}

/** Process ids of our own agents. */
export function ownPids(observation: Observation): ReadonlySet<number> {
  return new Set([...observation.units.values()].map((unit) => unit.pid).filter((pid) => pid > 0));
}

/** Bundle ids whose unit runs or tries to. */
export function runningUnits(observation: Observation): string[] {
  return [...observation.units].filter(([, unit]) => unit.active !== "inactive" && unit.active !== "failed").map(([id]) => id);
}
