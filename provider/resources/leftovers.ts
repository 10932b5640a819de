import { PxeError } from "../errors";
import { documentLabel } from "../model/documents";
import type { Connections } from "./connections";
import type { Plain } from "./definition";
import { residenceNow } from "./residence";
import type { DocumentTable } from "./table";

/**
 * Where a server has moved in its program, the engine deletes the one of its old name, and takes for deleted with it those of its
 * children that end with the move. Their documents are still there. Which they are isn't certain (`--target` leaves out others), so
 * none is deleted here.
 * @param outputs of the old one, which is removed already
 * @returns a warning; undefined where there is nothing to tell
 */
export async function leftoverWarning(connections: Connections, table: DocumentTable, outputs: Plain): Promise<string | undefined> {
  const at = residenceNow(outputs);
  const successor = connections.successor(at);
  if (successor === undefined) return undefined;
  try {
    const documents = await connections.using(successor, (client) => client.documents());
    const left = documents.filter((doc) => doc.owner === at.owner && doc.kind !== "server").map(documentLabel).filter((label) => !table.isDeclared(label));
    if (left.length === 0) return undefined;
    return (
      `server/${at.name} moved; its agent still holds and serves what this run doesn't declare: ${left.sort().join(", ")}. ` +
      "What is no longer in the program (--target leaves out more) goes when it is declared once more, and taken out by a later `pulumi up`."
    );
  } catch (error) {
    // Nothing hangs on it, and the server itself is removed.
    if (error instanceof PxeError) return undefined;
    throw error;
  }
}
