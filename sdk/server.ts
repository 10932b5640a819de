import * as pulumi from "@pulumi/pulumi";
import type { DhcpOptions, PacketLimits } from "./dhcp";
import { ownInputs, resourceType, type Connection, type ServerRef } from "./identity";

/** How to prove who one is, to a target or a bastion. */
export interface SshCredentials {
  /** The text of a private key without passphrase. Always kept as a secret. */
  privateKey?: pulumi.Input<string> | undefined;
  /** A private key's file on the machine that runs Pulumi; `~/` is the home folder. */
  privateKeyPath?: pulumi.Input<string> | undefined;
  /** `true`: the SSH agent at SSH_AUTH_SOCK; or the path of an agent's socket. */
  agent?: pulumi.Input<boolean | string> | undefined;
  /** Always kept as a secret. */
  password?: pulumi.Input<string> | undefined;
}

/** An SSH server that connections to the target go through; it sees only ciphertext. */
export interface JumpHost extends SshCredentials {
  /** Name, address or alias of the SSH configuration. */
  host: pulumi.Input<string>;
  /** Default: what the SSH configuration says, else 22. */
  port?: pulumi.Input<number> | undefined;
  /** Default: what the SSH configuration says, else the name of the user who runs Pulumi. */
  user?: pulumi.Input<string> | undefined;
  /** `SHA256:…` of the bastion's host key. Default: what known_hosts says. */
  hostKey?: pulumi.Input<string> | undefined;
}

/**
 * A machine reached over SSH, by a key, a key's path, an SSH agent or a password. Where none is given: what the SSH configuration
 * says, else the SSH agent and the usual keys of the user who runs Pulumi.
 */
export interface RemoteTarget extends SshCredentials {
  /**
   * Name, address or alias of `~/.ssh/config`. Changing it means another target: the agent is deployed there and removed from the
   * old one. An alias whose address changes stays the same target.
   */
  host: pulumi.Input<string>;
  /** Default: what the SSH configuration says, else 22. */
  port?: pulumi.Input<number> | undefined;
  /** Default: what the SSH configuration says, else `root`. Anybody else needs passwordless sudo. */
  user?: pulumi.Input<string> | undefined;
  /** `SHA256:…` of the target's host key; or `trust-first` to trust what is found first. Default: what known_hosts says. */
  hostKey?: pulumi.Input<string> | undefined;
  /** Whether commands go through `sudo -n`. Default: false. */
  sudo?: pulumi.Input<boolean> | undefined;
  /**
   * The bastion to go through, or several, the one that is reached first before the others; a text is `[user@]host[:port]` as `ssh -J`
   * takes it. `"none"`: none, whatever the SSH configuration says, which is the default.
   */
  proxyJump?: pulumi.Input<string | JumpHost | pulumi.Input<string | JumpHost>[]> | undefined;
}

/** How the target routes. */
export interface GatewayArgs {
  /** Whether machines reach the outside under the target's own address. Default: false. */
  nat?: pulumi.Input<boolean> | undefined;
}

/** What `PxeServer` takes. */
export interface PxeServerArgs {
  /** Where the agent runs: a machine reached over SSH, or `"local"` for this one. */
  target: pulumi.Input<"local" | RemoteTarget>;
  /** The network interfaces that the agent serves on. It never answers on any other. */
  interfaces: pulumi.Input<pulumi.Input<string>[]>;
  /** Default: 67. Other ports than the defaults are for tries without root. */
  dhcpPort?: pulumi.Input<number> | undefined;
  /** Default: 69. */
  tftpPort?: pulumi.Input<number> | undefined;
  /** Default: 80. */
  httpPort?: pulumi.Input<number> | undefined;
  /** Whether clients that ask for another network's address are told so (DHCPNAK). Default: true. */
  authoritative?: pulumi.Input<boolean> | undefined;
  /** Where PXE clients of a subnet in `dhcpMode: "proxy"` ask for their boot file. Default: 4011. */
  pxePort?: pulumi.Input<number> | undefined;
  /**
   * What subnets do unless they say otherwise. `full` (default): give out addresses and boot. `proxy`: tell only what to boot, beside
   * somebody else's DHCP server.
   */
  dhcpMode?: pulumi.Input<"full" | "proxy"> | undefined;
  /**
   * Whether to give out addresses although another DHCP server answers on the segment; machines that are unknown here are then never
   * refused what that one gave them, as with `authoritative: false`. Default: false: the deployment is refused.
   */
  allowForeignDhcp?: pulumi.Input<boolean> | undefined;
  /** Whether replies repeat the client's identifier (RFC 6842). Default: true; some old clients need false. */
  echoClientId?: pulumi.Input<boolean> | undefined;
  /** Whether a client may name the subnet that it wants (option 118, RFC 3011). Default: false. */
  subnetSelection?: pulumi.Input<boolean> | undefined;
  /** DHCP options for every client of every subnet. Default: none. */
  options?: pulumi.Input<DhcpOptions> | undefined;
  /** What one side may take of the server's time. Default: more than a rack's machines need that all boot at once. */
  packetLimits?: pulumi.Input<PacketLimits> | undefined;
  /** Makes the target the router of its segments. Default: it routes nothing. */
  gateway?: pulumi.Input<GatewayArgs> | undefined;
  /**
   * The target's firewall. `check` (default): the deployment is refused where it would stop what the agent serves, and says which
   * commands open it. `manage`: it is opened, and closed again when the server is destroyed.
   */
  firewall?: pulumi.Input<"check" | "manage"> | undefined;
  /** Lets an older pulumi-pxe replace a newer agent. Default: false. */
  allowDowngrade?: pulumi.Input<boolean> | undefined;
  /**
   * Any text, a date for example. A changed text makes a new control key; the one before works until the next `pulumi up` after
   * that, which takes it away.
   */
  controlKeyRotation?: pulumi.Input<string> | undefined;
}

const type = "PxeServer";

/** A boot server: deploys the agent to its target and keeps it running there. */
export class PxeServer extends pulumi.CustomResource {
  /** What policy packs know the class by (`validateResourceOfType`). */
  static readonly __pulumiType = resourceType(type);
  /** What this resource is called by those that belong to it. */
  readonly self: string;
  /** What another stack needs to declare its own hosts on this server: export it, a secret. */
  readonly ref: pulumi.Output<ServerRef>;
  /** How the agent is reached. */
  declare readonly connection: pulumi.Output<Connection>;
  /** The private key whose only right on the target is to talk to the agent. A secret. */
  declare readonly controlKey: pulumi.Output<string>;
  /** Version of the running agent. */
  declare readonly agentVersion: pulumi.Output<string>;
  /** SHA-256 of the running agent's bundle. */
  declare readonly bundle: pulumi.Output<string>;
  /** The target's SSH host key as pinned or first trusted, `SHA256:…`; null for `"local"`. */
  declare readonly hostKey: pulumi.Output<string | null>;
  /** The target's architecture. */
  declare readonly architecture: pulumi.Output<string>;

  constructor(name: string, args: PxeServerArgs, options?: pulumi.CustomResourceOptions) {
    const own = ownInputs("server", type, name);
    const computed = { connection: undefined, agent: undefined };
    const outputs = { agentVersion: undefined, bundle: undefined, hostKey: undefined, architecture: undefined };
    // The check fills the key in and keeps it from then on: so it is known in every preview, and still a secret.
    const inputs = { ...args, target: guarded(args.target), controlKey: pulumi.secret(""), ...own };
    super(resourceType(type), name, { ...inputs, ...computed, ...outputs }, options);
    this.self = own.self;
    this.ref = pulumi.secret({ self: own.self, connection: this.connection, controlKey: this.controlKey });
  }
}

/** The target with its credentials marked as secrets; all of it where it can't be told apart yet. */
function guarded(target: PxeServerArgs["target"]): pulumi.Input<unknown> {
  if (target === "local") return target;
  if (isPending(target)) return pulumi.secret(target);
  const { proxyJump } = target;
  return { ...withSecrets(target), ...(proxyJump === undefined ? {} : { proxyJump: guardedJumps(proxyJump) }) };
}

function guardedJumps(jumps: NonNullable<RemoteTarget["proxyJump"]>): pulumi.Input<unknown> {
  if (typeof jumps === "string") return jumps;
  if (isPending(jumps)) return pulumi.secret(jumps);
  return Array.isArray(jumps) ? jumps.map(guardedJump) : withSecrets(jumps);
}

function guardedJump(jump: pulumi.Input<string | JumpHost>): pulumi.Input<unknown> {
  if (typeof jump === "string") return jump;
  return isPending(jump) ? pulumi.secret(jump) : withSecrets(jump);
}

function withSecrets<T extends SshCredentials>(given: T): T {
  const { privateKey, password } = given;
  return {
    ...given,
    ...(privateKey === undefined ? {} : { privateKey: pulumi.secret(privateKey) }),
    ...(password === undefined ? {} : { password: pulumi.secret(password) }),
  };
}

/** Not told apart yet: a promise, or an output. */
function isPending<T>(value: T | Promise<T> | pulumi.OutputInstance<T>): value is Promise<T> | pulumi.OutputInstance<T> {
  return pulumi.Output.isInstance(value) || (typeof value === "object" && value !== null && "then" in value && typeof value.then === "function");
}
