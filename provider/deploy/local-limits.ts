import { readFileSync } from "node:fs";
import { finding, type Finding } from "../errors";

/** Settings of a server that its target is to be given. */
export interface TargetSettings {
  readonly gateway?: { readonly nat?: boolean | undefined } | undefined;
  readonly firewall?: unknown;
}

/**
 * What a plain process of this machine can't see to: nothing would make it again when the machine starts, or take it back. Silence would send
 * clients to a router that routes nothing.
 * @param document where the properties stand
 * @param forwards whether this machine routes already: then `gateway` only says so
 */
export function processLimits({ gateway, firewall }: TargetSettings, document: string, forwards: () => boolean = isForwarding): Finding[] {
  const refused = (property: string, what: string): Finding =>
    finding("PXE_UNSUPPORTED_TARGET", `the agent is a plain process of this machine, which ${what}`, {
      where: [{ document, property }], fix: "As root on a machine with systemd the target \"local\" gets a service, for which it is done. Else see to it yourself, and take the property away.",
    });
  const routes = gateway === undefined ? [] : gateway.nat === true ? [refused("gateway.nat", "gets no translation of addresses")] : forwards() ? [] : [refused("gateway", "doesn't forward, and isn't made to")];
  return [...routes, ...(firewall === "manage" ? [refused("firewall", "has its firewall left as it is")] : [])];
}

function isForwarding(): boolean {
  try {
    return readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim() === "1";
  } catch {
    return false;
  }
}
