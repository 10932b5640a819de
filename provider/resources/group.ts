import { pxeError } from "../errors";
import type { Connections } from "./connections";
import { nameOf, text, type ResourceDefinition } from "./definition";
import { areKnown, checkGroup, hostsOf } from "./group-declaration";
import { observeGroup, repeatedInputs, shortened, shortStatus, statusesOf } from "./group-observation";
import { hostDeletions, leavingIn, partsOf, placeHosts, statusIn } from "./group-place";
import { hostSpecOf, textsToPush } from "./host-declaration";
import { armingFor, knownFacts, notInstalled } from "./host-order";
import { isDigest } from "./host-plan";
import { checkedSpec, identify } from "./identity";
import { documentOf, removeDocuments } from "./residence";
import type { DocumentTable } from "./table";

/**
 * KickstartHostGroup: many machines in one resource. Each has the document that a KickstartHost of its name would have, so that
 * machines move between groups and resources of their own; and each is armed, checked and observed as if it had one.
 */
export function groupResource(connections: Connections, table: DocumentTable): ResourceDefinition {
  return {
    label: (inputs) => `group/${nameOf(inputs)}`,
    check: (inputs, olds) => checkGroup(identify("group", inputs), inputs, olds, table),
    replaces: () => [],
    async ensure(inputs, outputs) {
      if (!areKnown(inputs)) throw pxeError("PXE_INTERNAL", "inputs arrived that are not known yet");
      const before = statusIn(outputs);
      const rendered = partsOf(inputs["rendered"]);
      const hosts = hostsOf(inputs).map((host) => {
        const texts = textsToPush(host, rendered.get(host.name), isDigest(inputs), table);
        return { host, document: documentOf("host", host, checkedSpec(hostSpecOf(host, texts))) };
      });
      const arm = hosts.flatMap(({ host }) => armingFor(host.name, host.values, before.get(host.name)));
      const facts = hosts.flatMap(({ host: { name } }) => knownFacts(name, before.get(name) ?? {}));
      const push = { documents: hosts.map((item) => item.document), arm, facts };
      const elsewhere = (name: string): boolean => table.isDeclaredElsewhere(text(inputs, "server"), text(inputs, "self"), `host/${name}`);
      const { result, outputs: left } = await placeHosts(connections, push, inputs, outputs, before, elsewhere);
      const revs = new Map(result.documents.filter((item) => item.kind === "host").map((item) => [item.name, item.rev]));
      const statuses = statusesOf(result.hosts, text(left, "owner"));
      const told = hosts.flatMap(({ host: { name, values } }) => notInstalled(statuses.get(name), arm, values, before.get(name)) ?? []);
      for (const line of shortened(told)) console.warn(line);
      const status = hosts.map(({ host: { name, values }, document: { spec } }) => {
        const { reinstall } = values;
        const own = { rev: revs.get(name) ?? result.revision, ...(reinstall === undefined ? {} : { reinstall }) };
        return [name, { ...own, ...shortStatus(statuses.get(name), before.get(name) ?? {}, spec.ip ?? null) }] as const;
      });
      return { ...left, ...repeatedInputs(inputs), status: Object.fromEntries(status) };
    },
    observe: (outputs) => observeGroup(connections, outputs),
    remove: (outputs) => removeDocuments(connections, `group/${text(outputs, "name")}`, outputs, hostDeletions(new Map([...leavingIn(outputs), ...statusIn(outputs)]))),
  };
}
