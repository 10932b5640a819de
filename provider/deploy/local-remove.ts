import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clientOver } from "./control";
import { keptText } from "./layout";
import { localPaths, type LocalPaths } from "./local-paths";
import { endAgent, servingMark } from "./local-serving";
import { withdrawOwner } from "./ownership";
import type { RemoveRequest } from "./request";
import { socketTransport } from "./transport";

/**
 * Ends the process and removes its files, but its database. What is already gone is no error, so that a removal that was
 * interrupted is completed by another one.
 * @throws PXE_SERVER_SHARED
 */
export async function removeProcess(request: RemoveRequest): Promise<void> {
  const paths = localPaths();
  const program = [paths.bundles, paths.socket, paths.state, paths.log, `${paths.log}.1`];
  if (!existsSync(paths.root) || (existsSync(paths.kept) && !program.some((path) => existsSync(path)))) return;
  const client = clientOver(socketTransport(paths.socket));
  try {
    const withdrawal = await withdrawOwner(client, request, [], "this machine");
    if (withdrawal === "nothing" || withdrawal === "key") return;
    const { mark } = await servingMark(paths);
    if (mark !== undefined) await endAgent(mark);
    if (withdrawal === "unheard") leaveWord(paths, request.owner);
  } finally {
    client.close();
  }
  for (const path of [...program, paths.assets]) rmSync(path, { recursive: true, force: true });
  if (!holdsData(paths)) {
    rmSync(paths.root, { recursive: true, force: true });
    request.progress("ended the agent on this machine");
    return;
  }
  for (const name of readdirSync(paths.data)) if (name.endsWith(".part")) rmSync(join(paths.data, name), { recursive: true, force: true });
  writeFileSync(paths.kept, keptText(paths.data));
  request.progress(`ended the agent on this machine; its database is kept in ${paths.data} (see ${paths.kept})`);
}

function holdsData(paths: LocalPaths): boolean {
  return existsSync(paths.data) && readdirSync(paths.data).length > 0;
}

/** Has the next agent drop the owner's documents before it serves. */
function leaveWord(paths: LocalPaths, owner: string): void {
  if (!holdsData(paths)) return;
  const before = existsSync(paths.forget) ? readFileSync(paths.forget, "utf8").split("\n").filter((line) => line !== "") : [];
  writeFileSync(paths.forget, [...new Set([...before, owner]), ""].join("\n"), { mode: 0o600 });
}
