import * as pulumi from "@pulumi/pulumi";
import { KickstartHost, type KickstartHostArgs } from "./host";
import { BootProfile, type BootProfileArgs } from "./profile";
import { PxeServer, type PxeServerArgs } from "./server";
import { DhcpSubnet, type DhcpSubnetArgs } from "./subnet";

/** A profile of a `ProvisioningNetwork`: what `BootProfile` takes, but for the server. */
export type NetworkProfileArgs = Omit<BootProfileArgs, "server">;

/** A machine of a `ProvisioningNetwork`: what `KickstartHost` takes, but for what the network gives. */
export interface NetworkHostArgs<Profile extends string = string> extends Omit<KickstartHostArgs, "server" | "subnet" | "profile"> {
  /** A name out of `profiles`, or any profile on the same server. Default: the network's `profile`. */
  profile?: Profile | BootProfile | undefined;
}

/** What the network's subnet takes from the network: its `options` and `dhcpMode` are the server's. */
type NetworkSubnetArgs = Omit<DhcpSubnetArgs, "server" | "options" | "dhcpMode">;

/** Everything that `PxeServer` and `DhcpSubnet` take, and the profiles and machines. */
export interface ProvisioningNetworkArgs<Profile extends string = string, Host extends string = string> extends PxeServerArgs, NetworkSubnetArgs {
  /** How machines are installed that name no other profile. Its resource is called like the network. */
  profile?: NetworkProfileArgs | undefined;
  /** More profiles, by the name that a host's `profile` gives. The resource of `debian` in `rack1` is called `rack1-debian`. */
  profiles?: Readonly<Record<Profile, NetworkProfileArgs>> | undefined;
  /** The machines, by the names of their resources, which are their host names too unless `hostname` says otherwise. Default: none. */
  hosts?: Readonly<Record<Host, NetworkHostArgs<NoInfer<Profile>>>> | undefined;
  /** Secrets that the answer file of every host may name; a host's own of the same name goes before. Default: none. */
  secrets?: KickstartHostArgs["secrets"];
}

type SubnetKey = keyof NetworkSubnetArgs;
type OwnKey = "profile" | "profiles" | "hosts" | "secrets";

/** All of a subnet's arguments, by a type that refuses to compile when one is forgotten: the rest are the server's. */
const subnetKeys: Readonly<Record<SubnetKey, true>> = {
  cidr: true, pools: true, routers: true, dnsServers: true, domainName: true, domainSearch: true, ntpServers: true, classlessRoutes: true,
  nextServer: true, bootFile: true, serverName: true, leaseTime: true, minLeaseTime: true, maxLeaseTime: true, renewAt: true, rebindAt: true,
  classes: true, unknownClients: true, dynamicBootp: true, probe: true, relays: true, limits: true,
};
const ownKeys: Readonly<Record<OwnKey, true>> = { profile: true, profiles: true, hosts: true, secrets: true };

/**
 * A server with one subnet, its profiles and its machines. The server, the subnet and `profile` are called like the network, so two
 * networks don't collide; machines keep their own names, so that one which moves in from elsewhere in the program stays what it was.
 */
export class ProvisioningNetwork<Profile extends string = never, Host extends string = string> extends pulumi.ComponentResource {
  /** The boot server, called like the network. */
  readonly server: PxeServer;
  /** The subnet, called like the network. */
  readonly subnet: DhcpSubnet;
  /** Of the argument `profile`. */
  readonly profile: BootProfile | undefined;
  /** Of the argument `profiles`, by the same names. */
  readonly profiles: Readonly<Record<Profile, BootProfile>>;
  /** By the same names as in the arguments. */
  readonly hosts: Readonly<Record<Host, KickstartHost>>;

  constructor(name: string, args: ProvisioningNetworkArgs<Profile, Host>, options?: pulumi.ComponentResourceOptions) {
    super("pxe:index:ProvisioningNetwork", name, {}, options);
    const inside = { parent: this };
    // A server that was there before the network was written stays the same resource: were it deleted under its old name, no
    // delete would follow for those of its old children whose names end with the move.
    const moved = { ...inside, aliases: [{ parent: pulumi.rootStackResource }] };
    this.server = new PxeServer(name, serverArgs(args), moved);
    const { server } = this;
    this.subnet = new DhcpSubnet(name, { server, ...subnetArgs(args) }, inside);
    const { subnet } = this;
    this.profile = args.profile === undefined ? undefined : new BootProfile(name, { server, ...args.profile }, inside);
    const profileArgs: Readonly<Record<Profile, NetworkProfileArgs>> = args.profiles ?? ({} as Record<Profile, NetworkProfileArgs>);
    this.profiles = mapped(profileArgs, (more, key) => new BootProfile(`${name}-${key}`, { server, ...more }, inside));
    const hosts: Readonly<Record<Host, NetworkHostArgs<Profile>>> = args.hosts ?? ({} as Record<Host, NetworkHostArgs<Profile>>);
    this.hosts = mapped(hosts, (host, key) => {
      const profile = this.profileOf(host.profile, `${name}: host ${key}`);
      return new KickstartHost(key, { ...host, server, subnet, profile, secrets: merged(args.secrets, host.secrets) }, inside);
    });
    this.registerOutputs({});
  }

  /** @throws TypeError where there is none: what a compiler can't see, or none has looked at */
  private profileOf(wanted: Profile | BootProfile | undefined, where: string): BootProfile {
    if (typeof wanted !== "string" && wanted !== undefined) return wanted;
    if (wanted === undefined) {
      if (this.profile !== undefined) return this.profile;
      throw new TypeError(`ProvisioningNetwork ${where} names no profile, and the network has no profile of its own`);
    }
    if (Object.hasOwn(this.profiles, wanted)) return this.profiles[wanted];
    throw new TypeError(`ProvisioningNetwork ${where} names the profile ${wanted}; there is ${Object.keys(this.profiles).join(", ") || "none"}`);
  }
}

function serverArgs(args: ProvisioningNetworkArgs): PxeServerArgs {
  return without(args, { ...subnetKeys, ...ownKeys }) as unknown as PxeServerArgs;
}

function subnetArgs(args: ProvisioningNetworkArgs): NetworkSubnetArgs {
  return Object.fromEntries(Object.entries(args).filter(([key]) => Object.hasOwn(subnetKeys, key))) as unknown as NetworkSubnetArgs;
}

function without(args: object, keys: object): object {
  return Object.fromEntries(Object.entries(args).filter(([key]) => !Object.hasOwn(keys, key)));
}

function mapped<Key extends string, From, To>(from: Readonly<Record<Key, From>>, make: (value: From, key: Key) => To): Readonly<Record<Key, To>> {
  return Object.fromEntries(Object.entries<From>(from).map(([key, value]) => [key, make(value, key as Key)])) as Record<Key, To>;
}

function merged(all: KickstartHostArgs["secrets"], own: KickstartHostArgs["secrets"]): KickstartHostArgs["secrets"] {
  if (all === undefined) return own;
  if (own === undefined) return all;
  return pulumi.all([all, own]).apply(([first, second]) => ({ ...first, ...second }));
}
