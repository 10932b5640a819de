import { networkInterfaces } from "node:os";
import { modeOf, onLink } from "../../engine/dhcp";
import { finding, throwFindings, type Finding } from "../../errors";
import type { StateView } from "../../engine/view";
import type { ApplyRequest } from "../../model/control";
import { documentLabel, type ServerDocument, type Stored, type SubnetDocument } from "../../model/documents";
import { addressesOf, type InterfaceSource } from "../serving";
import type { AgentState } from "../state";
import { probeForeignDhcp, type ForeignDhcp } from "./probe";
import type { ForeignWatch } from "./watch";

type Declared = Pick<StateView, "server" | "subnets">;

/** What is declared of serving, after a batch or before it. */
interface Serving {
  readonly server: ServerDocument | undefined;
  readonly subnets: readonly Stored<SubnetDocument>[];
}

type Probe = (name: string) => Promise<ForeignDhcp | undefined>;

/**
 * Looks for other DHCP servers where a batch would begin to give out addresses. What serves already isn't looked at again: a push costs
 * nothing more, and an agent that starts anew serves.
 * @throws PXE_FOREIGN_DHCP for each interface where one answers; what is wrong with the batch otherwise comes first
 */
export async function refuseBesideForeign(batch: ApplyRequest, state: Declared & Pick<AgentState, "apply">, watch?: ForeignWatch, probe: Probe = probeOf(watch)): Promise<void> {
  if (batch.dryRun) return;
  const begun = beginsToServe(batch, state);
  if (begun.length === 0) return;
  await state.apply({ ...batch, dryRun: true });
  const found = await Promise.all(begun.map(probe));
  throwFindings(found.flatMap((other) => (other === undefined ? [] : [refusal(other, after(batch, state))])));
}

/** The interfaces that give out addresses after a batch and did not before. */
export function beginsToServe(batch: ApplyRequest, state: Declared, source: InterfaceSource = networkInterfaces): string[] {
  if (!batch.put.some((doc) => doc.kind === "server" || doc.kind === "subnet")) return [];
  const next = after(batch, state);
  if (next.server === undefined || next.server.spec.allowForeignDhcp) return [];
  const before = new Set(fullInterfaces(state, source));
  return fullInterfaces(next, source).filter((name) => !before.has(name));
}

function after(batch: ApplyRequest, { server, subnets }: Declared): Serving {
  const owners = [batch.owner, batch.previousOwner];
  const isReplaced = (doc: ServerDocument | SubnetDocument): boolean =>
    owners.includes(doc.owner) && [...batch.put, ...batch.delete].some((item) => item.kind === doc.kind && item.name === doc.name);
  return {
    server: batch.put.find((doc) => doc.kind === "server") ?? (server === undefined || isReplaced(server) ? undefined : server),
    subnets: [...subnets.filter((doc) => !isReplaced(doc)), ...batch.put.filter((doc) => doc.kind === "subnet").map((doc) => ({ ...doc, rev: 0 }))],
  };
}

function fullInterfaces(serving: Serving, source: InterfaceSource): readonly string[] {
  return serving.server?.spec.interfaces.filter((name) => fullSubnets(serving, name, source).length > 0) ?? [];
}

/** The subnets of an interface that addresses are given out of. */
function fullSubnets({ server, subnets }: Serving, name: string, source: InterfaceSource = networkInterfaces): readonly SubnetDocument[] {
  return onLink(subnets, addressesOf(name, source)).map(({ document }) => document).filter((document) => modeOf(document, server) === "full");
}

function refusal(other: ForeignDhcp, serving: Serving): Finding {
  const { server } = serving;
  const mac = other.mac === undefined ? "" : ` (MAC ${other.mac})`;
  const at = server === undefined ? [] : [{ document: documentLabel(server), property: `interfaces[${String(server.spec.interfaces.indexOf(other.interface))}]` }];
  return finding("PXE_FOREIGN_DHCP", `another DHCP server, ${other.address}${mac}, answers on ${other.interface}`, {
    where: [...at, ...fullSubnets(serving, other.interface).map((document) => ({ document: documentLabel(document), property: "cidr" }))],
  });
}

function probeOf(watch: ForeignWatch | undefined): Probe {
  return (name) => probeForeignDhcp(name, watch === undefined ? {} : { onReply: (listener) => watch.onReply(listener) });
}
