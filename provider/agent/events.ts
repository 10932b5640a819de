import type { Logger } from "pino";
import { errorText } from "../errors";
import type { AgentEvent, NewEvent } from "../model/control";
import { cleaned } from "./clean";
import type { Store, StoreWrite } from "./store/port";

/** Events held in memory for readers that resume. */
const remembered = 5_000;

/** How long an event of the packets waits to be stored with others, in milliseconds. */
const storeDelay = 1_000;

/** How many ids are given out beyond the last that the store got. */
const unstoredAtMost = 250;

/** How far ids go on beyond the last that was stored: those between may have been told. More than are ever unstored while the disk is at work. */
const skippedAtStart = 1_000;

/** Events that come with packets: a client can make as many as it likes. */
const frequent = /^(?:dhcp|boot|tftp|http)\./;

type Listener = (event: AgentEvent) => void;

/** The agent's event log: in memory for readers, in the store for the next start. */
export class EventLog {
  private readonly events: AgentEvent[];
  private readonly listeners = new Set<Listener>();
  private nextId: number;
  /** The last id that the store got. */
  private handed: number;
  private waiting: AgentEvent[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(earlier: readonly AgentEvent[], private readonly target: Pick<Store, "commit">, private readonly clock: () => number, private readonly log: Logger) {
    this.events = earlier.slice(-remembered);
    const last = earlier.at(-1);
    // An agent that ended in good order told nothing after that.
    this.handed = last === undefined ? 0 : last.id + (last.kind === "agent.stopped" ? 0 : skippedAtStart);
    this.nextId = this.handed + 1;
  }

  /**
   * Adds an event, logs it, tells the listeners, and stores it: at once, or within a second where it comes with packets. An id is never given
   * out twice, also by the next agent. Never throws: a full disk must not stop a boot.
   */
  emit(event: NewEvent): void {
    const full: AgentEvent = { ...event, text: cleaned(event.text), id: this.nextId++, at: this.clock() };
    this.events.push(full);
    if (this.events.length > remembered * 1.2) this.events.splice(0, this.events.length - remembered);
    this.log[full.kind === "alert" ? "warn" : "info"]({ event: full.kind, host: full.host, mac: full.mac, address: full.address }, full.text);
    for (const listener of this.listeners) listener(full);
    const isDue = full.id - this.handed >= unstoredAtMost;
    // What was offered and not taken is nothing: it isn't worth a write.
    if (full.kind !== "dhcp.offer" || isDue) this.store(full, isDue);
  }

  /** Resolves when every event is stored that can be. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const events = this.waiting;
    this.waiting = [];
    const last = events.at(-1);
    if (last === undefined) return;
    this.handed = last.id;
    try {
      await this.target.commit(events.map((event): StoreWrite => ({ type: "event.put", event })));
    } catch (error) {
      this.log.warn({ error: errorText(error) }, `${events.length} events could not be stored`);
    }
  }

  /** Events after `id`, oldest first. All of them for a reader that is ahead: it has read a log that is lost. */
  since(id: number): readonly AgentEvent[] {
    if (id >= this.nextId) return [...this.events];
    return this.events.slice(this.events.findLastIndex((event) => event.id <= id) + 1);
  }

  /** Calls back for each new event until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  }

  private store(event: AgentEvent, isDue: boolean): void {
    this.waiting.push(event);
    if (frequent.test(event.kind) && !isDue) this.timer ??= setTimeout(() => void this.flush(), storeDelay).unref();
    else void this.flush();
  }
}
