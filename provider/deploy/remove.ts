import { pxeError } from "../errors";
import { connectionOf } from "./connection";
import { clientOver, closeControl } from "./control";
import { keyFileScript } from "./key-file";
import { publicKeyOf } from "./keys";
import { keptText, layout, systemUser } from "./layout";
import { lockScript } from "./lock";
import { removeNetworkScript } from "./network";
import { observe, type Observation } from "./observe";
import { withdrawOwner, type Withdrawal } from "./ownership";
import type { RemoveRequest } from "./request";
import { mustRun, quote, type Shell } from "./shell";
import { keyLineOwner } from "./systemd";
import { shellTransport } from "./transport";

/**
 * Removes everything from a systemd target but the database, which it hands to root and explains in KEPT.txt. What is already
 * gone is no error, so that a removal that was interrupted is completed by another one.
 * @throws PXE_SERVER_SHARED, PXE_SUDO_REFUSED, PXE_COMMAND_FAILED
 */
export async function removeService(shell: Shell, request: RemoveRequest): Promise<void> {
  const observation = await observe(shell, { udp: [], tcp: [] });
  if (observation.sudoRefusal !== undefined || observation.uid !== 0) {
    throw pxeError("PXE_SUDO_REFUSED", observation.sudoRefusal ?? `${observation.user} on ${shell.label} is not root, and target.sudo is not set`);
  }
  if (!hasAnything(observation)) return;
  const withdrawal = await withdraw(shell, observation, request);
  if (withdrawal === "nothing") return;
  await closeControl(connectionOf(request.target), request.controlKey);
  if (withdrawal === "key") {
    await mustRun(shell, "removing the control key", ["set -e; umask 022", lockScript, keyFileScript([request.owner], [])].join("\n"));
    return;
  }
  const said = await mustRun(shell, "removing the agent", removeScript(withdrawal === "unheard" ? request.owner : undefined));
  const kept = said.includes(keptWord) ? `; its database is kept in ${layout.data} (see ${layout.kept})` : "";
  request.progress(`removed the agent from ${shell.label}${kept}`);
}

/** Whether a deployment, or a removal that was interrupted, has left anything but what is kept on purpose. */
export function hasAnything(observation: Observation): boolean {
  const { account, group, current, units, enabled, files, kept } = observation;
  const paths = [layout.root, layout.unit, layout.keyFolder, layout.authorizedKeys, layout.networkUnit, layout.sysctl];
  return (
    account !== "" || group !== "" || current !== undefined || units.size > 0 || enabled.length > 0 ||
    paths.some((path) => files.has(path)) || (files.has(layout.home) && !kept)
  );
}

async function withdraw(shell: Shell, observation: Observation, request: RemoveRequest): Promise<Withdrawal> {
  const owned = observation.keyLines.flatMap((line) => {
    const owner = keyLineOwner(line);
    return owner === undefined ? [] : [{ owner, line }];
  });
  const client = clientOver(shellTransport(shell));
  try {
    const withdrawal = await withdrawOwner(client, request, owned.map(({ owner }) => owner), shell.label);
    const own = owned.filter(({ owner }) => owner === request.owner);
    if (withdrawal !== "unheard" || request.document === undefined || own.length === 0) return withdrawal;
    const publicKey = publicKeyOf(request.controlKey);
    if (own.some(({ line }) => line.includes(publicKey))) return withdrawal;
    request.progress(`the agent on ${shell.label} stays: it has another control key of ${request.owner}, so that another resource has taken it over`);
    return "nothing";
  } finally {
    client.close();
  }
}

/** What the script says when there was a database to keep. */
const keptWord = "kept-database";

/** @param unheard the owner whose documents the next agent has to drop */
export function removeScript(unheard: string | undefined): string {
  return `
set -u
${lockScript}
systemctl stop 'pulumi-pxe@*.service'
${unheard === undefined ? "" : forgetScript(unheard)}
rm -f /etc/systemd/system/multi-user.target.wants/pulumi-pxe@*.service ${layout.unit} ${layout.unit}.part
systemctl daemon-reload
systemctl reset-failed 'pulumi-pxe@*.service' 2>/dev/null
${removeNetworkScript}
if getent passwd ${systemUser} >/dev/null; then
  rm -rf ${layout.keyFolder}
  # Where PAM gives every user a manager, that is to end by itself: killed, it would stay as a failed unit.
  command -v loginctl >/dev/null && { loginctl terminate-user ${systemUser}; timeout 10 systemctl stop "user@$(id -u ${systemUser}).service"; } 2>/dev/null
  # userdel refuses while a control connection still runs something.
  for try in 1 2 3 4 5 6 7 8 9 10; do
    busy=
    for process in /proc/[0-9]*; do
      [ "$(stat -c %U "$process" 2>/dev/null)" = ${systemUser} ] && kill -9 "\${process##*/}" 2>/dev/null && busy=yes
    done
    [ -z "$busy" ] && break
    sleep 0.2
  done
  userdel ${systemUser} || exit 1
fi
getent group ${systemUser} >/dev/null && groupdel ${systemUser}
# Where a file system of its own is mounted, its folder stays.
wipe() { for path; do rm -rf "$path" 2>/dev/null || { [ -d "$path" ] && [ -z "$(ls -A "$path")" ]; } || { rm -rf "$path"; exit 1; }; done; }
wipe ${layout.root} ${layout.runtime} ${layout.keyFolder} ${layout.assets} ${layout.data}/*.part ${layout.kept}.part
if [ -n "$(ls -A ${layout.data} 2>/dev/null)" ]; then
  chown -R root:root ${layout.data} && chmod 700 ${layout.data} || exit 1
  printf '%s' ${quote(keptText(layout.data))} >${layout.kept}.part && mv -f ${layout.kept}.part ${layout.kept} && echo ${keptWord}
else
  wipe ${layout.home}
fi
`;
}

/** sh lines that leave word in the database's folder, readable for the agent whoever it belongs to by then. */
export function forgetScript(owner: string, data: string = layout.data): string {
  const file = `${data}/forget`;
  return `if [ -n "$(ls -A ${data} 2>/dev/null)" ]; then
  [ -L ${file} ] && rm -f ${file}
  grep -qxF ${quote(owner)} ${file} 2>/dev/null || (umask 077; printf '%s\\n' ${quote(owner)} >>${file}) || exit 1
  chmod 600 ${file} && chown "$(stat -c %u:%g ${data})" ${file} || exit 1
fi`;
}
