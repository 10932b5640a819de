import { PxeError, finding, type Finding } from "../errors";
import { renderHost, type RenderInput } from "../render/host";
import { unfillable } from "../render/placeholders";
import { nameOf, text, type Plain } from "./definition";
import type { DocumentTable } from "./table";
import { isUnknown, showUnknown, unknownValue } from "./unknown";

/** What one host will be served, as text by path, or the engine's sentinel where that can't be known yet. */
export interface HostPlan {
  readonly rendered: Plain | typeof unknownValue;
  readonly findings: readonly Finding[];
}

/**
 * Renders what a host will be served. Its profile and subnet were checked before it in this process, unless they are left out
 * of this run: then the last plan stays.
 */
export function planHost(inputs: Plain, olds: Plain, table: DocumentTable): HostPlan {
  const server = text(inputs, "server");
  const { subnet: subnetName, profile: profileName, secrets } = inputs;
  if (typeof subnetName !== "string" || typeof profileName !== "string" || [subnetName, profileName, secrets].some(isUnknown)) return unknown;
  if (table.isPostponed(server, `subnet/${subnetName}`) || table.isPostponed(server, `profile/${profileName}`)) return unknown;
  const subnet = table.find(server, "subnet", subnetName);
  const profile = table.find(server, "profile", profileName);
  if (subnet === undefined || profile?.extra === undefined) {
    const left = subnet === undefined ? `subnet ${subnetName}` : `profile ${profileName}`;
    return { rendered: lastPlan(olds) ?? { plan: `‹not planned: ${left} not in this run›` }, findings: [] };
  }
  const { extra, document } = profile;
  const input: RenderInput = {
    host: hostScope(inputs),
    subnet: subnet.document.spec,
    profile: {
      name: profileName, distro: { ...document.spec.distro, repository: extra.repository }, kernel: extra.kernel, initrd: extra.initrd,
      biosLoader: document.spec.loaders.bios?.program.name, kernelArgs: extra.kernelArgs, answer: extra.answer,
    },
  };
  try {
    const rendered = renderHost(input);
    return { rendered, findings: unfillableFindings(input.host.name, rendered, secrets) };
  } catch (error) {
    if (!(error instanceof PxeError)) throw error;
    return extra.partial ? unknown : { rendered: {}, findings: error.findings };
  }
}

/** What would fail at the machine's first boot: a secret that can't stand where the template puts it. */
function unfillableFindings(host: string, rendered: Record<string, string>, secrets: unknown): Finding[] {
  const given = typeof secrets === "object" && secrets !== null ? Object.entries(secrets) : [];
  const known = Object.fromEntries(given.map(([name, value]): [string, string] => [name, isUnknown(value) ? "" : String(value)]));
  return unfillable(rendered, known).map(({ path, reason }) =>
    finding("PXE_TEMPLATE_UNSAFE", `${path}: ${reason}`, { where: [{ document: `host/${host}`, property: "secrets" }] }),
  );
}

const unknown: HostPlan = { rendered: unknownValue, findings: [] };

function lastPlan(olds: Plain): Plain | undefined {
  const rendered = olds["rendered"];
  return typeof rendered === "object" && rendered !== null ? (rendered as Plain) : undefined;
}

function hostScope(inputs: Plain): RenderInput["host"] {
  const name = nameOf(inputs);
  const { macs, secrets } = inputs;
  const hostname = inputs["hostname"] === undefined ? name : text(showUnknown(inputs), "hostname");
  const shown: unknown = showUnknown(macs);
  const ip = text(showUnknown(inputs), "ip");
  return {
    name,
    hostname,
    macs: Array.isArray(shown) ? shown.map(String) : [String(shown)],
    ...(ip === "" ? {} : { ip }),
    secretNames: typeof secrets === "object" && secrets !== null ? Object.keys(secrets) : [],
  };
}
