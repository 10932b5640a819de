import * as pulumi from "@pulumi/pulumi";
import type { BootHeader, DhcpOptions } from "./dhcp";
import { apart, childInputs, childOptions, renderedOf, requireResource, resourceType, serverLink, type DeclaresHosts, type ServerInput, type ServerLink } from "./identity";
import type { BootProfile } from "./profile";
import { withoutPromiseStacks } from "./promise-stacks";
import type { DhcpSubnet } from "./subnet";
import { waitForHosts, type WaitFor } from "./wait";

/** Where a machine stands on its way to being installed; the outputs tell what was so at the last operation or refresh. */
export type InstallState = "adopted" | "armed" | "installing" | "wiping" | "installed" | "up" | "failed";

/** What `KickstartHost` takes. */
export interface KickstartHostArgs extends BootHeader {
  /** The server that it belongs to, or the `ref` of another stack's. */
  server: ServerInput;
  /** How it is installed. */
  profile: BootProfile;
  /** The network that it boots from. */
  subnet: DhcpSubnet;
  /** Its MAC addresses; the first is the one it boots from. */
  macs: pulumi.Input<pulumi.Input<string>[]>;
  /** Its SMBIOS UUID. Default: it is known by its MACs alone. */
  uuid?: pulumi.Input<string> | undefined;
  /** A reserved address. Default: one from the subnet's pools. */
  ip?: pulumi.Input<string> | undefined;
  /** Default: the resource's name. */
  hostname?: pulumi.Input<string> | undefined;
  /**
   * `once` (default): installed when it is declared for the first time; a machine that the server already knows is never
   * installed again by itself. `never`: only ever boots from its disk.
   */
  install?: pulumi.Input<"once" | "never"> | undefined;
  /** Any text. A text that was never used for this host orders one new installation: **the machine's disk is overwritten**. */
  reinstall?: pulumi.Input<string> | undefined;
  /** What its answer file may name as `secrets.<name>`. Default: none. Always kept as secrets; the plan shows placeholders. */
  secrets?: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
  /**
   * `full` (default): the state keeps what the machine will be served, and a plan shows each line that changes. `digest`: only
   * digests, and that it changes.
   */
  renderedDetail?: pulumi.Input<"full" | "digest"> | undefined;
  /** DHCP options for this machine alone. Default: those of its classes, its subnet and its server. */
  options?: pulumi.Input<DhcpOptions> | undefined;
  /** Makes `pulumi up` wait until it is installed, by an `InstallWait` of its name. Other hosts are declared meanwhile. */
  waitFor?: WaitFor | undefined;
}

const type = "KickstartHost";

/** One machine. It is never replaced: every change is made in place, and none but a new `reinstall` installs it again. */
export class KickstartHost extends pulumi.CustomResource implements DeclaresHosts {
  /** What policy packs know the class by (`validateResourceOfType`). */
  static readonly __pulumiType = resourceType(type);
  /** How its server is reached. */
  readonly link: ServerLink;
  readonly orders: pulumi.Output<Readonly<Record<string, string>>>;
  /** As given, or its resource's name. */
  declare readonly hostname: pulumi.Output<string>;
  /** As given. */
  declare readonly macs: pulumi.Output<string[]>;
  /** How far its installation is. */
  declare readonly state: pulumi.Output<InstallState>;
  /** Unix time in milliseconds; null before the first installation. */
  declare readonly installedAt: pulumi.Output<number | null>;
  /** The address that it was last given. */
  declare readonly address: pulumi.Output<string | null>;
  /** Public host keys, as reported by the installed machine. */
  declare readonly sshHostKeys: pulumi.Output<string[]>;

  constructor(name: string, args: KickstartHostArgs, options?: pulumi.CustomResourceOptions) {
    const own = childInputs("host", type, name, args.server);
    requireResource(args.profile, "profile", "a BootProfile", type, name);
    requireResource(args.subnet, "subnet", "a DhcpSubnet", type, name);
    const { profile, subnet } = args;
    const rendered = renderedOf([profile.secrecy, args.hostname, args.macs, args.ip, args.options, args.nextServer, args.bootFile, args.serverName]);
    const secrets = args.secrets === undefined ? undefined : pulumi.secret(args.secrets);
    const outputs = { state: undefined, installedAt: undefined, address: undefined, sshHostKeys: undefined };
    const { waitFor, ...given } = args;
    const inputs = { ...given, ...own, profile: apart(profile.documentName), subnet: apart(subnet.documentName), secrets, rendered };
    const asBefore = withoutPromiseStacks();
    try {
      super(resourceType(type), name, { ...inputs, hostname: args.hostname ?? name, ...outputs }, childOptions(args.server, options, [profile, subnet]));
    } finally {
      asBefore();
    }
    this.link = serverLink(args.server, type, name);
    this.orders = pulumi.all([args.reinstall, this.urn]).apply(([reinstall]) => ({ [name]: reinstall ?? "" }));
    waitForHosts(name, this, waitFor);
  }
}
