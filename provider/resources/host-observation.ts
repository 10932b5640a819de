import { hostSpec, type HostDocument, type Stored } from "../model/documents";
import type { Plain } from "./definition";
import { dhcpLines } from "./dhcp-plan";
import { digestsOf, isDigest } from "./host-plan";
import { asSecret, withoutDefaults } from "./observation";

/** Inputs of one machine as if a program had declared what the agent holds. */
export interface ObservedHost {
  /** The properties of its document, and `reinstall`. */
  readonly values: Plain;
  /** The inputs that a check computes: `rendered`, `generations`. What was last ordered is not known any more, nor are secrets. */
  readonly computed: Plain;
}

/**
 * Reads a machine's document back into inputs. What texts of `reinstall` were used stays, also where the document is missing: no
 * repair may look like a new order.
 * @param stored undefined where it is missing on the agent
 * @param outputs what was left of this host: `reinstall`, `consumed`, `install`; and of its resource: `controlKey`, `renderedDetail`
 * @param documents all that the agent holds
 */
export function observedHost(stored: Stored<HostDocument> | undefined, outputs: Plain, documents: readonly Stored[]): ObservedHost {
  const { reinstall, consumed } = outputs;
  const generations = [...new Set([...(Array.isArray(consumed) ? (consumed as unknown[]) : []), reinstall])].filter((item) => typeof item === "string");
  const orders = reinstall === undefined ? {} : { reinstall };
  const used = generations.length === 0 ? {} : { generations };
  if (stored === undefined) return { values: orders, computed: used };
  const { rendered, secrets, install, ...spec } = stored.spec;
  const shown = { ...rendered, ...dhcpText(stored, documents) };
  const hasSecrets = Object.keys(secrets).length > 0;
  return {
    values: {
      ...withoutDefaults(hostSpec, spec), ...orders,
      ...(install === "once" && outputs["install"] === undefined ? {} : { install }),
      // The agent never tells them: names with a placeholder each, so the next plan writes them again.
      ...(hasSecrets ? { secrets: asSecret(secrets) } : {}),
    },
    computed: {
      rendered: isDigest(outputs) ? digestsOf(shown) : shown,
      ...used,
    },
  };
}

/** The DHCP answer, where all that it is made of is on the agent. */
function dhcpText(host: Stored<HostDocument>, documents: readonly Stored[]): { dhcp?: string } {
  const own = documents.filter((doc) => doc.owner === host.owner);
  const server = own.find((doc) => doc.kind === "server");
  const subnet = own.find((doc) => doc.kind === "subnet" && doc.name === host.spec.subnet);
  const profile = own.find((doc) => doc.kind === "profile" && doc.name === host.spec.profile);
  if (subnet?.kind !== "subnet" || profile?.kind !== "profile") return {};
  return { dhcp: dhcpLines({ server: server?.spec, subnet, profile, host }) };
}
