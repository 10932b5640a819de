import * as pulumi from "@pulumi/pulumi";
import { providerText, type ProviderName } from "./provider-text";
import type { PxeServer } from "./server";

/** How the resources other than `PxeServer` reach the agent: an address, and no credentials. */
export type Connection =
  | { readonly kind: "local" }
  | {
      readonly kind: "ssh";
      readonly host: string;
      readonly port: number;
      readonly portGiven?: true;
      readonly hostKey?: string;
      readonly proxyJump?: readonly JumpAddress[];
    };

/** A bastion without its secrets. */
export interface JumpAddress {
  /** Name, address or alias of the SSH configuration. */
  readonly host: string;
  /** Default: what the SSH configuration says, else 22. */
  readonly port?: number;
  /** Default: what the SSH configuration says, else the name of the user who runs Pulumi. */
  readonly user?: string;
  /** A private key's file on the machine that runs Pulumi. */
  readonly privateKeyPath?: string;
  /** `true`: the SSH agent at SSH_AUTH_SOCK; or the path of an agent's socket. */
  readonly agent?: boolean | string;
  /** `SHA256:…`. Default: what known_hosts says. */
  readonly hostKey?: string;
  /** Its key or password is known to the `PxeServer` alone. */
  readonly withheld?: true;
}

/** A resource's full type, `pulumi-nodejs:dynamic/pxe:KickstartHost`. It stands in state files and never changes. */
export function resourceType(type: string): string {
  return `pulumi-nodejs:dynamic/pxe:${type}`;
}

/** Inputs that every resource carries beside those that the user gives. */
export interface OwnInputs {
  readonly __provider: string;
  /** Whose documents these are: no other stack may change them. */
  readonly owner: string;
  /** What the resource is called in this program: no URN reaches a dynamic provider. */
  readonly self: string;
}

export function ownInputs(provider: ProviderName, type: string, name: string): OwnInputs {
  return { __provider: providerText(provider), owner: `${pulumi.getProject()}/${pulumi.getStack()}`, self: `${type}::${name}` };
}

/**
 * What resources need to know of a server: what `server.ref` gives. Exported by one stack, it lets another one declare its own
 * subnets, profiles and hosts on the same server.
 */
export interface ServerRef {
  /** What the server's resource is called in its own program, `PxeServer::rack1`. */
  readonly self: string;
  /** How the agent is reached. */
  readonly connection: Connection;
  /** The private key whose only right on the target is to talk to the agent. A secret. */
  readonly controlKey: string;
}

/** A server of this program, or the `server.ref` of another stack's (`stack.requireOutput("server")`). */
export type ServerInput = PxeServer | pulumi.Input<ServerRef>;

/** Inputs that tie a resource to its server. */
export interface ServerLink {
  readonly server: pulumi.Output<string>;
  readonly connection: pulumi.Output<Connection>;
  readonly controlKey: pulumi.Output<string>;
}

export interface ChildInputs extends OwnInputs {
  readonly server: pulumi.Input<string>;
  readonly connection: pulumi.Input<Connection>;
  readonly controlKey: pulumi.Input<string>;
}

/** Something that declares machines: what can be waited for. */
export interface DeclaresHosts extends pulumi.Resource {
  readonly link: ServerLink;
  /** By host name: the `reinstall` text that it is declared with, empty where there is none. */
  readonly orders: pulumi.Output<Readonly<Record<string, string>>>;
}

/** By its looks, not its class: a program may have two copies of this package. */
function isServer(value: unknown): value is PxeServer {
  return pulumi.Resource.isInstance(value) && "self" in value && "controlKey" in value;
}

/** @throws TypeError where a program without a compiler gives something else */
export function serverLink(server: ServerInput, type: string, name: string): ServerLink {
  if (isServer(server)) {
    return { server: nameAfter(server, server.self), connection: server.connection, controlKey: server.controlKey };
  }
  if (pulumi.Resource.isInstance(server) || typeof server !== "object" || (server as unknown) === null) {
    throw new TypeError(`${type} "${name}": server must be a PxeServer, or the ref of one`);
  }
  const ref = pulumi.output(server);
  // A ref is a secret as a whole, for the sake of its key.
  const open = pulumi.unsecret(ref);
  return { server: open.self, connection: open.connection, controlKey: pulumi.secret(ref.controlKey) };
}

export function childInputs(provider: ProviderName, type: string, name: string, server: ServerInput): ChildInputs {
  const link = serverLink(server, type, name);
  return { ...ownInputs(provider, type, name), server: apart(link.server), connection: apart(link.connection), controlKey: apart(link.controlKey) };
}

/**
 * The same value, just as known and as secret, without the resource that it comes from. That stands in `dependsOn`, once; a state
 * repeats the URN for every property that brings it along, and a thousand hosts have five such each.
 */
export function apart<T>(output: pulumi.Output<T>): pulumi.Output<T> {
  const { promise } = output as { promise?: (withUnknowns: boolean) => Promise<unknown> };
  // Pulumi has no public form of it that keeps what is unknown so.
  if (typeof promise !== "function") return output;
  const value = pulumi.output(promise(true)) as pulumi.Output<T>;
  return pulumi.output(pulumi.isSecret(output)).apply((isSecret) => (isSecret ? pulumi.secret(value) : value) as pulumi.Input<T>) as pulumi.Output<T>;
}

/**
 * What stands for `rendered` until the check fills it: a secret if anything that it is made of is one, and then says so, since a
 * check can't tell.
 */
export function renderedOf(parts: readonly unknown[]): pulumi.Output<object> {
  const isSecret = pulumi.output(pulumi.isSecret(pulumi.output(parts)));
  return isSecret.apply((secret): pulumi.Input<object> => (secret ? pulumi.secret({ secret: true }) : {}));
}

/**
 * A name that is known even in a preview and that still makes its user depend on the resource: unlike an id, a URN is known
 * as soon as the resource is registered.
 */
export function nameAfter(resource: pulumi.Resource, name: string): pulumi.Output<string> {
  return resource.urn.apply(() => name);
}

/**
 * The agent forgets a server's documents together with it: no delete calls then for each of its children.
 * @param uses what it depends on beside its server
 */
export function childOptions(server: ServerInput, options: pulumi.CustomResourceOptions | undefined, uses: readonly pulumi.Resource[] = []): pulumi.CustomResourceOptions {
  const dependsOn = [...(isServer(server) ? [server] : []), ...uses, ...given(options?.dependsOn)] as pulumi.Input<pulumi.Resource>[];
  return { ...(isServer(server) ? { deletedWith: server } : {}), ...options, ...(dependsOn.length === 0 ? {} : { dependsOn }) };
}

/** Pulumi takes lists in lists, whatever its types say. */
function given(dependsOn: pulumi.CustomResourceOptions["dependsOn"]): readonly unknown[] {
  return dependsOn === undefined ? [] : [dependsOn];
}

/** Says what is wrong to programs that no compiler checks. */
export function requireResource(value: unknown, property: string, what: string, type: string, name: string): void {
  if (!pulumi.Resource.isInstance(value)) throw new TypeError(`${type} "${name}": ${property} must be ${what}`);
}
