import { bundleFolder, layout, systemUser, takeOverOrder, unitName } from "./layout";
import type { NetworkSettings } from "./network";
import { networkSteps } from "./network-steps";
import type { Observation } from "./observe";
import type { AgentBundle } from "./payload";
import { keyFileScript } from "./key-file";
import { lockScript } from "./lock";
import { labelSteps } from "./selinux";
import { quote } from "./shell";
import { putText, standsWith, step, type Step } from "./step";
import { authorizedKeyLine, keyLineOwner, launcherText, unitText } from "./systemd";

export interface Wanted {
  readonly bundle: AgentBundle;
  /** The binary that the agent's Node link leads to. */
  readonly nodePath: string;
  readonly owner: string;
  /** Whose keys go: the owner before a stack or project was renamed. */
  readonly previousOwner?: string;
  /** Public keys, authorized_keys form, that this owner's control connections may use. */
  readonly publicKeys: readonly string[];
  /** Settings of the target's network: `none` where there are to be none; left as they are where it isn't said. */
  readonly network?: NetworkSettings | "none";
}

export type { Step } from "./step";

/** What differs between a target and what it should be, apart from which bundle runs. Empty: nothing is to be done. */
export function missingSteps(observation: Observation, wanted: Wanted): Step[] {
  return [
    ...account(observation),
    ...folders(observation),
    ...keys(observation, wanted),
    ...files(observation, wanted),
    ...nodeLink(observation, wanted),
    ...networkSteps(observation, wanted.network),
    ...labelSteps(observation, wanted.nodePath),
  ];
}

function account(observation: Observation): Step[] {
  if (observation.account !== "") return [];
  // "*" is no password, but no locked account either, which sshd would refuse without PAM.
  return [
    step(
      `the user ${systemUser}`,
      true,
      `getent group ${systemUser} >/dev/null || groupadd --system ${systemUser}`,
      `useradd --system --gid ${systemUser} --home-dir ${layout.home} --no-create-home --shell /bin/sh --password '*' ${systemUser}`,
    ),
  ];
}

function folders(observation: Observation): Step[] {
  const steps: Step[] = [];
  const stands = (path: string, mode: string, owner: string): boolean => {
    const state = observation.files.get(path);
    return state !== undefined && state.mode === mode && state.owner === owner;
  };
  // sshd reads the key file as its user, and trusts it only below folders that nobody else may write to (StrictModes).
  if (!stands(layout.home, "755", "root:root") || !stands(layout.keyFolder, "755", "root:root")) {
    const paths = `${layout.home} ${layout.keyFolder}`;
    steps.push(step(`the folder ${layout.home}`, false, `mkdir -p ${paths}`, `chown root:root ${paths}`, `chmod 755 ${paths}`));
  }
  const own = `${systemUser}:${systemUser}`;
  if (observation.account === "" || observation.kept || !stands(layout.data, "700", own)) {
    steps.push(
      step(`the folder ${layout.data}`, true, `mkdir -p ${layout.data}`, `chown -R ${own} ${layout.data}`, `chmod 700 ${layout.data}`, `rm -f ${layout.kept}`),
    );
  }
  return steps;
}

function keys(observation: Observation, wanted: Wanted): Step[] {
  const lines = wanted.publicKeys.map((key) => authorizedKeyLine(key, wanted.owner));
  const owners = [wanted.owner, ...(wanted.previousOwner === undefined ? [] : [wanted.previousOwner])];
  const there = observation.keyLines.filter((line) => owners.includes(keyLineOwner(line) ?? ""));
  const state = observation.files.get(layout.authorizedKeys);
  const same = there.length === lines.length && lines.every((line) => there.includes(line));
  if (same && state?.mode === "644" && state.owner === "root:root") return [];
  return [
    step(
      `the control key of ${wanted.owner}`,
      false,
      keyFileScript(owners, lines),
    ),
  ];
}

function files(observation: Observation, wanted: Wanted): Step[] {
  const steps: Step[] = [];
  if (!standsWith(observation, layout.launcher, launcherText, "755")) {
    steps.push(step(`the launcher ${layout.launcher}`, false, putText(layout.launcher, launcherText, "755")));
  }
  if (!standsWith(observation, layout.unit, unitText, "644")) {
    steps.push(step(`the unit ${layout.unit}`, true, putText(layout.unit, unitText, "644"), "systemctl daemon-reload"));
  }
  if (observation.current !== wanted.bundle.id) {
    const manifest = `${bundleFolder(wanted.bundle.id)}/manifest.json`;
    steps.push(step(`the bundle ${wanted.bundle.id}`, false, putText(manifest, wanted.bundle.manifest, "644")));
  }
  return steps;
}

function nodeLink(observation: Observation, wanted: Wanted): Step[] {
  if (observation.nodeLink?.path === wanted.nodePath) return [];
  return [step(`Node at ${wanted.nodePath}`, true, `mkdir -p $(dirname ${layout.nodeLink})`, putLink(layout.nodeLink, wanted.nodePath))];
}

/** A link that is replaced in one step: ln -sf would remove it first, and follow it where it leads to a folder. */
function putLink(path: string, destination: string): string {
  return `ln -sfn ${quote(destination)} ${path}.part && mv -fT ${path}.part ${path}`;
}

const bundleThere = (id: string): string =>
  `[ -r ${bundleFolder(id)}/pxe-agent.cjs ] || { echo "another deployment has removed the bundle ${id}" >&2; exit 1; }`;

/**
 * sh lines that make a bundle the one that starts at boot. The others stay enabled until it is: after a power cut in between both
 * start, and one of them finds the other serving.
 */
const chosen = (id: string): string[] => [
  `systemctl --quiet enable ${unitName(id)} 2>/dev/null`,
  putLink(layout.current, `bundles/${id}`),
  `for link in /etc/systemd/system/multi-user.target.wants/pulumi-pxe@*.service; do`,
  `  case "\${link##*/}" in ${unitName(id)}) ;; *) rm -f "$link";; esac`,
  "done",
];

/** sh lines that start a bundle beside the one that serves, with the order to take over from it. */
export function takeOverScript(id: string): string {
  return [
    "set -e",
    lockScript,
    bundleThere(id),
    `systemctl reset-failed ${unitName(id)} 2>/dev/null || true`,
    // The folder is the agent's: a link that it put there must not have root write elsewhere.
    `rm -rf ${takeOverOrder(id)}; (set -C; : >${takeOverOrder(id)})`,
    `systemctl start ${unitName(id)}`,
  ].join("\n");
}

/** sh lines for when it has taken over. The one before ends by itself when its transfers have. */
export function takenOverScript(id: string): string {
  return ["set -e", lockScript, ...chosen(id)].join("\n");
}

/** sh lines that stop a bundle that was to take over. */
export function giveUpScript(id: string): string {
  return [lockScript, `rm -f ${takeOverOrder(id)}`, `systemctl stop ${unitName(id)}`, `systemctl reset-failed ${unitName(id)} 2>/dev/null`].join("\n");
}

/** sh lines that have one bundle serve instead of the others: stops them, starts it, makes it the one that starts at boot. */
export function switchScript(id: string): string {
  return [
    "set -e",
    lockScript,
    bundleThere(id),
    `for unit in $(systemctl list-units --plain --no-legend 'pulumi-pxe@*.service' | awk '{print $1}'); do`,
    `  case "$unit" in ${unitName(id)}) ;; pulumi-pxe@*) systemctl stop "$unit";; esac`,
    "done",
    `systemctl reset-failed ${unitName(id)} 2>/dev/null || true`,
    ...chosen(id),
    `systemctl restart ${unitName(id)}`,
  ].join("\n");
}

/** sh lines that delete what no bundle in use needs. */
export function pruneScript(keep: readonly string[], nodePath: string): string {
  const kept = (names: readonly string[]): string => [...names.map(quote), "''"].join("|");
  return [
    lockScript,
    `serving=$(readlink ${layout.current}); serving=\${serving##*/}`,
    `for path in ${layout.bundles}/*; do case "\${path##*/}" in "$serving"|${kept(keep)}) ;; *) rm -rf "$path";; esac; done`,
    `for path in ${layout.nodes}/*; do case ${quote(nodePath)} in "$path"/*) ;; *) rm -rf "$path";; esac; done`,
    `rmdir ${layout.nodes} 2>/dev/null || true`,
  ].join("\n");
}
