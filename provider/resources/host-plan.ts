import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { PxeError, finding, type Finding } from "../errors";
import type { Document, HostDocument } from "../model/documents";
import { renderHost, type RenderInput } from "../render/host";
import { unfillable } from "../render/placeholders";
import { text, type Plain } from "./definition";
import { planDhcp } from "./dhcp-plan";
import type { DeclaredHost } from "./host-declaration";
import type { DocumentTable, Planned } from "./table";
import { isUnknown, knownAfterApply, showUnknown } from "./unknown";

export type Texts = Readonly<Record<string, string>>;

/** What one host will be served: text by path, and the DHCP answer as `dhcp`. */
export type HostPlan =
  | { readonly kind: "known"; readonly texts: Texts; readonly findings: readonly Finding[] }
  | { readonly kind: "unknown"; readonly findings: readonly Finding[] }
  /** Its profile or subnet is left out of this run. */
  | { readonly kind: "left out"; readonly missing: string; readonly findings: readonly Finding[] };

/** The key of `rendered` that is only to be read: nothing is served from it. */
const dhcp = "dhcp";

const unknown: HostPlan = { kind: "unknown", findings: [] };

/**
 * Renders what a host will be served. Its profile and subnet were checked before it in this process, unless they are left out.
 * @param planned its document, where enough is known to make one
 */
export function planHost(host: DeclaredHost, planned: Planned<HostDocument> | undefined, table: DocumentTable): HostPlan {
  const { server, values } = host;
  const { subnet: subnetName, profile: profileName, secrets } = values;
  if (typeof subnetName !== "string" || typeof profileName !== "string" || [subnetName, profileName].some(isUnknown)) return unknown;
  if (table.isPostponed(server, `subnet/${subnetName}`) || table.isPostponed(server, `profile/${profileName}`)) return unknown;
  const subnet = table.find(server, "subnet", subnetName);
  const profile = table.find(server, "profile", profileName);
  if (subnet === undefined) return { kind: "left out", missing: `subnet ${subnetName}`, findings: [] };
  if (profile?.extra === undefined) return { kind: "left out", missing: `profile ${profileName}`, findings: [] };
  const { extra, document: { spec } } = profile;
  const input: RenderInput = {
    host: hostScope(host),
    subnet: subnet.document.spec,
    profile: {
      name: profileName, distro: { ...spec.distro, repository: extra.repository }, kernel: extra.kernel, initrd: extra.initrd,
      biosLoader: spec.loaders.bios?.program.name, kernelArgs: extra.kernelArgs, answer: extra.answer,
    },
  };
  try {
    const texts = renderHost(input);
    const whole = isWhole(planned) && isWhole(subnet, planned.document.spec.ip === undefined ? [] : ["pools"]) ? planned.document : undefined;
    const served = table.find(server, "server", nameIn(server));
    const isServed = !table.isPostponed(server, `server/${nameIn(server)}`) && (served === undefined || isWhole(served));
    const answer = whole === undefined || !isServed ? undefined
      : planDhcp({ server: served?.document.spec, subnet: subnet.document, profile: profile.document, host: whole }, served?.document);
    const findings = [...unfillableFindings(host.label, texts, secrets), ...(answer?.findings ?? [])];
    return { kind: "known", texts: { ...texts, [dhcp]: answer?.text ?? `${knownAfterApply}\n` }, findings };
  } catch (error) {
    if (!(error instanceof PxeError)) throw error;
    return extra.partial || isUnknown(secrets) ? unknown : { kind: "known", texts: {}, findings: error.findings };
  }
}

/** Properties of host, subnet and server that the DHCP answer to a declared machine doesn't hang on. */
const unasked: readonly string[] = [
  "secrets", "reinstall", "install", "uuid", "relays", "limits", "probe", "dynamicBootp", "unknownClients",
  "interfaces", "dhcpPort", "tftpPort", "httpPort", "pxePort", "authoritative", "allowForeignDhcp", "subnetSelection", "gateway", "echoClientId", "packetLimits",
];

/** Whether all is known that a DHCP answer is made of. */
function isWhole<D extends Document>(planned: Planned<D> | undefined, beside: readonly string[] = []): planned is Planned<D> {
  return planned !== undefined && (planned.later ?? []).every((property) => unasked.includes(property) || beside.includes(property));
}

/** `rack1` of `PxeServer::rack1`. */
export function nameIn(server: string): string {
  return server.slice(server.indexOf("::") + 2);
}

/** What would fail at the machine's first boot: a secret that can't stand where the template puts it. */
function unfillableFindings(label: string, texts: Record<string, string>, secrets: unknown): Finding[] {
  if (isUnknown(secrets)) return [];
  const given = typeof secrets === "object" && secrets !== null ? Object.entries(secrets) : [];
  const known = Object.fromEntries(given.map(([name, value]): [string, string] => [name, isUnknown(value) ? "" : String(value)]));
  return unfillable(texts, known).map(({ path, reason }) =>
    finding("PXE_TEMPLATE_UNSAFE", `${path}: ${reason}`, { where: [{ document: label, property: "secrets" }] }),
  );
}

function hostScope({ name, values }: DeclaredHost): RenderInput["host"] {
  const { macs, ip, hostname } = showUnknown({ ...values });
  return {
    name,
    hostname: typeof hostname === "string" ? hostname : name,
    macs: Array.isArray(macs) ? macs.map(String) : [String(macs)],
    ...(typeof ip === "string" && ip !== "" ? { ip } : {}),
    secretNames: secretNames(values["secrets"]),
  };
}

/** One value that isn't known makes all of them arrive unknown, names too. */
function secretNames(secrets: unknown): string[] | undefined {
  if (isUnknown(secrets)) return undefined;
  return typeof secrets === "object" && secrets !== null ? Object.keys(secrets) : [];
}

/** Stands in the inputs for a text that is not kept whole: 64 bits of its sum, enough for a change to show, short in a state file. */
function textDigest(content: string, digits = 16): string {
  return `sha256:${createHash("sha256").update(content).digest("hex").slice(0, digits)} ${String(Buffer.byteLength(content))} bytes`;
}

/** Whether texts are digests, at least one of them: there is nothing to serve then. */
export function areDigests(texts: Texts): boolean {
  return Object.values(texts).some((content) => /^sha256:(?:[0-9a-f]{16}|[0-9a-f]{32}) \d+ bytes$/.test(content));
}

/** @param before what was kept: a digest of another length stays, a new provider alone changes nothing */
export function digestsOf(texts: Texts, before: Texts = {}): Texts {
  const digest = (path: string, content: string): string => {
    const long = textDigest(content, 32);
    return before[path] === long ? long : textDigest(content);
  };
  return Object.fromEntries(Object.entries(texts).map(([path, content]) => [path, digest(path, content)]));
}

/** What is to be kept of texts, unless it says the same as what an older version kept: a new provider alone changes nothing. */
export function keptTexts(texts: Texts, before: unknown): Texts {
  const old = textsIn(before);
  if (old === undefined || dhcp in old) return texts;
  return isDeepStrictEqual(old, servedTexts(texts)) ? old : texts;
}

/** A `rendered` that was kept in full or as digests; undefined where it holds no texts. */
export function textsIn(rendered: unknown): Texts | undefined {
  if (typeof rendered !== "object" || rendered === null) return undefined;
  const texts = Object.entries(rendered).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return texts.length === 0 || "plan" in rendered ? undefined : Object.fromEntries(texts);
}

/** What the agent gets of it. */
export function servedTexts(texts: Texts): Texts {
  const { [dhcp]: _shown, ...served } = texts;
  return served;
}

/** In place of a plan where there is none to be had. */
export function notPlanned(missing: string): Plain {
  return { plan: `‹not planned: ${missing} not in this run›` };
}

export function isDigest(inputs: Plain): boolean {
  return text(inputs, "renderedDetail") === "digest";
}
