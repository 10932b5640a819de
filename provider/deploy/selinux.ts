import { layout } from "./layout";
import type { Observation } from "./observe";
import { step, type Step } from "./step";

/** systemd starts programs of this type, and only such ones leave its own domain. */
const programs = "bin_t";
/** sshd reads keys of this type; what lies in /var/lib has another. */
const keys = "ssh_home_t";

/**
 * SELinux labels that our files lack. They are set on the files alone: the target's policy stays as it is, so a removal leaves nothing, and
 * what a relabelling of the whole system takes away the next deployment sets again. Folders have theirs too, which new files in them take on: the
 * Node and the launcher of the next version among them.
 * @param nodePath the Node that is to run the agent
 */
export function labelSteps({ surroundings }: Observation, nodePath: string): Step[] {
  const { selinux, labels } = surroundings;
  if (selinux === undefined) return [];
  const needed = [layout.programs, layout.launcher, layout.keyFolder, layout.authorizedKeys, ...(nodePath.startsWith(`${layout.nodes}/`) ? [layout.nodes, nodePath] : [])];
  const isRight = ([path, type]: readonly [string, string]): boolean => type === (path.startsWith(layout.keyFolder) ? keys : programs);
  if (needed.every((path) => labels.has(path)) && [...labels].every(isRight)) return [];
  return [
    step(
      "the SELinux labels", true,
      `for folder in ${layout.programs} ${layout.nodes}; do [ ! -e "$folder" ] || chcon -R -t ${programs} "$folder"; done`,
      `chcon -R -t ${keys} ${layout.keyFolder}`,
    ),
  ];
}
