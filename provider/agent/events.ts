import type { Logger } from "pino";
import { errorText } from "../errors";
import type { AgentEvent, NewEvent } from "../model/control";
import type { Store } from "./store/port";

/** Events held in memory for readers that resume. */
const remembered = 5_000;

/** What a packet may put into an event's text: control characters could forge log lines or drive a terminal. */
function cleaned(text: string): string {
   
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?").slice(0, 500);
}

type Listener = (event: AgentEvent) => void;

/** The agent's event log: in memory for readers, in the store for the next start. */
export class EventLog {
  private readonly events: AgentEvent[];
  private readonly listeners = new Set<Listener>();
  private nextId: number;

  constructor(earlier: readonly AgentEvent[], private readonly store: Store, private readonly clock: () => number, private readonly log: Logger) {
    this.events = earlier.slice(-remembered);
    this.nextId = (earlier.at(-1)?.id ?? 0) + 1;
  }

  /** Adds an event, logs it, tells the listeners, and stores it. Never throws: a full disk must not stop a boot. */
  emit(event: NewEvent): void {
    const full: AgentEvent = { ...event, text: cleaned(event.text), id: this.nextId++, at: this.clock() };
    this.events.push(full);
    if (this.events.length > remembered * 1.2) this.events.splice(0, this.events.length - remembered);
    this.log.info({ event: full.kind, host: full.host, mac: full.mac, address: full.address }, full.text);
    for (const listener of this.listeners) listener(full);
    this.store.commit([{ type: "event.put", event: full }]).catch((error: unknown) => {
      this.log.warn({ error: errorText(error) }, "an event could not be stored");
    });
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
}
