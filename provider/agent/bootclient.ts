import type { BootClient } from "../engine/boot";
import type { bootFile } from "../engine/bootfiles";
import type { HostRecord } from "../engine/facts";
import { modeOf } from "../engine/dhcp";
import type { Stored, SubnetDocument } from "../model/documents";
import { contains, network, parseIpv4 } from "../model/ip";
import { fill } from "../render/placeholders";
import type { AgentContext } from "./context";

/** Who asks for a file: a request over IP tells an address and nothing else. */
export interface Asker {
  readonly address: string;
  readonly client: BootClient;
  readonly host: HostRecord | undefined;
}

/** What a path stands for. */
export type BootResolver = typeof bootFile;

type Known = Pick<AgentContext, "state" | "leases" | "sightings" | "clock">;

/** The subnet that an address lies in. */
function subnetAt(context: Pick<AgentContext, "state">, address: string): Stored<SubnetDocument> | undefined {
  const value = parseIpv4(address);
  return value === undefined ? undefined : context.state.subnets.find((subnet) => contains(network(subnet.spec.cidr), value));
}

/** Whether another server gives out the address: what this agent leased there is older than what it has heard since. */
function isForeign(context: Pick<AgentContext, "state">, address: string): boolean {
  const subnet = subnetAt(context, address);
  return subnet !== undefined && modeOf(subnet, context.state.server) === "proxy";
}

/** The MAC that an address is leased to, by whatever server. */
function holderOf(context: Known, address: string): string | undefined {
  const sighted = context.sightings.macAt(address);
  return sighted !== undefined && isForeign(context, address) ? sighted : leasedMac(context, address);
}

/**
 * The MAC that an address is leased to. A lease that has run out still tells the last holder, since nobody else has got the
 * address; only a reservation goes before it.
 */
function leasedMac(context: Known, address: string): string | undefined {
  const lease = context.leases.byAddress(address);
  if (lease === undefined || lease.state !== "active") return undefined;
  return lease.expiresAt > context.clock() || context.state.hostByAddress(address) === undefined ? lease.mac : undefined;
}

/** Finds the asker by its address: by lease, else by reservation. */
export function askerAt(context: Known, address: string): Asker {
  const mac = holderOf(context, address);
  const host = mac === undefined ? context.state.hostByAddress(address) : context.state.hostByMac(mac);
  return { address, client: { mac: mac ?? host?.document.spec.macs[0] ?? address, firmware: "unknown" }, host };
}

/**
 * Whether an address is the host's: leased to one of its MACs, or reserved for it and leased to nobody. Where another server gives out
 * addresses this agent may not have heard of it, having started since: the asker then names its host by a token, and an address that
 * nobody else is known by doesn't contradict it.
 */
export function holdsAddress(context: Known, host: HostRecord, address: string): boolean {
  const { macs, ip } = host.document.spec;
  const mac = holderOf(context, address);
  if (mac !== undefined) return macs.includes(mac);
  return ip === address || (isForeign(context, address) && context.state.hostByAddress(address) === undefined);
}

/** Whether an address lies in a subnet that is served. */
export function isServed(context: Pick<AgentContext, "state">, address: string): boolean {
  return subnetAt(context, address) !== undefined;
}

/** The agent's authority in URLs: the port is left out where it is the one that `http:` means. */
export function httpAuthority(address: string, port: number): string {
  return port === 80 ? address : `${address}:${port}`;
}

/** What fills a text for one request. */
export interface FillRequest {
  readonly asker: Asker;
  /** As `httpAuthority` gives it. */
  readonly server: string;
}

function filled(text: string, host: HostRecord | undefined, request: FillRequest, secrets: Readonly<Record<string, string>>): string {
  const profile = host?.profile?.spec;
  const files = profile === undefined ? [] : [profile.kernel, ...profile.initrd];
  return fill(text, {
    server: request.server,
    token: host?.facts.token ?? "",
    address: request.asker.address,
    secrets,
    assets: Object.fromEntries(files.map(({ name, sha256 }) => [name, `/a/${sha256}/${name}`])),
  });
}

/**
 * Loader configuration as served. It goes over TFTP, so no secret is ever filled in: a text that names one is an error.
 * @throws PXE_TEMPLATE_FAILED
 */
export function fillLoaderText(text: string, request: FillRequest): string {
  return filled(text, request.asker.host, request, {});
}

/** An answer file as served to its host. @throws PXE_TEMPLATE_FAILED, PXE_TEMPLATE_UNSAFE */
export function fillAnswer(text: string, host: HostRecord, request: FillRequest): string {
  return filled(text, host, request, host.document.spec.secrets);
}
