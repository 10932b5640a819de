import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Logger } from "pino";
import type { Sighting } from "../engine/dhcp";
import type { Offer } from "../engine/dhcp/bindings";
import { ClientLimits } from "../engine/dhcp/limits";
import { pxeError, throwFindings } from "../errors";
import { applyRequest, type AgentStatus, type NewEvent } from "../model/control";
import { ownerName, type DocumentsFile } from "../model/documents";
import { AssetStore } from "./assets";
import { checkHere } from "./checks";
import type { AgentContext, Draining } from "./context";
import { startControl } from "./control";
import { EventLog } from "./events";
import { ForeignWatch, refuseBesideForeign } from "./foreign";
import { commitLeases } from "./lease-commit";
import { Outlet, type Recorder } from "./outlet";
import { Progress } from "./progress";
import { Serving } from "./serving";
import { Sightings } from "./sightings";
import type { Keeper } from "./sockets";
import { AgentState } from "./state";
import { openStore } from "./store/open";
import { Upkeep } from "./upkeep";
import { agentVersion } from "./version";

export interface CoreOptions {
  readonly data: string;
  readonly socket: string;
  readonly file?: DocumentsFile | undefined;
  readonly log: Logger;
  readonly clock: () => number;
  /** Holds the listening sockets; without one they can't be handed over. */
  readonly keeper?: Keeper | undefined;
  /** Whether another agent can reach this one to take over. */
  readonly canHandOver: () => boolean;
  /** Addresses that the agent before has offered. */
  readonly offers?: readonly Offer[];
  /** What the agent before has heard of other servers' leases. */
  readonly sightings?: readonly Sighting[];
  /** For the event of its start. */
  readonly after?: string;
}

/** All of an agent that works on an open database. */
export interface Core {
  readonly state: AgentState;
  readonly context: AgentContext;
  /** For what happens elsewhere, in the agent before this one while it drains; after a release, the next agent's. */
  readonly recorder: Recorder;
  status(): AgentStatus;
  close(): Promise<void>;
  /**
   * Stops taking in and closes the database. The listening sockets stay open at the keeper.
   * @throws PXE_HANDOVER_FAILED while a request at the control socket doesn't come to its end, or a report is not stored: it then
   * serves on. After any other error it does not
   */
  release(): Promise<Released>;
}

/** What is left of a core that was released. */
export interface Released {
  readonly offers: readonly Offer[];
  readonly sightings: readonly Sighting[];
  /** Interfaces that were served. */
  readonly served: readonly string[];
  readonly draining: Draining;
  /** Says who records from now on. */
  pass(recorder: Recorder): void;
}

/** Resolves when it serves. The folder's lock is the caller's. */
export async function startCore(options: CoreOptions): Promise<Core> {
  const { clock, log, keeper } = options;
  const started = clock();
  const opened = openStore(options.data, started);
  const { store, snapshot, leases } = opened;
  try {
    const events = new EventLog(snapshot.events, store, clock, log);
    const emit = (event: NewEvent): void => { events.emit(event); };
    const state = new AgentState(snapshot, store, clock, emit);
    for (const offer of options.offers ?? []) leases.applyOffer({ type: "offer.put", offer });
    const sightings = new Sightings();
    for (const sighting of options.sightings ?? []) sightings.see(sighting, true);
    for (const text of opened.problems) emit({ kind: "alert", host: null, mac: null, address: null, text });
    const assets = await AssetStore.at(options.data);
    const progress = new Progress(state);
    const outlet = new Outlet({ emit, report: (...args) => progress.report(...args), done: (...args) => progress.done(...args) });
    const foreign = new ForeignWatch({ clock, emit: (event) => { outlet.emit(event); } });
    const context: AgentContext = {
      clock, log, state, leases, limits: new ClientLimits(leases), assets, lifecycle: outlet, sightings, foreign,
      emit: (event) => { outlet.emit(event); },
      commit: (writes) => commitLeases(store, leases, writes),
    };
    await forgetOwners(state, join(options.data, "forget"));
    if (options.file !== undefined) await applyFile(context, state, options.file);
    const serving = new Serving(context, undefined, undefined, keeper);
    // An older agent stored no time of the history: it ran when the last event was told.
    const upkeep = new Upkeep(context, snapshot.history ?? Math.min(started, snapshot.events.at(-1)?.at ?? started));
    const bundle = bundleHash();
    const status = (): AgentStatus => {
      const interfaces = serving.status();
      return {
        version: agentVersion, bundle, node: process.versions.node, pid: process.pid, revision: state.revision,
        uptimeSeconds: Math.round((clock() - started) / 1000),
        ready: interfaces.every((item) => item.serving),
        interfaces,
        owners: [...new Set(state.allDocuments().map((doc) => doc.owner))].toSorted(),
        problems: [
          ...opened.problems, ...opened.trouble(),
          ...interfaces.flatMap((item) => (item.problem === null ? [] : [`interface ${item.name}: ${item.problem}`])),
          ...foreign.problems(), ...upkeep.problems(),
        ],
        ...(options.canHandOver() ? { handover: 1 } : {}),
      };
    };
    await serving.reconcile();
    mkdirSync(dirname(options.socket), { recursive: true, mode: 0o700 });
    const control = await startControl({ context, state, events, status, reconcile: () => serving.reconcile() }, options.socket, keeper);
    keeper?.closeUnused();
    upkeep.start();
    const after = options.after === undefined ? "" : `, after ${options.after}`;
    emit({ kind: "agent.started", host: null, mac: null, address: null, text: `pxe-agent ${agentVersion} (bundle ${bundle.slice(0, 12)}) is running${after}` });
    return {
      state, context, recorder: outlet, status,
      close: async () => {
        await control.close();
        await Promise.all([serving.close(), upkeep.close()]);
        await state.close();
        emit({ kind: "agent.stopped", host: null, mac: null, address: null, text: "pxe-agent stops" });
        await events.flush();
        await opened.close();
      },
      release: async () => {
        // An interface that has just gone is not the next agent's to serve.
        await serving.reconcile();
        const served = serving.status().filter((item) => item.serving).map((item) => item.name);
        if (state.hasUnsaved) throw pxeError("PXE_HANDOVER_FAILED", "a machine's report is not stored yet");
        await control.retire();
        outlet.hold();
        const draining = await serving.release();
        await upkeep.close();
        await state.close();
        await events.flush();
        await opened.close();
        return { offers: leases.offered(clock()), sightings: sightings.list(), served, draining, pass: (next) => { outlet.pass(next); } };
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
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
async function applyFile(here: AgentContext, state: AgentState, file: DocumentsFile): Promise<void> {
  for (const owner of new Set(file.documents.map((doc) => doc.owner))) {
    const put = file.documents.filter((doc) => doc.owner === owner);
    const hosts = new Set(put.filter((doc) => doc.kind === "host").map((doc) => doc.name));
    const arm = file.arm.filter((name) => hosts.has(name)).map((host) => ({ host, reason: "create" as const }));
    const batch = applyRequest.parse({ owner, put, arm });
    throwFindings(checkHere(batch, here));
    await refuseBesideForeign(batch, state, here.foreign);
    await state.apply(batch);
  }
}

/** SHA-256 of the file that runs: what the provider compares with the bundle that it would install. */
function bundleHash(): string {
  return createHash("sha256").update(readFileSync(process.argv[1] ?? __filename)).digest("hex");
}
