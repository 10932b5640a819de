import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { keyFileScript } from "../../provider/deploy/key-file";
import { layout } from "../../provider/deploy/layout";
import { parseReport, type Observation } from "../../provider/deploy/observe";
import { removeScript } from "../../provider/deploy/remove";
import { giveUpScript, missingSteps, pruneScript, switchScript, takenOverScript, takeOverScript, type Wanted } from "../../provider/deploy/steps";
import { authorizedKeyLine, keyLineOwner, launcherText, unitText } from "../../provider/deploy/systemd";

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
const wanted: Wanted = {
  bundle: { path: "", size: 1, sha256: "a".repeat(64), version: "1.0.0", id: "aaaaaaaaaaaa", manifest: "{}" },
  nodePath: "/usr/bin/node",
  owner: "demo/dev",
  publicKeys: ["ssh-ed25519 AAAA"],
};

function installed(changes: Record<string, string | string[]> = {}): Observation {
  const lines: Record<string, string | string[]> = {
    account: "pulumi-pxe:*:999:999::/var/lib/pulumi-pxe:/bin/sh",
    stat: [
      `${layout.home} 755 root:root`, `${layout.keyFolder} 755 root:root`, `${layout.data} 700 pulumi-pxe:pulumi-pxe`,
      `${layout.authorizedKeys} 644 root:root`, `${layout.launcher} 755 root:root`, `${layout.unit} 644 root:root`,
    ],
    sum: [`${sha(launcherText)}  ${layout.launcher}`, `${sha(unitText)}  ${layout.unit}`],
    key: [authorizedKeyLine("ssh-ed25519 AAAA", "demo/dev"), authorizedKeyLine("ssh-ed25519 BBBB", "demo/dev2")],
    current: "bundles/aaaaaaaaaaaa",
    "node-link": "/usr/bin/node",
    "node-link-version": "24.0.0",
    ...changes,
  };
  const text = Object.entries(lines).flatMap(([key, value]) => [value].flat().map((item) => `${key}\t${item}`)).join("\n");
  return parseReport(`${text}\nend\t1\n`, undefined, "rack1");
}

const what = (changes: Record<string, string | string[]>): string[] => missingSteps(installed(changes), wanted).map((step) => step.what);

test("a target that is as it should be needs no step", () => {
  assert.deepEqual(what({}), []);
});

test("each difference is one step", () => {
  assert.deepEqual(what({ "node-link": "/opt/node" }), ["Node at /usr/bin/node"]);
  assert.deepEqual(what({ current: "bundles/bbbbbbbbbbbb" }), ["the bundle aaaaaaaaaaaa"]);
  assert.deepEqual(what({ key: [] }), ["the control key of demo/dev"]);
  assert.deepEqual(what({ sum: `${sha(launcherText)}  ${layout.launcher}` }), [`the unit ${layout.unit}`]);
  assert.deepEqual(what({ kept: "yes" }), [`the folder ${layout.data}`]);
  assert.equal(missingSteps(parseReport("end\t1\n", undefined, "rack1"), wanted).length, 8);
});

test("a key that was rotated out goes, another owner's stays", () => {
  const step = missingSteps(installed({ key: [authorizedKeyLine("ssh-ed25519 OLD", "demo/dev")] }), wanted)[0];
  assert.equal(step?.what, "the control key of demo/dev");
  assert.equal(keyLineOwner(authorizedKeyLine("ssh-ed25519 AAAA", "demo/dev")), "demo/dev");
  assert.equal(keyLineOwner("ssh-ed25519 AAAA somebody@else"), undefined);
});

test("a renamed stack's key takes the place of the one it had", () => {
  const key = [authorizedKeyLine("ssh-ed25519 AAAA", "demo/old"), authorizedKeyLine("ssh-ed25519 BBBB", "demo/dev2")];
  const [step] = missingSteps(installed({ key }), { ...wanted, previousOwner: "demo/old" });
  assert.equal(step?.what, "the control key of demo/dev");
  const both = [...key, authorizedKeyLine("ssh-ed25519 AAAA", "demo/dev")];
  assert.equal(missingSteps(installed({ key: both }), { ...wanted, previousOwner: "demo/old" }).length, 1);
});

test("a bundle is enabled before another one is disabled: a power cut leaves one that starts", () => {
  for (const script of [takenOverScript("aaaaaaaaaaaa"), switchScript("aaaaaaaaaaaa")]) {
    const places = ["enable pulumi-pxe@aaaaaaaaaaaa.service", `mv -fT ${layout.current}.part`, 'rm -f "$link"'].map((part) => script.indexOf(part));
    assert.ok(places.every((place) => place >= 0), String(places));
    assert.deepEqual(places, places.toSorted((a, b) => a - b));
  }
});

test("every script is one that sh reads, whatever an owner is called", () => {
  const odd: Wanted = { ...wanted, owner: "de'mo/$(touch${IFS}x);`id`" };
  const scripts = [
    ...missingSteps(parseReport("end\t1\n", undefined, "rack1"), odd).map((step) => step.script),
    switchScript("aaaaaaaaaaaa"), takeOverScript("aaaaaaaaaaaa"), takenOverScript("aaaaaaaaaaaa"), giveUpScript("aaaaaaaaaaaa"),
    pruneScript(["aaaaaaaaaaaa"], "/usr/bin/node"),
    keyFileScript([odd.owner], []),
    removeScript(odd.owner),
  ];
  for (const script of scripts) execFileSync("sh", ["-n", "-c", script]);
});
