import { setTimeout as delay } from "node:timers/promises";
import { pino, type Logger } from "pino";
import { errorText, PxeError, pxeError } from "../errors";
import type { AgentStatus } from "../model/control";
import type { DocumentsFile } from "../model/documents";
import { allDraining, type AgentContext, type Draining } from "./context";
import { startCore, type Core, type CoreOptions, type Released } from "./core";
import { checkReady } from "./handover/check";
import { Giver } from "./handover/give";
import { handoverPath, takeFrom, type Taken } from "./handover/take";
import { logDestination } from "./log";
import { Keeper } from "./sockets";
import type { AgentState } from "./state";
import { lockFolder, type FolderLock } from "./store/lock";

/** How an agent is started. */
export interface AgentOptions {
  /** Folder of the database and the assets. */
  readonly data: string;
  readonly socket: string;
  /** Documents to apply before serving. */
  readonly file?: DocumentsFile | undefined;
  /** Whether to take over from the agent that serves the folder, if there is one. */
  readonly takeOver?: boolean;
  readonly log?: Logger;
  readonly clock?: () => number;
}

/** A running agent. */
export interface RunningAgent {
  readonly state: AgentState;
  readonly context: AgentContext;
  /** Resolves when another agent has taken over and nothing is under way any more; rejects when it serves no more. */
  readonly replaced: Promise<void>;
  status(): AgentStatus;
  close(): Promise<void>;
}

/** How long transfers under way may go on after another agent has taken over, milliseconds. */
const drainLimit = 15 * 60_000;

/** How long the folder is waited for that the other agent has just freed, or one that was killed still holds. Milliseconds. */
const lockLimit = 5_000;

/**
 * Starts everything that an agent does. Resolves when it serves; what can't be served stands in its status.
 * @throws PXE_AGENT_RUNNING, PXE_STORE_FAILED, PXE_DISK_FULL, and what the file's documents are refused for; PXE_HANDOVER_FAILED
 * where it was to take over: the other agent then serves on
 */
export async function startAgent(options: AgentOptions): Promise<RunningAgent> {
  let taken: Taken | undefined;
  if (options.takeOver === true) {
    await checkReady(options.data);
    taken = await takeFrom(options.data);
  }
  const agent = new Agent(options);
  await agent.start(taken);
  return agent;
}

class Agent implements RunningAgent {
  // Elsewhere sockets can't be handed over.
  private readonly keeper = process.platform === "linux" ? new Keeper() : undefined;
  private readonly giver: Giver | undefined;
  private readonly options: CoreOptions;
  private readonly end = Promise.withResolvers<undefined>();
  private lock: FolderLock | undefined;
  private core: Core | undefined;
  /** What goes on though its core was released: after a hand-over that failed the agent serves on beside it. */
  private readonly drains = new Set<Draining>();
  /** Resolves when the agent before this one has ended: what it tells goes through this one. */
  private before: Promise<void> | undefined;

  constructor({ data, socket, file, log = pino({ base: null }, logDestination(1)), clock = Date.now }: AgentOptions) {
    this.options = { data, socket, file, log, clock, keeper: this.keeper, canHandOver: () => this.giver?.listening === true };
    if (this.keeper === undefined) return;
    this.giver = new Giver(handoverPath(data), {
      release: () => this.release(),
      sockets: () => this.keeper?.list() ?? [],
      takeBack: async ({ offers, sightings }) => {
        try {
          await this.open(lockLimit, { offers, sightings });
        } catch (error) {
          this.end.reject(error);
          throw error;
        }
        return this.running.recorder;
      },
      given: () => this.given(),
    }, log);
  }

  get state(): AgentState { return this.running.state; }
  get context(): AgentContext { return this.running.context; }
  get replaced(): Promise<void> { return this.end.promise; }
  status(): AgentStatus { return this.running.status(); }

  async start(taken: Taken | undefined): Promise<void> {
    this.keeper?.adopt(taken?.sockets ?? []);
    const more = taken === undefined ? {} : { offers: taken.offers, sightings: taken.sightings, after: taken.from };
    await this.open(taken === undefined ? 0 : lockLimit, more);
    // Not closed where that fails: the sockets are the other agent's, and the process ends.
    if (taken !== undefined) await this.prove(taken);
    await this.giver?.listen();
  }

  async close(): Promise<void> {
    this.giver?.close();
    try {
      await allDraining([...this.drains]).cut();
      await this.core?.close();
    } finally {
      this.core = undefined;
      this.keeper?.closeAll();
      this.lock?.release();
      this.lock = undefined;
    }
  }

  private get running(): Core {
    if (this.core === undefined) throw pxeError("PXE_INTERNAL", "the agent does not serve");
    return this.core;
  }

  private async open(limitMs: number, more: Partial<CoreOptions>): Promise<void> {
    const lock = await lockWithin(this.options.data, limitMs);
    try {
      this.core = await startCore({ ...this.options, ...more });
      this.lock = lock;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** @throws PXE_HANDOVER_FAILED unless this agent serves what the one before has served */
  private async prove(taken: Taken): Promise<void> {
    for (const { name, serving, problem } of this.status().interfaces) {
      if (taken.served.includes(name) && !serving) throw pxeError("PXE_HANDOVER_FAILED", `${name} can't be served: ${problem ?? "no reason is known"}`);
    }
    await taken.confirm();
    taken.record(this.running.recorder);
    this.before = taken.ended;
  }

  private async release(): Promise<Released> {
    const released = await this.running.release().catch((error: unknown) => {
      // Half of it is closed: better a new start than an agent that only seems to serve.
      if (!(error instanceof PxeError) || error.code !== "PXE_HANDOVER_FAILED") this.end.reject(error);
      throw error;
    });
    this.core = undefined;
    this.lock?.release();
    this.lock = undefined;
    const { draining } = released;
    this.drains.add(draining);
    const forget = (): void => { this.drains.delete(draining); };
    draining.ended.then(forget, forget);
    return released;
  }

  private async given(): Promise<void> {
    this.options.log.info("another agent has taken over: this one ends when its transfers have");
    this.keeper?.closeAll();
    const stopped = new AbortController();
    const tooLong = delay(drainLimit, undefined, { signal: stopped.signal }).catch(() => undefined);
    await Promise.race([tooLong, Promise.all([allDraining([...this.drains]).ended, this.before])]).catch((error: unknown) => {
      this.options.log.error({ error: errorText(error) }, "draining");
    });
    stopped.abort();
    // What the other one is still to be told is written in this turn.
    setImmediate(() => { this.end.resolve(undefined); });
  }
}

async function lockWithin(data: string, limitMs: number): Promise<FolderLock> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    try {
      return lockFolder(data);
    } catch (error) {
      if (!(error instanceof PxeError) || error.code !== "PXE_AGENT_RUNNING" || Date.now() >= deadline) throw error;
      await delay(20);
    }
  }
}
