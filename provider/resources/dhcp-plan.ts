import { codesOf } from "../engine/dhcp/option-settings";
import { rehearse, romParameters, type Rehearsed } from "../engine/dhcp/rehearsal";
import { replyLines } from "../engine/dhcp/reply-lines";
import { finding, type Finding } from "../errors";
import type { DhcpOptions } from "../model/dhcp-settings";
import { documentLabel, type Document } from "../model/documents";
import { placeholders } from "../render/placeholders";

/** What a machine will be answered. */
export interface DhcpPlan {
  readonly text: string;
  readonly findings: readonly Finding[];
}

/**
 * What the agent will answer a BIOS boot ROM of the host, as lines; then the declared options that only other clients ask for. The
 * agent's own code decides, so that the plan can't differ from it; what a plan can't know is a placeholder: the server's address, and
 * that of a host that gets one from a pool.
 * All documents must be wholly known: where one isn't, there is nothing to show yet.
 */
export function planDhcp(input: Rehearsed, server?: Document): DhcpPlan {
  const rom = rehearse(input);
  if (rom.reply === undefined) return { text: `no answer: ${rom.reason}\n`, findings: [] };
  const leased = rom.reply.yiaddr === input.host.spec.ip ? undefined : rom.reply.yiaddr;
  const shown = (value: string): string => {
    if (value === rom.standIn) return placeholders.server;
    return value === leased ? placeholders.address : value;
  };
  const said = saidIn(input, server);
  const others = [...said.keys()].filter((code) => !romParameters.includes(code));
  const whole = others.length === 0 ? rom.reply : (rehearse(input, [...romParameters, ...others]).reply ?? rom.reply);
  const lines = replyLines(rom.reply, input.subnet.spec.cidr, shown);
  const further = replyLines(whole, input.subnet.spec.cidr, shown).filter((line) => !lines.includes(line));
  const text = [...lines, ...(further.length === 0 ? [] : ["when asked for:", ...further]), ""].join("\n");
  return { text, findings: [...said].filter(([code]) => !whole.options.has(code) && isCrowdedOut(input, code)).map(([code, at]) => crowdedOut(code, at)) };
}

/** The lines alone. */
export function dhcpLines(input: Rehearsed): string {
  return planDhcp(input).text;
}

interface Said {
  readonly document: string;
  readonly property: string;
}

/** The options that are declared for the host, by code, and where: the innermost counts. */
function saidIn({ server, subnet, host }: Rehearsed, serverDocument: Document | undefined): ReadonlyMap<number, Said> {
  const said = new Map<number, Said>();
  const add = (document: string, settings: DhcpOptions, at: string): void => {
    for (const { code, property } of codesOf(settings)) said.set(code, { document, property: `${at}${property}` });
  };
  const { spec } = subnet;
  const { routers, dnsServers, domainSearch, ntpServers, classlessRoutes } = spec;
  if (server !== undefined) add(serverDocument === undefined ? "server" : documentLabel(serverDocument), server.options, "options.");
  add(documentLabel(subnet), { routers, dnsServers, domainSearch, ntpServers, classlessRoutes, ...(spec.domainName === undefined ? {} : { domainName: spec.domainName }) }, "");
  add(documentLabel(subnet), spec.options, "options.");
  spec.classes.forEach((each, index) => { add(documentLabel(subnet), each.options, `classes[${String(index)}].options.`); });
  add(documentLabel(host), host.spec.options, "options.");
  return said;
}

/** Whether an option is left out of the reply for its size alone: asked for by itself it is sent. */
function isCrowdedOut(input: Rehearsed, code: number): boolean {
  return rehearse(input, [code]).reply?.options.has(code) === true;
}

function crowdedOut(code: number, { document, property }: Said): Finding {
  const what = `option ${String(code)} doesn't fit into the answer beside the others, which a boot ROM takes 1024 bytes of`;
  return finding("PXE_ENCODING_OVERFLOW", what, { where: [{ document, property }] });
}
