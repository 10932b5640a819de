import * as z from "zod";
import { pxeError, type Finding } from "../errors";
import { installStates, type Arming, type HostStatus, type KnownFact } from "../model/control";
import { hostSpec, type HostSpec } from "../model/documents";
import type { Connections } from "./connections";
import { nameOf, text, type Plain, type ResourceDefinition } from "./definition";
import { planHost } from "./host-plan";
import { checkedSpec, identify, userInputs } from "./identity";
import { documentOf, observeDocument, placeDocument, removeDocument, residenceFor, residenceNow, withDrift } from "./residence";
import type { DocumentTable } from "./table";
import { validateKnown, type Checked } from "./validate";

const reinstallSchema = z.string().min(1, { error: "is empty" }).max(256).optional();

/** KickstartHost: one machine. Creating one is the only thing that arms a machine by itself, and only where nothing is known of it. */
export function hostResource(connections: Connections, table: DocumentTable): ResourceDefinition {
  return {
    label: (inputs) => `host/${nameOf(inputs)}`,
    check(inputs, olds) {
      const identity = identify("host", inputs);
      const spec = specOf(inputs, identity.label, {});
      const reinstall = validateKnown(z.object({ reinstall: reinstallSchema }), reinstallOf(inputs), identity.label);
      const findings: Finding[] = [...identity.findings, ...spec.findings, ...reinstall.findings];
      const server = text(inputs, "server");
      findings.push(...table.meet(server, identity, olds));
      if (spec.value !== undefined) {
        const document = documentOf("host", identity, spec.value);
        table.register(server, identity.self, document);
        findings.push(...table.findings(server, document));
      }
      const planned = findings.length > 0 ? { rendered: {}, findings: [] } : planHost(inputs, olds, table);
      return { inputs: { ...inputs, rendered: planned.rendered }, findings: [...findings, ...planned.findings] };
    },
    replaces: () => [],
    async ensure(inputs, outputs) {
      const at = residenceFor(inputs);
      const spec = checkedSpec(specOf(inputs, `host/${at.name}`, renderedOf(inputs, at.name)));
      const arm = armingFor(at.name, inputs, outputs);
      const facts = outputs === undefined ? [] : knownFacts(at.name, outputs);
      const { result, outputs: left } = await placeDocument(connections, documentOf("host", at, spec), inputs, outputs, { arm, facts });
      const status = result.hosts.find((host) => host.name === at.name && host.owner === at.owner);
      const { macs, hostname } = spec;
      return { ...left, macs, hostname, ...reinstallOf(inputs), ...statusOutputs(status, outputs ?? {}, spec.ip ?? null) };
    },
    async observe(outputs) {
      const { drift, stored } = await observeDocument(connections, "host", outputs);
      if (stored === undefined) return withDrift(outputs, drift);
      const at = residenceNow(outputs);
      const { hosts } = await connections.snapshot(at);
      const status = hosts.find((host) => host.declared && host.name === at.name && host.owner === at.owner);
      const superseded = status?.nextBoot.action === "ignore" ? `it is not served: ${status.nextBoot.reason}` : undefined;
      return withDrift({ ...outputs, ...(status === undefined ? {} : statusOutputs(status, outputs, null)) }, drift ?? superseded, stored);
    },
    remove: (outputs) => removeDocument(connections, "host", outputs),
  };
}

function reinstallOf(inputs: Plain): { reinstall?: unknown } {
  return inputs["reinstall"] === undefined ? {} : { reinstall: inputs["reinstall"] };
}

function specOf(inputs: Plain, label: string, rendered: Plain): Checked<HostSpec> {
  const { reinstall: _order, ...rest } = userInputs(inputs, ["rendered"]);
  return validateKnown(hostSpec, { ...rest, hostname: rest["hostname"] ?? nameOf(inputs), rendered }, label);
}

/** What the plan showed is what is pushed. */
function renderedOf(inputs: Plain, name: string): Plain {
  const rendered = inputs["rendered"];
  const texts = typeof rendered === "object" && rendered !== null ? (rendered as Plain) : {};
  if (Object.keys(texts).length > 0 && !("plan" in texts)) return texts;
  throw pxeError("PXE_UNKNOWN_REFERENCE", `host/${name} can't be declared: its profile or subnet is not part of this run`, {
    where: [{ document: `host/${name}`, property: "profile" }], fix: "Name its profile and subnet as targets too, or run without --target.",
  });
}

/**
 * Creation arms; the agent ignores that where it knows anything of the machine, or where the host is only to boot from its disk,
 * and remembers the `reinstall` text as used either way. Later only a text that is new arms. Nothing else ever does: not a
 * refresh, a repair, a rename or a move.
 */
function armingFor(host: string, inputs: Plain, outputs: Plain | undefined): Arming[] {
  const generation = inputs["reinstall"];
  if (outputs === undefined) return [{ host, reason: "create", ...(typeof generation === "string" ? { generation } : {}) }];
  if (typeof generation !== "string" || generation === outputs["reinstall"]) return [];
  return consumedOf(outputs).includes(generation) ? [] : [{ host, reason: "reinstall", generation }];
}

function consumedOf(outputs: Plain): string[] {
  const consumed = outputs["consumed"];
  return Array.isArray(consumed) ? consumed.filter((item) => typeof item === "string") : [];
}

/** What the state file remembers, for an agent that has lost its own memory: one that remembers the host knows better. */
function knownFacts(host: string, outputs: Plain): KnownFact[] {
  const { installedAt } = outputs;
  const state = installStates.find((known) => known === outputs["state"]);
  if (state === undefined) return [];
  return [{ host, state, ...(typeof installedAt === "number" ? { installedAt } : {}), consumed: consumedOf(outputs) }];
}

/** A string once used up stays so, whatever an agent has forgotten. */
function statusOutputs(status: HostStatus | undefined, outputs: Plain, ip: string | null): Plain {
  return {
    state: status?.state ?? null,
    installedAt: status?.installedAt ?? null,
    address: status?.address ?? ip,
    sshHostKeys: status?.sshHostKeys ?? [],
    consumed: [...new Set([...consumedOf(outputs), ...(status?.consumed ?? [])])],
  };
}
