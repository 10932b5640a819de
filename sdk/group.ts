import * as pulumi from "@pulumi/pulumi";
import type { BootHeader, DhcpOptions } from "./dhcp";
import type { InstallState } from "./host";
import { childInputs, childOptions, renderedOf, requireResource, resourceType, serverLink, type DeclaresHosts, type ServerInput, type ServerLink } from "./identity";
import type { BootProfile } from "./profile";
import type { DhcpSubnet } from "./subnet";
import { waitForHosts, type WaitFor } from "./wait";

/** One machine of a group. */
export interface GroupHostArgs extends BootHeader {
  /** Its MAC addresses; the first is the one it boots from. */
  macs: pulumi.Input<pulumi.Input<string>[]>;
  /** Its SMBIOS UUID. */
  uuid?: pulumi.Input<string> | undefined;
  /** A reserved address. Default: one from the subnet's pools. */
  ip?: pulumi.Input<string> | undefined;
  /** Default: its name in the group. */
  hostname?: pulumi.Input<string> | undefined;
  /** Default: the group's. */
  install?: pulumi.Input<"once" | "never"> | undefined;
  /** Any text. A text that was never used for this host orders one new installation: **the machine's disk is overwritten**. */
  reinstall?: pulumi.Input<string> | undefined;
  /** Beside the group's own; the host's go first. Always kept as secrets. */
  secrets?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
  /** DHCP options for this machine alone. Default: those of its classes, its subnet and its server. */
  options?: pulumi.Input<DhcpOptions> | undefined;
  /** Default: the group's. */
  profile?: BootProfile | undefined;
  /** Default: the group's. */
  subnet?: DhcpSubnet | undefined;
}

/** What `KickstartHostGroup` takes. */
export interface KickstartHostGroupArgs {
  /** The server that the machines belong to, or the `ref` of another stack's. */
  server: ServerInput;
  /** How those machines are installed that name no other profile. */
  profile: BootProfile;
  /** The network of those machines that name no other. */
  subnet: DhcpSubnet;
  /**
   * The machines by name, from a literal or `pxe.inventory`. Each is what a `KickstartHost` of that name would be: moved from one
   * to the other it keeps its document and all that is known of it.
   */
  hosts: Readonly<Record<string, GroupHostArgs>> | Promise<Readonly<Record<string, GroupHostArgs>>> | pulumi.OutputInstance<Readonly<Record<string, GroupHostArgs>>>;
  /** What the answer file may name as `secrets.<name>` for every machine. Always kept as secrets; the plan shows placeholders. */
  secrets?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
  /** `once` (default): each is installed when it is declared for the first time. `never`: they only ever boot from their disks. */
  install?: pulumi.Input<"once" | "never"> | undefined;
  /** `digest`: the state keeps of what is served only digests, and a plan shows only that it changes. For large fleets. */
  renderedDetail?: pulumi.Input<"full" | "digest"> | undefined;
  /** Makes `pulumi up` wait until all are installed, by an `InstallWait` of its name. */
  waitFor?: WaitFor | undefined;
}

/** Where one machine of a group stands; as it was at the last operation or refresh. */
export interface GroupHostState {
  /** How far its installation is. */
  readonly state: InstallState;
  /** The address that it was last given. */
  readonly address: string | null;
  /** Unix time in milliseconds; null before the first installation. */
  readonly installedAt: number | null;
  /** Public host keys, as reported by the installed machine. */
  readonly sshHostKeys: readonly string[];
}

const type = "KickstartHostGroup";

/**
 * Many machines in one resource: for racks whose number of resources would slow Pulumi down. A plan shows a nested diff for each
 * machine; adding one installs just that one. The documents of all change together or not at all.
 */
export class KickstartHostGroup extends pulumi.CustomResource implements DeclaresHosts {
  /** What policy packs know the class by (`validateResourceOfType`). */
  static readonly __pulumiType = resourceType(type);

  /** How the server is reached. */
  readonly link: ServerLink;
  readonly orders: pulumi.Output<Readonly<Record<string, string>>>;
  /** Where each machine stands, by name. */
  readonly hosts: pulumi.Output<Readonly<Record<string, GroupHostState>>>;
  /** What was left of each machine; `hosts` is the part that programs read. */
  declare readonly status: pulumi.Output<Readonly<Record<string, GroupHostState>>>;

  constructor(name: string, args: KickstartHostGroupArgs, options?: pulumi.CustomResourceOptions) {
    const own = childInputs("group", type, name, args.server);
    requireResource(args.profile, "profile", "a BootProfile", type, name);
    requireResource(args.subnet, "subnet", "a DhcpSubnet", type, name);
    const { profile, subnet, secrets, install, renderedDetail } = args;
    const hosts = wireHosts(args.hosts, name);
    const rendered = renderedOf([profile.secrecy, shownOf(args.hosts)]);
    const inputs = {
      ...own, hosts, install, renderedDetail, rendered, profile: profile.documentName, subnet: subnet.documentName,
      secrets: secrets === undefined ? undefined : pulumi.secret(secrets),
    };
    super(resourceType(type), name, { ...inputs, status: undefined }, childOptions(args.server, options));
    this.link = serverLink(args.server, type, name);
    this.hosts = this.status.apply((status: Readonly<Record<string, GroupHostState>> | undefined) => Object.fromEntries(Object.entries(status ?? {}).map(([host, left]) => [host, shortState(left)])));
    const orders = pulumi.output(mapped(args.hosts, (all) => Object.fromEntries(Object.entries(all).map(([host, { reinstall }]) => [host, reinstall ?? ""]))));
    this.orders = pulumi.all([orders, this.urn]).apply(([reinstalls]) => reinstalls);
    waitForHosts(name, this, args.waitFor);
  }
}

function shortState({ state, address, installedAt, sshHostKeys }: GroupHostState): GroupHostState {
  return { state, address, installedAt, sshHostKeys };
}

/** A map that is plain stays so: each value in it is an input, a secret or unknown by itself. */
function mapped<T>(hosts: KickstartHostGroupArgs["hosts"], work: (hosts: Readonly<Record<string, GroupHostArgs>>) => T): T | pulumi.Output<pulumi.Unwrap<T>> {
  if (!isDeferred(hosts)) return work(hosts as Readonly<Record<string, GroupHostArgs>>);
  const known = pulumi.output<unknown>(hosts) as pulumi.Output<Readonly<Record<string, GroupHostArgs>>>;
  return known.apply((all) => work(all) as pulumi.Input<T>) as pulumi.Output<pulumi.Unwrap<T>>;
}

/** The hosts as they go over the wire: profiles and subnets by name, secrets marked. */
function wireHosts(hosts: KickstartHostGroupArgs["hosts"], group: string): pulumi.Input<object> {
  return mapped<pulumi.Input<object>>(hosts, (all) =>
    Object.fromEntries(Object.entries(all).map(([name, { profile, subnet, secrets, ...rest }]) => {
      if (profile !== undefined) requireResource(profile, `hosts.${name}.profile`, "a BootProfile", type, group);
      if (subnet !== undefined) requireResource(subnet, `hosts.${name}.subnet`, "a DhcpSubnet", type, group);
      return [name, { ...rest, profile: profile?.documentName, subnet: subnet?.documentName, secrets: secrets === undefined ? undefined : pulumi.secret(secrets) }];
    })),
  );
}

/** What stands in the texts that are rendered for the hosts. */
function shownOf(hosts: KickstartHostGroupArgs["hosts"]): unknown {
  return mapped<unknown[]>(hosts, (all) => Object.values(all).flatMap(({ profile, macs, ip, hostname, options, nextServer, bootFile, serverName }) =>
    [profile?.secrecy, macs, ip, hostname, options, nextServer, bootFile, serverName].filter(holdsDeferred)));
}

function isDeferred(value: unknown): boolean {
  return pulumi.Output.isInstance(value) || value instanceof Promise;
}

/** Whether a value may be a secret or unknown, wholly or in part: a thousand plain ones need no looking at. */
function holdsDeferred(value: unknown): boolean {
  if (isDeferred(value)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsDeferred);
}
