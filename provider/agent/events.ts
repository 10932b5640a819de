import type { Logger } from "pino";
import { errorText } from "../errors";
import type { AgentEvent, NewEvent } from "../model/control";
import { cleaned } from "./clean";
import type { Store, StoreWrite } from "./store/port";

/** Events held in memory for readers that resume. */
const remembered = 5_000;

/** How long an event of the packets waits to be stored with others, in milliseconds. */
const storeDelay = 1_000;

/** Events that come with packets: a client can make as many as it likes. */
const frequent = /^(?:dhcp|boot|tftp|http)\./;

type Listener = (event: AgentEvent) => void;

/** The agent's event log: in memory for readers, in the store for the next start. */
export class EventLog {
  private readonly events: AgentEvent[];
  private readonly listeners = new Set<Listener>();
  private nextId: number;
  private waiting: StoreWrite[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(earlier: readonly AgentEvent[], private readonly target: Pick<Store, "commit">, private readonly clock: () => number, private readonly log: Logger) {
    this.events = earlier.slice(-remembered);
    this.nextId = (earlier.at(-1)?.id ?? 0) + 1;
  }

  /**
   * Adds an event, logs it, tells the listeners, and stores it: at once, or within a second where it comes with packets. Never throws:
   * a full disk must not stop a boot.
   */
  emit(event: NewEvent): void {
    const full: AgentEvent = { ...event, text: cleaned(event.text), id: this.nextId++, at: this.clock() };
    this.events.push(full);
    if (this.events.length > remembered * 1.2) this.events.splice(0, this.events.length - remembered);
    this.log[full.kind === "alert" ? "warn" : "info"]({ event: full.kind, host: full.host, mac: full.mac, address: full.address }, full.text);
    for (const listener of this.listeners) listener(full);
    // What was offered and not taken is nothing: it isn't worth a write.
    if (full.kind !== "dhcp.offer") this.store(full);
  }

  /** Resolves when every event is stored that can be. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const writes = this.waiting;
    this.waiting = [];
    if (writes.length === 0) return;
    try {
      await this.target.commit(writes);
    } catch (error) {
      this.log.warn({ error: errorText(error) }, `${writes.length} events could not be stored`);
    }
  }

  /** Events after `id`, oldest first. */
  since(id: number): readonly AgentEvent[] {
    return this.events.slice(this.events.findLastIndex((event) => event.id <= id) + 1);
  }

  /** Calls back for each new event until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  }

  private store(event: AgentEvent): void {
    this.waiting.push({ type: "event.put", event });
    if (frequent.test(event.kind)) this.timer ??= setTimeout(() => void this.flush(), storeDelay).unref();
    else void this.flush();
  }
}
