import * as pulumi from "@pulumi/pulumi";
import type { AddressPool, BootHeader, ClasslessRoute, ClientClass, SubnetLimits, SubnetOptions } from "./dhcp";
import { childInputs, childOptions, nameAfter, resourceType, type ServerInput } from "./identity";

/** What `DhcpSubnet` takes. */
export interface DhcpSubnetArgs extends BootHeader {
  /** The server that it belongs to, or the `ref` of another stack's. */
  server: ServerInput;
  /** The network, `10.77.0.0/24`. */
  cidr: pulumi.Input<string>;
  /** Addresses leased to machines without a reservation. Default: none, so that only declared hosts get one. */
  pools?: pulumi.Input<pulumi.Input<AddressPool>[]> | undefined;
  /** Gateways, the preferred one first. Default: the server's; without any machines reach nothing beyond this network. */
  routers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** Name servers, the preferred one first. Default: the server's; Debian's installer needs at least one. */
  dnsServers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** The domain that machines are told they are in. Default: the server's. */
  domainName?: pulumi.Input<string> | undefined;
  /** Domains that names are looked up in. Default: the server's. */
  domainSearch?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** NTP servers. Default: the server's. */
  ntpServers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** Routes that clients are given (RFC 3442). A client that takes them ignores `routers`: name the default route among them. Default: the server's. */
  classlessRoutes?: pulumi.Input<pulumi.Input<ClasslessRoute>[]> | undefined;
  /** Further DHCP options. Default: the server's. */
  options?: pulumi.Input<SubnetOptions> | undefined;
  /** How long an address is lent to a client that asks for no time: seconds, or a duration like `"1h"` or `"90m"`, at least two minutes; or `"infinite"`. Default: one hour. */
  leaseTime?: pulumi.Input<number | string> | undefined;
  /** What a client gets that asks for less: seconds or a duration. Default: two minutes. */
  minLeaseTime?: pulumi.Input<number | string> | undefined;
  /** What a client gets that asks for more: seconds, a duration or `"infinite"`. Default: `leaseTime`. */
  maxLeaseTime?: pulumi.Input<number | string> | undefined;
  /** When a client renews its lease, as a share of it. Default: 0.5. */
  renewAt?: pulumi.Input<number> | undefined;
  /** When a client asks any server to extend its lease, as a share of it. Default: 0.875. */
  rebindAt?: pulumi.Input<number> | undefined;
  /** Clients that get options, a boot file or pools of their own. Default: none. */
  classes?: pulumi.Input<pulumi.Input<ClientClass>[]> | undefined;
  /**
   * Machines that are not declared. `allow` (default): get an address of the pools, and no boot file but one that the
   * subnet or a class names. `deny`: get no address.
   * `known-only`: get no answer at all.
   */
  unknownClients?: pulumi.Input<"allow" | "deny" | "known-only"> | undefined;
  /** Whether BOOTP clients without a reservation get an address of the pools, for ever. Default: false. */
  dynamicBootp?: pulumi.Input<boolean> | undefined;
  /** Whether an address is pinged before it is offered for the first time; costs half a second. Default: false. */
  probe?: pulumi.Input<boolean> | undefined;
  /**
   * Addresses of the relays that may speak for this subnet; with any, it need not lie on an interface of the server. Default: any
   * relay whose address lies in `cidr`.
   */
  relays?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** `full`: addresses and boot. `proxy`: boot only, beside somebody else's DHCP server. Default: the server's. */
  dhcpMode?: pulumi.Input<"full" | "proxy"> | undefined;
  /** How much one side may take of what all share. */
  limits?: pulumi.Input<SubnetLimits> | undefined;
}

const type = "DhcpSubnet";

/** An IPv4 network on which a server answers DHCP. */
export class DhcpSubnet extends pulumi.CustomResource {
  /** What policy packs know the class by (`validateResourceOfType`). */
  static readonly __pulumiType = resourceType(type);
  /** The name to refer to it by, known in previews. */
  readonly documentName: pulumi.Output<string>;
  /** The network, as given. */
  declare readonly cidr: pulumi.Output<string>;

  constructor(name: string, args: DhcpSubnetArgs, options?: pulumi.CustomResourceOptions) {
    super(resourceType(type), name, { ...args, ...childInputs("subnet", type, name, args.server) }, childOptions(args.server, options));
    this.documentName = nameAfter(this, name);
  }
}
