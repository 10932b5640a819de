import { createServer } from "node:net";
import { accessSync, constants, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as z from "zod";
import { errorText, pxeError } from "../../errors";
import { documentSchema, serverSpec } from "../../model/documents";
import { validate } from "../../model/validate";
import { interfaceAddresses, Keeper } from "../sockets";
import { storeFailure } from "../store/failure";

const stored = z.looseObject({ kind: z.string(), name: z.string(), rev: z.unknown(), spec: z.unknown() });

/** Bytes that must be free: what the database gives back as it is closed may be gone when either agent opens it again. */
const room = 256 * 1024;

/**
 * What an agent must be able to do before the one that serves is asked to stop: read and write the folder, understand every
 * stored document, open the sockets that it will need in place of any that it isn't handed.
 * @throws PXE_STORE_FAILED, PXE_DISK_FULL, PXE_HANDOVER_FAILED naming what it can't
 */
export async function checkReady(data: string): Promise<void> {
  checkRoom(data);
  const documents = readDocuments(join(data, "agent.db"));
  for (const { rev: _rev, ...document } of documents) {
    const result = validate(documentSchema, document, `${document.kind}/${document.name}`);
    if (result.ok) continue;
    const first = result.findings[0];
    throw pxeError("PXE_HANDOVER_FAILED", `a stored document is refused: ${document.kind}/${document.name}: ${first?.what ?? "it does not parse"}`);
  }
  const server = documents.find((document) => document.kind === "server");
  const interfaces = server === undefined ? [] : serverSpec.parse(server.spec).interfaces;
  for (const name of interfaces) await tryInterface(name);
}

function checkRoom(data: string): void {
  const path = join(data, `room-${String(process.pid)}.part`);
  try {
    writeFileSync(path, Buffer.alloc(room, 1), { flush: true });
  } catch (error) {
    const full = ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");
    throw pxeError(full ? "PXE_DISK_FULL" : "PXE_HANDOVER_FAILED", `${data} can't be written to: ${errorText(error)}`, { cause: error });
  } finally {
    rmSync(path, { force: true });
  }
}

function readDocuments(path: string): z.output<typeof stored>[] {
  if (!existsSync(path)) return [];
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      return db.prepare("SELECT json FROM documents").all().map((row) => stored.parse(JSON.parse(String(row["json"]))));
    } finally {
      db.close();
    }
  } catch (error) {
    throw storeFailure(error, path) ?? pxeError("PXE_HANDOVER_FAILED", `the database ${path} can't be read: ${errorText(error)}`, { cause: error });
  }
}

/** Opens a socket of each kind at a free port. An interface that is down now is no reason: the agent before can't serve it either. */
async function tryInterface(name: string): Promise<void> {
  let address: string | undefined;
  try {
    address = interfaceAddresses(name)[0]?.address;
  } catch {
    return;
  }
  if (address === undefined) return;
  const sockets = new Keeper().of(name);
  try {
    for (const broadcast of [true, false]) (await sockets.udp({ interface: name, address, port: 0, broadcast })).close();
    const server = createServer();
    await sockets.listen(server, address, 0);
    server.close();
  } catch (error) {
    throw pxeError("PXE_HANDOVER_FAILED", `no socket can be opened on ${name}: ${errorText(error)}`, { cause: error });
  }
}
