/**
 * The catalogue of coded errors. A code is a contract: scripts and tests branch on it, so a code is never renamed or reused.
 * Each entry says what the reader should do; `what` (given where the error arises) says what was wrong and where.
 */
const catalogue = {
  PXE_INPUT_INVALID: "Correct the property named.",
  PXE_OWNED_BY_OTHER: "Choose another name, or remove it from the stack that owns it.",
  PXE_DUPLICATE: "Give each machine its own value.",
  PXE_OUTSIDE_SUBNET: "Use an address inside the subnet that is neither its network, broadcast, router nor server address.",
  PXE_SUBNET_NOT_SERVED: "Name the interface that lies in the subnet in the server's interfaces, or correct cidr.",
  PXE_OVERLAP: "Make the ranges disjoint.",
  PXE_UNKNOWN_REFERENCE: "Declare the document that is referred to, in the same batch or before it.",
  PXE_LOADER_MISSING: "Give the profile a loader for this firmware, or install the distribution's package that holds it.",
  PXE_TEMPLATE_FAILED: "Correct the template at the line named.",
  PXE_TEMPLATE_UNSAFE: "Wrap the value in the helper for its place: sh(), ks(), yaml() or preseed().",
  PXE_DNS_MISSING: "Set dnsServers on the subnet: debian-installer stops and asks for a name server otherwise.",
  PXE_NO_GATEWAY: "Give the subnet a router, or use a mirror inside it.",
  PXE_ASSET_MISSING: "Check the path or URL of the file.",
  PXE_ASSET_HASH: "The file is not the one that was pinned: correct sha256, or find out who changed the file.",
  PXE_REVISION_CONFLICT: "Somebody else changed the server meanwhile: run the operation again.",
  PXE_SERVER_SHARED: "Destroy the stacks named first, or remove their documents.",
  PXE_HOST_UNREACHABLE: "Check the address, the port and the route to the target.",
  PXE_AUTH_FAILED: "Check the user and the key or password given for the target.",
  PXE_HOST_KEY_UNKNOWN: "If the fingerprint is the target's own, pin it: target.hostKey = the value shown.",
  PXE_HOST_KEY_CHANGED: "If the target was really reinstalled, replace target.hostKey; otherwise somebody is in between.",
  PXE_CONTROL_KEY_REFUSED: "Let sshd on the target accept public keys for the user named (AllowUsers, PubkeyAuthentication).",
  PXE_SUDO_REFUSED: "Give the user passwordless sudo on the target, or deploy as root.",
  PXE_PREFLIGHT: "Mend each finding, then run the operation again.",
  PXE_PORT_TAKEN: "Stop the program named, or choose another port.",
  PXE_NOT_PERMITTED: "Run the agent as root or give it CAP_NET_BIND_SERVICE and CAP_NET_RAW, or choose ports above 1023.",
  PXE_NO_INTERFACE: "Name an interface that exists on the target.",
  PXE_NO_ADDRESS: "Give the interface a static address inside the subnet.",
  PXE_DISK_FULL: "Free some room on the target.",
  PXE_STORE_FAILED: "Check the file named: its rights, its file system and its disk. A damaged one is to be moved away; hosts then boot from their disks.",
  PXE_AGENT_RUNNING: "Stop the agent that uses the folder, or give this one a folder of its own.",
  PXE_HANDOVER_FAILED: "The agent that ran before serves on; see the reason above.",
  PXE_UNSUPPORTED_TARGET: "Use a target that meets the requirements in docs/targets.md.",
  PXE_CONNECTION_LOST: "Run the operation again: what was completed is kept.",
  PXE_COMMAND_FAILED: "See the command's own output above.",
  PXE_AGENT_DIED: "See the agent's last log lines above.",
  PXE_AGENT_UNREACHABLE: "Check that the agent's service runs on the target; the next `pulumi up` of its PxeServer repairs it.",
  PXE_AGENT_REFUSED: "See the reason above.",
  PXE_AGENT_NEWER: "Upgrade the pulumi-pxe package in the program, or set allowDowngrade.",
  PXE_FOREIGN_DHCP: "Switch the server named off, serve boot information only with dhcpMode: \"proxy\", or set allowForeignDhcp: true if both are meant to give out addresses.",
  PXE_FIREWALL: "Let the ports named through, or set firewall: \"manage\" to have it done.",
  PXE_CLOCK: "Set the target's clock: leases and armings are measured by it.",
  PXE_NOT_GATEWAY: "Set gateway: { nat: true } on the server, or name another router.",
  PXE_CLASS_UNKNOWN: "Declare the class in the subnet's classes.",
  PXE_LEASE_TIMES: "Let minLeaseTime ≤ leaseTime ≤ maxLeaseTime, and renewAt < rebindAt.",
  PXE_PACKET_MALFORMED: "The packet was dropped.",
  PXE_ENCODING_OVERFLOW: "Shorten the value: it does not fit its field.",
  PXE_PLAN_FOLDER: "Let PXE_PLAN_DIR name a folder of your own that can be written, or unset it.",
  PXE_NOT_FOUND: "Check the name.",
  PXE_PACKAGE_NOT_FOUND: "Run `npm install pulumi-pxe` beside the program, or set PULUMI_PXE_ROOT.",
  PXE_TOOL_MISSING: "Install the tool named.",
  PXE_LAB_FAILED: "See the log named; `pxe lab down` removes what was made.",
  PXE_INSTALL_FAILED: "Look at the machine's console and the agent's events; once the cause is mended a new `reinstall` text installs it.",
  PXE_WAIT_TIMEOUT: "The hosts go on by themselves: see that each boots from the network, then run `pulumi up` again to wait on, or raise timeout.",
  PXE_INTERRUPTED: "Run `pulumi up` again: it goes on where this one stopped, and orders nothing anew.",
  PXE_TIMEOUT: "See what was waited for above.",
  PXE_INTERNAL: "This is a defect of pulumi-pxe: report it with the text above.",
} as const;

/** A stable error code. */
export type ErrorCode = keyof typeof catalogue;

/** Where a finding lies: a document (`host/db1`) or another named thing (`target`), and a property path inside it (`pools[0].from`). */
export interface Place {
  readonly document: string;
  readonly property?: string;
  /** Only where the document is of another owner than the one who asks. */
  readonly owner?: string;
}

/** One thing that is wrong: JSON-safe, so that it crosses the control API unchanged. */
export interface Finding {
  readonly code: ErrorCode;
  readonly what: string;
  readonly fix: string;
  readonly where: readonly Place[];
}

/** What a caller adds to a code when it makes a finding. */
export interface FindingDetail {
  readonly where?: readonly Place[];
  /** Replaces the catalogue's advice where the caller knows better. */
  readonly fix?: string;
}

/** Makes a finding; `what` is a clause without a final stop. */
export function finding(code: ErrorCode, what: string, detail: FindingDetail = {}): Finding {
  return { code, what, fix: detail.fix ?? catalogue[code], where: detail.where ?? [] };
}

/** `host/db1 macs[0]` and the like, for a person. */
export function placeText(place: Place): string {
  return place.property === undefined ? place.document : `${place.document} ${place.property}`;
}

/** One line for a person: code, what, where, what to do. */
export function findingText(item: Finding): string {
  const where = item.where.length === 0 ? "" : ` (${item.where.map(placeText).join("; ")})`;
  return `${item.code}: ${item.what}${where}. ${item.fix}`;
}

/** An error that carries one or more findings: everything that was found wrong, at once. */
export class PxeError extends Error {
  override readonly name = "PxeError";
  readonly findings: readonly [Finding, ...Finding[]];

  constructor(findings: readonly [Finding, ...Finding[]], options?: { cause?: unknown }) {
    super(findings.map(findingText).join("\n"), options);
    this.findings = findings;
  }

  /** The first finding's code. */
  get code(): ErrorCode {
    return this.findings[0].code;
  }
}

/** The common case: an error of one finding. */
export function pxeError(code: ErrorCode, what: string, detail: FindingDetail & { cause?: unknown } = {}): PxeError {
  const { cause, ...rest } = detail;
  return new PxeError([finding(code, what, rest)], cause === undefined ? undefined : { cause });
}

/** Throws all findings as one error, if there are any. */
export function throwFindings(findings: readonly Finding[]): void {
  const [first, ...rest] = findings;
  if (first !== undefined) throw new PxeError([first, ...rest]);
}

/** The text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isFinding(value: unknown): value is Finding {
  if (typeof value !== "object" || value === null) return false;
  const item = value as Record<string, unknown>;
  return (
    typeof item["code"] === "string" && item["code"] in catalogue &&
    typeof item["what"] === "string" && typeof item["fix"] === "string" && Array.isArray(item["where"])
  );
}

/** The body of an error answer of the control API. */
export interface ErrorBody {
  readonly findings: readonly Finding[];
}

/** Reads an error answer of the control API back into the error that was thrown there; undefined if it is none. */
export function errorFromBody(body: unknown): PxeError | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  const list = (body as { findings?: unknown }).findings;
  if (!Array.isArray(list)) return undefined;
  const [first, ...rest] = list.filter(isFinding);
  return first === undefined ? undefined : new PxeError([first, ...rest]);
}
