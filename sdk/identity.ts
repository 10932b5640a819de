import * as pulumi from "@pulumi/pulumi";
import { providerText, type ProviderName } from "./provider-text";
import type { PxeServer } from "./server";

/** How the resources other than `PxeServer` reach the agent: an address, and no credentials. */
export type Connection =
  | { readonly kind: "local" }
  | { readonly kind: "ssh"; readonly host: string; readonly port: number; readonly hostKey?: string };

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

/** Inputs that tie a resource to its server. */
export interface ChildInputs extends OwnInputs {
  readonly server: pulumi.Output<string>;
  readonly connection: pulumi.Output<Connection>;
  readonly controlKey: pulumi.Output<string>;
}

export function childInputs(provider: ProviderName, type: string, name: string, server: PxeServer): ChildInputs {
  requireResource(server, "server", "a PxeServer", type, name);
  return { ...ownInputs(provider, type, name), server: nameAfter(server, server.self), connection: server.connection, controlKey: server.controlKey };
}

/**
 * A name that is known even in a preview and that still makes its user depend on the resource: unlike an id, a URN is known
 * as soon as the resource is registered.
 */
export function nameAfter(resource: pulumi.Resource, name: string): pulumi.Output<string> {
  return resource.urn.apply(() => name);
}

/** The agent forgets a server's documents together with it: no delete calls then for each of its children. */
export function childOptions(server: PxeServer, options: pulumi.CustomResourceOptions | undefined): pulumi.CustomResourceOptions {
  return { deletedWith: server, ...options };
}

/** Says what is wrong to programs that no compiler checks. */
export function requireResource(value: unknown, property: string, what: string, type: string, name: string): void {
  if (!pulumi.Resource.isInstance(value)) throw new TypeError(`${type} "${name}": ${property} must be ${what}`);
}
