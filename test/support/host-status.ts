import type { HostStatus, InstallState } from "../../provider/model/control";

/** A host as an agent tells it. */
export function hostStatus(name: string, state: InstallState, more: Partial<HostStatus> = {}): HostStatus {
  const action = state === "armed" || state === "installing" ? "install" : "local";
  return {
    name, owner: "lab/dev", macs: [], state, since: 1000, reason: `is ${state}`, installedAt: null, address: null, sshHostKeys: [], consumed: [],
    nextBoot: { action, reason: `is ${state}` }, declared: true, ...more,
  };
}
