import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pino } from "pino";
import { AssetStore } from "../../provider/agent/assets";
import type { AgentContext } from "../../provider/agent/context";
import { Progress } from "../../provider/agent/progress";
import { Sightings } from "../../provider/agent/sightings";
import { AgentState } from "../../provider/agent/state";
import type { Store } from "../../provider/agent/store/port";
import { LeaseTable } from "../../provider/engine/lease-table";
import { applyRequest, type NewEvent } from "../../provider/model/control";
import type { AssetSpec, Document } from "../../provider/model/documents";
import { owner } from "./documents";

/** An agent without sockets and database, to put a shell on. */
export interface FilesContext {
  readonly context: AgentContext;
  readonly state: AgentState;
  readonly leases: LeaseTable;
  readonly events: NewEvent[];
  /** The data folder. */
  readonly folder: string;
  /** Milliseconds added to the clock. */
  skip(milliseconds: number): void;
  put(documents: readonly Document[], arm?: readonly string[]): Promise<void>;
  lease(address: string, mac: string, endsInMs?: number): void;
  store(name: string, content: Buffer): Promise<AssetSpec>;
  close(): Promise<void>;
}

const memoryStore: Store = {
  leasesOf: () => [],
  load: () => ({ revision: 0, documents: [], facts: [], leases: [], events: [] }),
  commit: () => Promise.resolve("ok"),
  close: () => Promise.resolve(),
};

export async function filesContext(): Promise<FilesContext> {
  const folder = await mkdtemp(path.join(tmpdir(), `pxe-files-${process.pid}-`));
  const events: NewEvent[] = [];
  let skipped = 0;
  const clock = (): number => Date.now() + skipped;
  const emit = (event: NewEvent): void => { events.push(event); };
  const state = new AgentState(memoryStore.load(), memoryStore, clock, emit);
  const leases = new LeaseTable();
  const assets = await AssetStore.at(folder, { cachedFile: 256 * 1024 });
  const context: AgentContext = {
    clock, state, leases, assets, emit, sightings: new Sightings(), log: pino({ level: "silent" }), lifecycle: new Progress(state),
    commit: (writes) => memoryStore.commit(writes),
  };
  return {
    context, state, leases, events, folder,
    skip: (milliseconds) => { skipped += milliseconds; },
    put: async (documents, arm = []) => {
      await state.apply(applyRequest.parse({ owner, put: documents, arm: arm.map((host) => ({ host, reason: "create" })) }));
    },
    lease: (address, mac, endsInMs = 3600_000) => {
      leases.apply({ type: "lease.put", lease: { address, mac, clientId: null, owner, subnet: "provisioning", state: "active", expiresAt: clock() + endsInMs } });
    },
    store: async (name, content) => {
      const sha256 = createHash("sha256").update(content).digest("hex");
      const { size } = await assets.put(sha256, slices(content));
      return { name, sha256, size };
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

async function* slices(content: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < content.length; at += 65536) yield content.subarray(at, at + 65536);
}

/** Bytes that no compression and no shift leaves looking right. */
export function randomContent(size: number): Buffer {
  return randomBytes(size);
}

/** Waits until a condition holds, and names it when it doesn't in time. */
export async function until(what: string, holds: () => boolean, limitMs = 5000): Promise<void> {
  const end = Date.now() + limitMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
}
