import { layout } from "./layout";
import type { Observation } from "./observe";
import { step, type Step } from "./step";

/** systemd starts programs of this type, and only such ones leave its own domain. */
const programs = "bin_t";
/** sshd reads keys of this type; what lies in /var/lib has another. */
const keys = "ssh_home_t";

/**
 * SELinux labels that our files lack. They are set on the files alone: the target's policy stays as it is, so a removal leaves nothing, and
 * what a relabelling of the whole system takes away the next deployment sets again.
 */
export function labelSteps({ surroundings }: Observation): Step[] {
  const { selinux, labels } = surroundings;
  if (selinux === undefined) return [];
  const wanted = [...labels].map(([path, type]) => ({ type, wanted: path.startsWith(layout.keyFolder) ? keys : programs }));
  const isThere = [layout.launcher, layout.keyFolder, layout.authorizedKeys].every((path) => labels.has(path));
  if (isThere && wanted.every((item) => item.type === item.wanted)) return [];
  return [
    step(
      "the SELinux labels", true,
      `chcon -t ${programs} ${layout.launcher}`,
      `for program in ${layout.nodes}/*/bin/node; do [ ! -e "$program" ] || chcon -t ${programs} "$program"; done`,
      `chcon -R -t ${keys} ${layout.keyFolder}`,
    ),
  ];
}
