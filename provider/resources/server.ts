import { connectionOf } from "../deploy/connection";
import type { Deployed, RemoveRequest } from "../deploy/request";
import { serverSpec, type ServerSpec } from "../model/documents";
import { targetSchema, type Target } from "../model/target";
import type { Connections } from "./connections";
import { nameOf, PartialFailure, text, type Plain, type ResourceDefinition } from "./definition";
import { checkedSpec, identify, userInputs } from "./identity";
import type { DeployPort } from "./ports";
import { documentOf, observeDocument, placeDocument, residenceFor, residenceIn, withDrift, type Residence } from "./residence";
import type { DocumentTable } from "./table";
import { isUnknown, unknownValue } from "./unknown";
import { validateKnown, type Checked } from "./validate";

interface ServerInputs {
  readonly target: Target;
  readonly spec: ServerSpec;
}

/** PxeServer: the agent on its target, and what it serves on. */
export function serverResource(connections: Connections, table: DocumentTable, deploy: DeployPort): ResourceDefinition {
  return {
    label: (inputs) => `server/${nameOf(inputs)}`,
    check(inputs, olds) {
      const identity = identify("server", inputs);
      const target = validateKnown(targetSchema, inputs["target"], identity.label, "target");
      const spec = specOf(inputs, identity.label);
      if (spec.value !== undefined) table.register(identity.self, identity.self, documentOf("server", identity, spec.value));
      const known = [text(inputs, "controlKey"), text(olds, "controlKey")].find((key) => key !== "" && !isUnknown(key));
      const computed = {
        controlKey: known ?? deploy.generateControlKey(),
        connection: target.value === undefined ? unknownValue : connectionOf(target.value),
        agent: deploy.bundled(),
      };
      return { inputs: { ...inputs, ...computed }, findings: [...identity.findings, ...target.findings, ...spec.findings] };
    },
    replaces: (outputs, inputs) => (hostOf(outputs["connection"]) === hostOf(inputs["connection"]) ? [] : ["target"]),
    async ensure(inputs, outputs) {
      const { target, spec } = inputsOf(inputs);
      const at = residenceFor(inputs);
      const before = text(outputs ?? {}, "controlKey");
      const deployed = await deploy.ensureAgent({
        ...request(target, at, outputs), server: spec, ...(before === "" || before === at.controlKey ? {} : { previousControlKey: before }),
        allowDowngrade: inputs["allowDowngrade"] === true,
      });
      await connections.forget(at);
      const made = { ...agentOutputs(deployed), target: inputs["target"] };
      const place = { owner: at.owner, name: at.name, connection: at.connection, controlKey: at.controlKey };
      try {
        const left = await placeDocument(connections, documentOf("server", at, spec), inputs, outputs);
        return { ...left.outputs, ...made };
      } catch (error) {
        throw new PartialFailure({ ...outputs, ...place, ...made }, error);
      }
    },
    async observe(outputs) {
      const { installed, running, bundle, version } = await deploy.observeAgent(request(targetIn(outputs), residenceIn(outputs), outputs));
      if (!installed) return withDrift(outputs, "no agent is installed on the target");
      if (!running) return withDrift(outputs, "the agent doesn't run");
      const other = bundle === outputs["bundle"] ? undefined : `another agent runs on the target (version ${version ?? "unknown"})`;
      const { drift } = await observeDocument(connections, "server", outputs);
      return withDrift(outputs, other ?? drift);
    },
    async remove(outputs) {
      const at = residenceIn(outputs);
      await connections.forget(at);
      await deploy.removeAgent(request(targetIn(outputs), at, outputs));
    },
  };
}

function specOf(inputs: Plain, label: string): Checked<ServerSpec> {
  return validateKnown(serverSpec, userInputs(inputs, ["target", "agent", "allowDowngrade"]), label);
}

function inputsOf(inputs: Plain): ServerInputs {
  const label = `server/${nameOf(inputs)}`;
  return { target: checkedSpec(validateKnown(targetSchema, inputs["target"], label, "target")), spec: checkedSpec(specOf(inputs, label)) };
}

/** The target that an operation left, maybe one of an older version. */
function targetIn(outputs: Plain): Target {
  return checkedSpec(validateKnown(targetSchema, outputs["target"], `server/${text(outputs, "name")}`, "target"));
}

/** @param outputs hold the host key that was seen first, which binds from then on */
function request(target: Target, at: Residence, outputs: Plain | undefined): RemoveRequest {
  const { hostKey, connection } = outputs ?? {};
  const seen = typeof hostKey === "string" && hostOf(connection) === hostOf(at.connection) ? { expectedHostKey: hostKey } : {};
  return { target, owner: at.owner, controlKey: at.controlKey, ...seen, progress: (line) => { console.log(line); } };
}

function agentOutputs(deployed: Deployed): Record<string, unknown> {
  const { bundle, agentVersion, nodeVersion, nodeSource, hostKey, architecture, init } = deployed;
  return { bundle, agentVersion, nodeVersion, nodeSource, hostKey, architecture, init };
}

/** The target's address, the only thing that makes it another target. */
function hostOf(connection: unknown): string {
  if (typeof connection !== "object" || connection === null) return "";
  const { kind, host } = connection as { kind?: unknown; host?: unknown };
  return kind === "ssh" ? String(host) : String(kind);
}
