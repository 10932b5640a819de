import { rehearse } from "../engine/dhcp/rehearsal";
import { replyLines } from "../engine/dhcp/reply-lines";
import type { HostDocument, ProfileDocument, ServerSpec, SubnetDocument } from "../model/documents";
import { placeholders } from "../render/placeholders";

/**
 * What the agent will answer a BIOS boot ROM of the host, as lines. The agent's own code decides, so that the plan can't differ
 * from it; what a plan can't know is a placeholder: the server's address, and that of a host that gets one from a pool.
 * All documents must be wholly known: where one isn't, there is nothing to show yet.
 */
export function dhcpLines(input: { readonly server: ServerSpec | undefined; readonly subnet: SubnetDocument; readonly profile: ProfileDocument; readonly host: HostDocument }): string {
  const { reply, reason, standIn } = rehearse(input);
  if (reply === undefined) return `no answer: ${reason}\n`;
  const leased = reply.yiaddr === input.host.spec.ip ? undefined : reply.yiaddr;
  const shown = (value: string): string => {
    if (value === standIn) return placeholders.server;
    return value === leased ? placeholders.address : value;
  };
  return [...replyLines(reply, input.subnet.spec.cidr, shown), ""].join("\n");
}
