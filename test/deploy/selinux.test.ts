import assert from "node:assert/strict";
import { test } from "node:test";
import { layout } from "../../provider/deploy/layout";
import { parseReport } from "../../provider/deploy/observe";
import { labelSteps } from "../../provider/deploy/selinux";

const node = `${layout.nodes}/24.21.0-x64/bin/node`;
const right: Readonly<Record<string, string>> = {
  [layout.programs]: "bin_t", [layout.launcher]: "bin_t", [layout.nodes]: "bin_t", [node]: "bin_t", [layout.keyFolder]: "ssh_home_t", [layout.authorizedKeys]: "ssh_home_t",
};

/** Whether labels are to be set. */
function isWanted(labels: Readonly<Record<string, string | undefined>>, { selinux = "enforcing", nodePath = node } = {}): boolean {
  const lines = Object.entries(labels).flatMap(([path, type]) => (type === undefined ? [] : [`label\t${path} ${type}`]));
  return labelSteps(parseReport([`selinux\t${selinux}`, ...lines, "end\t1", ""].join("\n"), undefined, "rack1"), nodePath).length > 0;
}

test("labels are set where SELinux is, enforcing or not, and one is missing or another", () => {
  assert.equal(isWanted(right), false);
  for (const path of Object.keys(right)) {
    assert.equal(isWanted({ ...right, [path]: "usr_t" }), true, path);
    assert.equal(isWanted({ ...right, [path]: undefined }), true, path);
  }
  assert.equal(isWanted({}, { selinux: "permissive" }), true);
  assert.equal(isWanted({}, { selinux: "" }), false);
});

test("the Node that is about to be used counts, not only those that were there", () => {
  assert.equal(isWanted(right, { nodePath: `${layout.nodes}/26.0.0-x64/bin/node` }), true);
  const { [layout.nodes]: _folder, [node]: _node, ...without } = right;
  assert.equal(isWanted(without, { nodePath: "/usr/bin/node" }), false, "the target's own has the label of its package");
});
