import * as z from "zod";
import type { Connections } from "./connections";
import { nameOf, text, type Plain, type ResourceDefinition } from "./definition";
import { checkHosts, computedInputs, hostSpecOf, plannedDigests, renderedDetail, textsToPush, type DeclaredHost, type HostMemory } from "./host-declaration";
import { armingFor, knownFacts, notInstalled, statusOutputs, supersededDrift } from "./host-order";
import { isDigest } from "./host-plan";
import { checkedSpec, identify, userInputs } from "./identity";
import { observedHost } from "./host-observation";
import { seenDocument } from "./observation";
import { documentOf, observeDocument, placeDocument, removeDocument, residenceNow, withDrift, type Observation } from "./residence";
import type { DocumentTable } from "./table";
import { validateKnown } from "./validate";

const options = z.object({ renderedDetail });

/** KickstartHost: one machine. Creating one is the only thing that arms a machine by itself, and only where nothing is known of it. */
export function hostResource(connections: Connections, table: DocumentTable): ResourceDefinition {
  return {
    label: (inputs) => `host/${nameOf(inputs)}`,
    check(inputs, olds) {
      const identity = identify("host", inputs);
      const host = declared(inputs);
      const known = validateKnown(options, { renderedDetail: inputs["renderedDetail"] }, identity.label);
      const found = [...identity.findings, ...table.meet(host.server, identity, olds), ...known.findings];
      const { computed, findings } = checkHosts([{ host, before: memory(olds) }], identity.self, host.server, table, { inputs, found });
      const digests = plannedDigests(inputs["controlKey"], inputs["secrets"], memory(olds) && { secrets: olds["secrets"], digests: olds["secretDigests"] });
      const { secretDigests: _secrets, arming: _arming, generations: _generations, ...given } = inputs;
      const added = { rendered: {}, ...(digests === undefined ? {} : { secretDigests: digests }), ...computed.get(host.name) };
      return { inputs: { ...given, ...added }, findings: [...found, ...findings] };
    },
    replaces: () => [],
    async ensure(inputs, outputs) {
      const host = declared(inputs);
      const spec = checkedSpec(hostSpecOf(host, textsToPush(host, inputs["rendered"], isDigest(inputs), table)));
      const { name, owner, values } = host;
      const more = { arm: armingFor(name, values, outputs), facts: outputs === undefined ? [] : knownFacts(name, outputs) };
      const { result, outputs: left } = await placeDocument(connections, documentOf("host", host, spec), inputs, outputs, more);
      const status = result.hosts.find((item) => item.name === name && item.owner === owner);
      const told = notInstalled(status, more.arm, values, outputs);
      if (told !== undefined) console.warn(told);
      const { macs, hostname } = spec;
      const { reinstall, install } = values;
      const given = { ...(reinstall === undefined ? {} : { reinstall }), ...(install === "once" ? { install } : {}), ...(isDigest(inputs) ? { renderedDetail: "digest" } : {}) };
      return { ...left, macs, hostname, ...given, ...statusOutputs(status, outputs ?? {}, spec.ip ?? null) };
    },
    async observe(outputs) {
      const seen = await observeDocument(connections, "host", outputs);
      if (seen.documents === undefined) return withDrift(outputs, seen.drift);
      const at = residenceNow(outputs);
      const { hosts } = await connections.snapshot(at);
      const status = hosts.find((host) => host.declared && host.name === at.name && host.owner === at.owner);
      return seenDocument("host", { ...outputs, ...(status === undefined ? {} : statusOutputs(status, outputs, null)) }, seen, {
        inputs: () => hostInputs(seen, outputs), beside: seen.drift === undefined ? supersededDrift(status) : undefined,
      });
    },
    remove: (outputs) => removeDocument(connections, "host", outputs),
  };
}

function hostInputs({ stored, documents }: Observation, outputs: Plain): Plain {
  const { values, computed } = observedHost(stored?.kind === "host" ? stored : undefined, outputs, documents ?? []);
  return { ...values, ...(isDigest(outputs) ? { renderedDetail: "digest" } : {}), ...computed };
}

function declared(inputs: Plain): DeclaredHost {
  const name = nameOf(inputs);
  const values = userInputs(inputs, [...computedInputs, "renderedDetail"]);
  return { owner: text(inputs, "owner"), name, label: `host/${name}`, server: text(inputs, "server"), values };
}

function memory(olds: Plain): HostMemory | undefined {
  if (Object.keys(olds).length === 0) return undefined;
  const { rendered, arming, generations } = olds;
  return { values: olds, rendered, arming, generations };
}
