import { layout } from "./layout";
import { quote } from "./shell";

/** sh lines that give the agent's user these authorized_keys lines, instead of those of some owners. All others stay. */
export function keyFileScript(owners: readonly string[], lines: readonly string[]): string {
  const theirs = owners.map((owner) => `*${quote(` pulumi-pxe:${owner}`)}`).join("|");
  const part = `${layout.authorizedKeys}.part`;
  return [
    `touch ${layout.authorizedKeys}`,
    `{ while IFS= read -r line || [ -n "$line" ]; do`,
    `case "$line" in ${theirs}) ;; *) printf '%s\\n' "$line";; esac`,
    `done <${layout.authorizedKeys}; ${lines.length === 0 ? ":" : `printf '%s\\n' ${lines.map(quote).join(" ")}`}; } >${part}`,
    `chown root:root ${part}; chmod 644 ${part}`,
    `mv -f ${part} ${layout.authorizedKeys}`,
    // Where SELinux rules, sshd may read keys only in files of this type.
    `if command -v selinuxenabled >/dev/null && selinuxenabled; then chcon -R -t ssh_home_t ${layout.keyFolder}; fi`,
  ].join("\n");
}
