import * as pulumi from "@pulumi/pulumi";
import type { InstallState } from "./host";
import { ownInputs, requireResource, resourceType, type Connection, type DeclaresHosts } from "./identity";

/** What `InstallWait` takes. */
export interface InstallWaitArgs {
  /** Hosts and groups of hosts, of one server or of several. */
  hosts: readonly DeclaresHosts[];
  /**
   * `installed` (default): until the installer of each host has reported that it is done; `up`: until the installed system has
   * reported, which is refused as long as none does.
   */
  until?: pulumi.Input<"installed" | "up"> | undefined;
  /** Seconds, or a duration like `"2h"` or `"90m"`. Default: two hours. */
  timeout?: pulumi.Input<number | string> | undefined;
}

/** What is told of each host that was waited for. */
export interface WaitedHost {
  /** How far its installation is. */
  readonly state: InstallState;
  /** The address that it was last given. */
  readonly address: string | null;
  /** Unix time in milliseconds; null before the first installation. */
  readonly installedAt: number | null;
  /** Public host keys, as reported by the installed machine. */
  readonly sshHostKeys: readonly string[];
}

/** What a host or a group takes as `waitFor`. */
export type WaitFor = "installed" | "up" | { readonly until?: pulumi.Input<"installed" | "up">; readonly timeout?: pulumi.Input<number | string> };

const type = "InstallWait";

/**
 * Ends when all its hosts are installed; a host whose installation fails ends it at once, with the reason. It waits again when
 * hosts are added or a new `reinstall` is ordered. Interrupted, it goes on at the next `pulumi up`; it never orders anything itself.
 */
export class InstallWait extends pulumi.CustomResource {
  /** What policy packs know the class by (`validateResourceOfType`). */
  static readonly __pulumiType = resourceType(type);

  /** Lines for a known_hosts file, of all hosts. */
  declare readonly sshHostKeys: pulumi.Output<string[]>;
  /** What was waited for, by name. */
  declare readonly hosts: pulumi.Output<Readonly<Record<string, WaitedHost>>>;

  constructor(name: string, args: InstallWaitArgs, options?: pulumi.CustomResourceOptions) {
    const { hosts, until, timeout } = args;
    if (!Array.isArray(hosts) || hosts.length === 0) throw new TypeError(`${type} "${name}": hosts must be a list of hosts, one at least`);
    for (const host of hosts as readonly DeclaresHosts[]) {
      requireResource(host, "hosts", "KickstartHosts or KickstartHostGroups", type, name);
      if (!("link" in host) || !("orders" in host)) throw new TypeError(`${type} "${name}": hosts must be KickstartHosts or KickstartHostGroups`);
    }
    const given = { ...(until === undefined ? {} : { until }), ...(timeout === undefined ? {} : { timeout }) };
    const inputs = { ...ownInputs("wait", type, name), ...serversOf(hosts), ...given, hosts: undefined, sshHostKeys: undefined };
    super(resourceType(type), name, inputs, { ...options, dependsOn: dependencies(hosts, options) });
  }
}

interface WaitedServer {
  readonly server: string;
  readonly connection: Connection;
  /** By host: its `reinstall`, so that a new one makes the wait wait again. */
  readonly orders: Record<string, string>;
}

/** Each server once, and their keys in the same order: a list of secrets of its own, so that the rest stays readable in the plan. */
function serversOf(hosts: readonly DeclaresHosts[]): { servers: pulumi.Output<WaitedServer[]>; controlKeys: pulumi.Output<string[]> } {
  const links = pulumi.all(hosts.map(({ link, orders }) => ({ server: link.server, connection: link.connection, orders })));
  const servers = links.apply((all) => {
    const merged = new Map<string, WaitedServer>();
    for (const { server, connection, orders } of all) merged.set(placeKey(server, connection), { server, connection, orders: { ...merged.get(placeKey(server, connection))?.orders, ...orders } });
    return [...merged.values()];
  });
  const keys = pulumi.all(hosts.map(({ link }) => ({ server: link.server, connection: link.connection, controlKey: link.controlKey })));
  const controlKeys = keys.apply((all) => [...new Map(all.map(({ server, connection, controlKey }) => [placeKey(server, connection), controlKey])).values()]);
  return { servers, controlKeys: pulumi.secret(controlKeys) };
}

function placeKey(server: string, connection: Connection): string {
  return JSON.stringify([server, connection]);
}

function dependencies(hosts: readonly DeclaresHosts[], options: pulumi.CustomResourceOptions | undefined): pulumi.Input<pulumi.Input<pulumi.Resource>[]> {
  const given = options?.dependsOn;
  if (given === undefined) return [...hosts];
  return pulumi.output(given as pulumi.Input<pulumi.Resource[]>).apply((more) => [...hosts, ...(Array.isArray(more) ? more : [more])]);
}

/**
 * The hosts and groups that each run of a program has made so far. By stack, since one process may run several programs
 * (Automation API).
 */
const declared = new WeakMap<pulumi.Resource, pulumi.Resource[]>();

/**
 * The wait that `waitFor` makes: a child of the host or group, with its name. Called for every host, also for one that isn't
 * waited for.
 */
export function waitForHosts(name: string, resource: DeclaresHosts, waitFor: WaitFor | undefined, options?: pulumi.CustomResourceOptions): InstallWait | undefined {
  const all = hostsOfRun();
  all.push(resource);
  if (waitFor === undefined) return undefined;
  const given = typeof waitFor === "string" ? { until: waitFor } : waitFor;
  const dependsOn = pulumi.output(allDeclared(all)).apply(() => []);
  // Nothing is lost with a wait: protection of its host must not keep it from being taken out of the program.
  return new InstallWait(name, { hosts: [resource], ...given }, { ...options, dependsOn, parent: resource, protect: false });
}

function hostsOfRun(): pulumi.Resource[] {
  const stack = pulumi.runtime.getStackResource();
  if (stack === undefined) return [];
  const hosts = declared.get(stack) ?? [];
  declared.set(stack, hosts);
  return hosts;
}

/**
 * Resolves to their number when all hosts made by then are declared. The engine does only a few things at once: waits that began before would keep
 * it from declaring the rest. (A list in `dependsOn` would say the same, and cost the state the square of it.)
 */
async function allDeclared(hosts: readonly pulumi.Resource[]): Promise<number> {
  for (let seen = -1; seen < hosts.length; ) {
    seen = hosts.length;
    await Promise.all(hosts.map((host) => new Promise<void>((resolve) => {
      host.urn.apply(() => { resolve(); });
    })));
  }
  return hosts.length;
}
