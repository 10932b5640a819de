import { PxeError, errorText, pxeError } from "../errors";
import type { Stored } from "../model/documents";
import { connectionOf } from "./connection";
import { clientOver, closeControl, isUnreachable, type ControlClient } from "./control";
import { keptText, layout, systemUser } from "./layout";
import { observe } from "./observe";
import type { RemoveRequest } from "./request";
import { mustRun, quote, type Shell } from "./shell";
import { keyLineOwner } from "./systemd";
import { shellTransport } from "./transport";

/**
 * Removes everything from a systemd target but the database, which it hands to root and explains in KEPT.txt. What is already
 * gone is no error.
 * @throws PXE_SERVER_SHARED, PXE_SUDO_REFUSED, PXE_COMMAND_FAILED
 */
export async function removeService(shell: Shell, request: RemoveRequest): Promise<void> {
  const observation = await observe(shell, { udp: [], tcp: [] });
  if (observation.sudoRefusal !== undefined || observation.uid !== 0) {
    throw pxeError("PXE_SUDO_REFUSED", observation.sudoRefusal ?? `${observation.user} on ${shell.label} is not root, and target.sudo is not set`);
  }
  const there = observation.account !== "" || observation.current !== undefined || observation.units.size > 0 || observation.files.has(layout.unit);
  if (!there) return;
  const client = clientOver(shellTransport(shell));
  try {
    const owners = observation.keyLines.map(keyLineOwner).filter((owner) => owner !== undefined);
    await withdrawOwner(client, request, owners, shell.label);
  } finally {
    client.close();
  }
  await closeControl(connectionOf(request.target), request.controlKey);
  const said = await mustRun(shell, "removing the agent", removeScript());
  const kept = said.includes(keptWord) ? `; its database is kept in ${layout.data} (see ${layout.kept})` : "";
  request.progress(`removed the agent from ${shell.label}${kept}`);
}

/**
 * Deletes this owner's documents, if nobody else has any. Where the agent doesn't answer, the owners of control keys stand for
 * the owners of documents.
 * @throws PXE_SERVER_SHARED
 */
export async function withdrawOwner(client: ControlClient, request: RemoveRequest, keyOwners: readonly string[], label: string): Promise<void> {
  let documents: readonly Stored[];
  try {
    documents = await client.documents();
  } catch (error) {
    if (!isUnreachable(error)) throw error;
    const others = [...new Set(keyOwners.filter((owner) => owner !== request.owner))];
    if (others.length > 0) throw shared(label, others.join(", "), "; the agent does not answer, so that their control keys had to tell");
    return;
  }
  const others = documents.filter((document) => document.owner !== request.owner);
  if (others.length > 0) throw shared(label, describe(others), "");
  const own = documents.map(({ kind, name }) => ({ kind, name }));
  if (own.length === 0) return;
  try {
    await client.apply({ owner: request.owner, delete: own });
  } catch (error) {
    request.progress(`the documents of ${request.owner} stay in the database: ${errorText(error)}`);
  }
}

function shared(label: string, owners: string, hint: string): PxeError {
  return pxeError("PXE_SERVER_SHARED", `the agent on ${label} also serves ${owners}${hint}`);
}

function describe(documents: readonly Stored[]): string {
  const byOwner = new Map<string, string[]>();
  for (const { owner, kind, name } of documents) byOwner.set(owner, [...(byOwner.get(owner) ?? []), `${kind}/${name}`]);
  const some = (names: readonly string[]): string => `${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${String(names.length - 5)} more` : ""}`;
  return [...byOwner].map(([owner, names]) => `${owner} (${some(names)})`).join("; ");
}

/** What the script says when there was a database to keep. */
const keptWord = "kept-database";

function removeScript(): string {
  return `
set -u
systemctl stop 'pulumi-pxe@*.service'
rm -f /etc/systemd/system/multi-user.target.wants/pulumi-pxe@*.service ${layout.unit}
systemctl daemon-reload
systemctl reset-failed 'pulumi-pxe@*.service' 2>/dev/null
if getent passwd ${systemUser} >/dev/null; then
  rm -rf ${layout.keyFolder}
  command -v loginctl >/dev/null && loginctl terminate-user ${systemUser} 2>/dev/null
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
rm -rf ${layout.root} ${layout.runtime} ${layout.keyFolder}
if [ -n "$(ls -A ${layout.data} 2>/dev/null)" ]; then
  chown -R root:root ${layout.data} && chmod 700 ${layout.data} || exit 1
  printf '%s' ${quote(keptText(layout.data))} >${layout.kept} && echo ${keptWord}
else
  rm -rf ${layout.home}
fi
`;
}
