import { finding, type Finding } from "../errors";
import { infiniteLease } from "../model/dhcp-settings";
import { subnetSpec, type SubnetSpec } from "../model/documents";
import { parseDuration } from "../model/duration";
import type { Connections } from "./connections";
import { nameOf, text, type Plain, type ResourceDefinition } from "./definition";
import { checkedSpec, identify, userInputs } from "./identity";
import { changesNamed, givenIn, overlaid, seenDocument } from "./observation";
import { documentOf, observeDocument, placeDocument, removeDocument, residenceFor } from "./residence";
import type { DocumentTable } from "./table";
import { isUnknown, unknownProperties } from "./unknown";
import { validateKnown, type Checked } from "./validate";

/** DhcpSubnet: one IPv4 network that the agent serves. */
export function subnetResource(connections: Connections, table: DocumentTable): ResourceDefinition {
  return {
    label: (inputs) => `subnet/${nameOf(inputs)}`,
    check(inputs, olds) {
      const identity = identify("subnet", inputs);
      const spec = specOf(inputs, identity.label);
      const server = text(inputs, "server");
      if (spec.value === undefined) table.postpone(server, identity.label);
      const document = spec.value === undefined ? undefined : documentOf("subnet", identity, spec.value);
      if (document !== undefined) table.register(server, identity.self, { document, later: unknownProperties(userInputs(inputs, [])) });
      const rules = document === undefined ? [] : table.findings(server, identity.self);
      return { inputs, findings: [...identity.findings, ...spec.findings, ...table.meet(server, identity, olds), ...rules] };
    },
    replaces: () => [],
    async ensure(inputs, outputs) {
      const spec = checkedSpec(specOf(inputs, `subnet/${nameOf(inputs)}`));
      const left = await placeDocument(connections, documentOf("subnet", residenceFor(inputs), spec), inputs, outputs);
      return { ...left.outputs, ...userInputs(inputs, []) };
    },
    async observe(outputs) {
      const seen = await observeDocument(connections, "subnet", outputs);
      const given = givenIn(outputs, Object.keys(subnetSpec.shape));
      const found = seen.stored?.spec;
      const observed = found === undefined ? {} : given && overlaid(given, checkedSpec(specOf(given, "")), found);
      return seenDocument("subnet", outputs, changesNamed(seen, given, observed), { inputs: () => observed });
    },
    remove: (outputs) => removeDocument(connections, "subnet", outputs),
  };
}

/** Properties that are given as seconds or durations; for all but the least one also `"infinite"`. */
const leaseTimes = ["leaseTime", "minLeaseTime", "maxLeaseTime"] as const;

function specOf(inputs: Plain, label: string): Checked<SubnetSpec> {
  const given = userInputs(inputs, []);
  const malformed: Finding[] = [];
  const times = leaseTimes.map((property) => {
    const { [property]: value } = given;
    if (value === undefined || isUnknown(value)) return [property, value] as const;
    const seconds = value === "infinite" && property !== "minLeaseTime" ? infiniteLease : parseDuration(value);
    if (seconds === undefined) {
      const forms = `neither seconds nor a duration like "1h" or "90m"${property === "minLeaseTime" ? "" : ', nor "infinite"'}`;
      malformed.push(finding("PXE_INPUT_INVALID", `${property} is ${forms}`, { where: [{ document: label, property }] }));
    }
    return [property, seconds] as const;
  });
  const spec = validateKnown(subnetSpec, { ...given, ...Object.fromEntries(times) }, label);
  return { value: malformed.length > 0 ? undefined : spec.value, findings: [...malformed, ...spec.findings] };
}
