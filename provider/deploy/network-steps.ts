import { layout, networkUnit } from "./layout";
import { removeNetworkScript, type NetworkSettings } from "./network";
import type { Observation } from "./observe";
import { putText, standsWith, step, type Step } from "./step";

/** What a target's network settings lack. Those of an earlier deployment are taken back before others are made. */
export function networkSteps(observation: Observation, wanted: NetworkSettings | "none" | undefined): Step[] {
  if (wanted === undefined || isSettled(observation, wanted)) return [];
  const { networkScript, sysctl } = layout;
  if (wanted === "none") return [step(`no ${networkUnit}`, false, removeNetworkScript)];
  return [
    step(
      `the network settings ${networkUnit}`, false,
      `if [ -f ${networkScript} ]; then sh ${networkScript} undo; fi`,
      wanted.sysctl === undefined ? `rm -f ${sysctl}` : putText(sysctl, wanted.sysctl, "644"),
      putText(networkScript, wanted.script, "755"),
      putText(layout.networkUnit, wanted.unit, "644"),
      "systemctl daemon-reload",
      `systemctl --quiet reenable ${networkUnit} 2>/dev/null`,
      `systemctl restart ${networkUnit} || { journalctl --unit ${networkUnit} --lines 10 --no-pager --output cat >&2; exit 1; }`,
    ),
  ];
}

function isSettled(observation: Observation, wanted: NetworkSettings | "none"): boolean {
  const { files, surroundings } = observation;
  if (wanted === "none") return ![layout.networkScript, layout.networkUnit, layout.sysctl].some((path) => files.has(path));
  const sysctl = wanted.sysctl === undefined ? !files.has(layout.sysctl) : surroundings.forwarding && standsWith(observation, layout.sysctl, wanted.sysctl, "644");
  return (
    sysctl && standsWith(observation, layout.networkScript, wanted.script, "755") && standsWith(observation, layout.networkUnit, wanted.unit, "644") &&
    surroundings.networkUnit === "active" && !wanted.isShut && (!wanted.nat || surroundings.natTable)
  );
}
