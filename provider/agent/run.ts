import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { pino, type Logger } from "pino";
import { LeaseTable } from "../engine/lease-table";
import { throwFindings } from "../errors";
import { applyRequest, type AgentStatus } from "../model/control";
import { ownerName, type DocumentsFile } from "../model/documents";
import { AssetStore } from "./assets";
import type { AgentContext } from "./context";
import { checkHere, type LocalView } from "./checks";
import { startControl } from "./control";
import { EventLog } from "./events";
import { logDestination } from "./log";
import { Progress } from "./progress";
import { Serving } from "./serving";
import { AgentState } from "./state";
import { lockFolder } from "./store/lock";
import { SqliteStore } from "./store/sqlite";
import { agentVersion } from "./version";

/** How an agent is started. */
export interface AgentOptions {
  /** Folder of the database and the assets. */
  readonly data: string;
  readonly socket: string;
  /** Documents to apply before serving. */
  readonly file?: DocumentsFile | undefined;
  readonly log?: Logger;
  readonly clock?: () => number;
}

/** A running agent. */
export interface RunningAgent {
  readonly state: AgentState;
  readonly context: AgentContext;
  status(): AgentStatus;
  close(): Promise<void>;
}

/**
 * Starts everything that an agent does. Resolves when it serves; what can't be served stands in its status.
 * @throws PXE_AGENT_RUNNING, PXE_STORE_FAILED, PXE_DISK_FULL, and what the file's documents are refused for
 */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  const lock = lockFolder(options.data);
  try {
    const agent = await startLocked(options);
    return {
      ...agent,
      close: async () => {
        try {
          await agent.close();
        } finally {
          lock.release();
        }
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function startLocked(options: AgentOptions): Promise<RunningAgent> {
  const clock = options.clock ?? Date.now;
  const log = options.log ?? pino({ base: null }, logDestination(1));
  const started = clock();
  const store = new SqliteStore(join(options.data, "agent.db"));
  const snapshot = store.load();
  const events = new EventLog(snapshot.events, store, clock, log);
  const emit: AgentContext["emit"] = (event) => { events.emit(event); };
  const state = new AgentState(snapshot, store, clock, emit);
  const leases = new LeaseTable(snapshot.leases);
  const assets = await AssetStore.at(options.data);
  const context: AgentContext = {
    clock, log, state, leases, assets, emit,
    lifecycle: new Progress(state),
    commit: (writes) => store.commit(writes),
  };
  await forgetOwners(state, join(options.data, "forget"));
  if (options.file !== undefined) await applyFile(context, state, options.file);
  const serving = new Serving(context);
  const bundle = bundleHash();
  const status = (): AgentStatus => {
    const interfaces = serving.status();
    return {
      version: agentVersion, bundle, node: process.versions.node, pid: process.pid, revision: state.revision,
      uptimeSeconds: Math.round((clock() - started) / 1000),
      ready: interfaces.every((item) => item.serving),
      interfaces,
      owners: [...new Set(state.allDocuments().map((doc) => doc.owner))].toSorted(),
      problems: interfaces.flatMap((item) => (item.problem === null ? [] : [`interface ${item.name}: ${item.problem}`])),
    };
  };
  await serving.reconcile();
  mkdirSync(dirname(options.socket), { recursive: true, mode: 0o700 });
  const control = await startControl({ context, state, events, status, reconcile: () => serving.reconcile() }, options.socket);
  emit({ kind: "agent.started", host: null, mac: null, address: null, text: `pxe-agent ${agentVersion} (bundle ${bundle.slice(0, 12)}) is running` });
  return {
    state, context, status,
    close: async () => {
      await control.close();
      await serving.close();
      await state.close();
      emit({ kind: "agent.stopped", host: null, mac: null, address: null, text: "pxe-agent stops" });
      await store.close();
    },
  };
}

/**
 * Removes the documents of the owners that a file names, one a line: their removal could not reach the agent. Done before anything
 * is served, and again at the next start if it can't be stored.
 */
async function forgetOwners(state: AgentState, path: string): Promise<void> {
  if (!existsSync(path)) return;
  for (const line of new Set(readFileSync(path, "utf8").split("\n").map((text) => text.trim()))) {
    const owner = ownerName.safeParse(line);
    if (!owner.success) continue;
    const gone = state.allDocuments().filter((doc) => doc.owner === owner.data).map(({ kind, name }) => ({ kind, name }));
    if (gone.length > 0) await state.apply(applyRequest.parse({ owner: owner.data, delete: gone }));
  }
  rmSync(path, { force: true });
}

/** Applies a file's documents, one batch for each owner. @throws PxeError with every finding of an owner's batch */
async function applyFile(here: LocalView, state: AgentState, file: DocumentsFile): Promise<void> {
  for (const owner of new Set(file.documents.map((doc) => doc.owner))) {
    const put = file.documents.filter((doc) => doc.owner === owner);
    const hosts = new Set(put.filter((doc) => doc.kind === "host").map((doc) => doc.name));
    const arm = file.arm.filter((name) => hosts.has(name)).map((host) => ({ host, reason: "create" as const }));
    const batch = applyRequest.parse({ owner, put, arm });
    throwFindings(checkHere(batch, here));
    await state.apply(batch);
  }
}

/** SHA-256 of the file that runs: what the provider compares with the bundle that it would install. */
function bundleHash(): string {
  return createHash("sha256").update(readFileSync(process.argv[1] ?? __filename)).digest("hex");
}
