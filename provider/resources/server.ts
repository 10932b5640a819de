import * as z from "zod";
import { connectionOf, type Connection } from "../deploy/connection";
import { rememberJumpSecrets } from "../deploy/jump-secrets";
import { processLimits } from "../deploy/local-limits";
import { changedTarget, type Deployed, type Init, type RemoveRequest } from "../deploy/request";
import { serverSpec, type ServerSpec } from "../model/documents";
import { targetSchema, type Target } from "../model/target";
import type { Connections } from "./connections";
import { controlKeyInputs, hasOldKey, keyOutputs, previousKey } from "./control-keys";
import { nameOf, PartialFailure, text, type Plain, type ResourceDefinition } from "./definition";
import { checkedSpec, identify, userInputs } from "./identity";
import { leftoverWarning } from "./leftovers";
import { placeOf } from "./place";
import type { DeployPort } from "./ports";
import { seenServer } from "./server-observation";
import { connectionSchema, deleting, documentOf, observeDocument, placeDocument, residenceAfter, residenceIn, residenceNow, type Residence } from "./residence";
import type { DocumentTable } from "./table";
import { hasUnknown, isUnknown, unknownProperties, unknownValue } from "./unknown";
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
      if (target.value !== undefined) rememberJumpSecrets(target.value);
      const spec = specOf(inputs, identity.label);
      if (spec.value !== undefined) table.register(identity.self, identity.self, { document: documentOf("server", identity, spec.value), later: unknownProperties(userInputs(inputs, serverOptions)) });
      else table.postpone(identity.self, identity.label);
      const keys = controlKeyInputs(inputs, olds, () => deploy.generateControlKey());
      const computed = {
        ...keys,
        connection: target.value === undefined ? unknownValue : connectionOf(target.value),
        agent: deploy.bundled(),
      };
      const { connection } = computed;
      if (typeof connection === "object" && !isUnknown(keys["controlKey"])) connections.succeed(connection, text(keys, "controlKey"));
      const { controlKeyRotation, firewall } = inputs;
      const settings = validateKnown(deploymentSettings, { controlKeyRotation, firewall }, identity.label);
      const limits = target.value === "local" && deploy.localInit() === "process" ? processLimits({ gateway: spec.value?.gateway, firewall }, identity.label) : [];
      const rules = spec.value === undefined ? [] : table.findings(identity.self, identity.self);
      const findings = [...identity.findings, ...table.meet(identity.self, identity, olds), ...target.findings, ...spec.findings, ...settings.findings, ...limits, ...rules];
      return { inputs: { ...inputs, ...computed }, findings };
    },
    unsettled: hasOldKey,
    replaces(outputs, inputs) {
      trustRecorded(connections, outputs);
      const [before, after] = [outputs["connection"], inputs["connection"]].map((raw) => connectionSchema.safeParse(raw).data as Connection | undefined);
      if (hasUnknown(inputs["connection"]) || after === undefined) return [];
      return before !== undefined && placeOf(before) === placeOf(after) ? [] : ["target"];
    },
    async ensure(inputs, outputs) {
      const { target, spec } = inputsOf(inputs);
      const at = residenceAfter(inputs, outputs);
      const before = text(outputs ?? {}, "controlKey");
      // Until the document is placed, what a delete must find is still the old owner's, under the old name.
      const held = outputs === undefined ? at : residenceIn(outputs);
      const controlKey = before === "" ? at.controlKey : before;
      const place = { ...argumentsIn(inputs), owner: held.owner, name: held.name, connection: at.connection, controlKey };
      const deployed = await deploy
        .ensureAgent({
          ...request(target, at), server: spec, document: { name: at.name }, ...(held.owner === at.owner ? {} : { previousOwner: held.owner }),
          ...(before === "" || before === at.controlKey ? {} : { previousControlKey: before }),
          allowDowngrade: inputs["allowDowngrade"] === true,
          ...firewallIn(inputs), firewallBefore: firewallIn(outputs ?? {}).firewall,
        })
        .catch((error: unknown) => {
          throw outputs === undefined && changedTarget(error) ? new PartialFailure(place, error) : error;
        });
      if (deployed.hostKey !== null) connections.trust(at.connection, deployed.hostKey);
      await connections.forget(at);
      const made = { ...argumentsIn(inputs), ...agentOutputs(deployed), agent: inputs["agent"] };
      try {
        const left = await placeDocument(connections, documentOf("server", at, spec), inputs, outputs);
        return { ...left.outputs, ...made, ...keyOutputs(before, at.controlKey) };
      } catch (error) {
        throw new PartialFailure({ ...outputs, ...place, ...made }, error);
      }
    },
    async observe(outputs) {
      trustRecorded(connections, outputs);
      const at = residenceIn(outputs);
      const found = await deploy.observeAgent({ ...request(targetIn(outputs), at), ...previousKey(outputs), ...initIn(outputs), ...specIn(outputs), ...firewallIn(outputs) });
      const document = await observeDocument(connections, "server", outputs, found);
      return seenServer(outputs, found, document, { options: serverOptions, properties: Object.keys(serverSpec.shape) });
    },
    async remove(outputs) {
      const at = residenceIn(outputs);
      await connections.forget(residenceNow(outputs));
      const { rev } = outputs;
      // Without a revision its document was never placed: any other name is of a server that took over.
      const document = { name: at.name, rev: typeof rev === "number" ? rev : Number.MAX_SAFE_INTEGER };
      await deleting(`server/${at.name}`, () => deploy.removeAgent({ ...request(targetIn(outputs), at), ...initIn(outputs), document }));
      const warning = await leftoverWarning(connections, table, outputs);
      if (warning !== undefined) console.warn(warning);
    },
  };
}

/** Arguments that are no part of the document. */
const serverOptions = ["target", "allowDowngrade", "controlKeyRotation", "firewall"] as const;

const deploymentSettings = z.object({ controlKeyRotation: z.string().optional(), firewall: z.enum(["check", "manage"]).optional() });

function specOf(inputs: Plain, label: string): Checked<ServerSpec> {
  return validateKnown(serverSpec, userInputs(inputs, [...serverOptions, "agent", "keyRotation"]), label);
}

/** The document that an operation left, by which the target's network settings are judged; nothing where an older one left none. */
function specIn(outputs: Plain): { readonly server?: ServerSpec } {
  const names = Object.keys(serverSpec.shape).filter((name) => outputs[name] !== undefined);
  const spec = serverSpec.safeParse(Object.fromEntries(names.map((name) => [name, outputs[name]])));
  return spec.success ? { server: spec.data } : {};
}

function firewallIn(inputs: Plain): { readonly firewall: "check" | "manage" } {
  return { firewall: inputs["firewall"] === "manage" ? "manage" : "check" };
}

/** What the program gave, for the outputs. */
function argumentsIn(inputs: Plain): Plain {
  return userInputs(inputs, ["agent", "keyRotation"]);
}

function inputsOf(inputs: Plain): ServerInputs {
  const label = `server/${nameOf(inputs)}`;
  return { target: checkedSpec(validateKnown(targetSchema, inputs["target"], label, "target")), spec: checkedSpec(specOf(inputs, label)) };
}

/** The target that an operation left, maybe one of an older version. */
function targetIn(outputs: Plain): Target {
  return checkedSpec(validateKnown(targetSchema, outputs["target"], `server/${text(outputs, "name")}`, "target"));
}

/** The host key that was seen first binds from then on. */
function request(target: Target, at: Residence): Omit<RemoveRequest, "document"> {
  const seen = at.recordedHostKey === undefined ? {} : { expectedHostKey: at.recordedHostKey };
  return { target, owner: at.owner, controlKey: at.controlKey, ...seen, progress: (line) => { console.log(line); } };
}

/** What runs the agent, as the deployment found it. */
function initIn(outputs: Plain): { readonly init?: Init } {
  const { init } = outputs;
  return init === "systemd" || init === "process" ? { init } : {};
}

function agentOutputs(deployed: Deployed): Record<string, unknown> {
  const { bundle, agentVersion, nodeVersion, nodeSource, hostKey, architecture, init } = deployed;
  return { bundle, agentVersion, nodeVersion, nodeSource, hostKey, architecture, init };
}

/** The SSH host key that was recorded binds the children's connections too, in a run that leaves the server as it is. */
function trustRecorded(connections: Connections, outputs: Plain): void {
  const connection = connectionSchema.safeParse(outputs["connection"]).data as Connection | undefined;
  const hostKey = text(outputs, "hostKey");
  if (connection !== undefined && hostKey !== "") connections.trust(connection, hostKey);
}
