import * as pulumi from "@pulumi/pulumi";
import { childInputs, childOptions, nameAfter, resourceType, type ServerInput } from "./identity";

/** Addresses from `from` to `to`, both included. */
export interface AddressPool {
  /** The first address. */
  from: pulumi.Input<string>;
  /** The last address. */
  to: pulumi.Input<string>;
}

/** What `DhcpSubnet` takes. */
export interface DhcpSubnetArgs {
  /** The server that it belongs to, or the `ref` of another stack's. */
  server: ServerInput;
  /** The network, `10.77.0.0/24`. */
  cidr: pulumi.Input<string>;
  /** Addresses leased to machines without a reservation. Default: none, so that only declared hosts get one. */
  pools?: pulumi.Input<pulumi.Input<AddressPool>[]> | undefined;
  /** Gateways, the preferred one first. Default: none, and machines reach nothing beyond this network. */
  routers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** Name servers, the preferred one first. Default: none; Debian's installer needs at least one. */
  dnsServers?: pulumi.Input<pulumi.Input<string>[]> | undefined;
  /** The domain that machines are told they are in. Default: none. */
  domainName?: pulumi.Input<string> | undefined;
  /** Seconds, or a duration like `"1h"` or `"90m"`; at least two minutes. Default: one hour. */
  leaseTime?: pulumi.Input<number | string> | undefined;
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
