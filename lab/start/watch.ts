import { controlClient } from "../../provider/deploy/control";
import { errorText, pxeError } from "../../provider/errors";
import type { AgentEvent } from "../../provider/model/control";
import type { AgentAccess } from "./pulumi";

/** Follows an agent's events and shows each of them. */
export class EventWatch {
  private readonly seen: AgentEvent[] = [];
  private readonly wanted = new Set<() => void>();
  private readonly abort = new AbortController();
  private readonly following: Promise<void>;
  private failure: unknown;

  constructor(access: AgentAccess, show: (event: AgentEvent) => void) {
    const client = controlClient(access.connection, access.controlKey);
    const onEvent = (event: AgentEvent): void => {
      this.seen.push(event);
      show(event);
      for (const check of this.wanted) check();
    };
    this.following = client.events({ since: 0, signal: this.abort.signal, onEvent }).catch((error: unknown) => {
      this.failure = error;
      for (const check of this.wanted) check();
    }).finally(() => { client.close(); });
  }

  /** Waits for an event. Throws PXE_TIMEOUT, naming what did come last. */
  async wait(what: string, matches: (event: AgentEvent) => boolean, timeoutMs: number): Promise<AgentEvent> {
    const { promise, resolve, reject } = Promise.withResolvers<AgentEvent>();
    const check = (): void => {
      const found = this.seen.find(matches);
      if (found !== undefined) resolve(found);
      else if (this.failure !== undefined) reject(pxeError("PXE_AGENT_UNREACHABLE", `the events ended: ${errorText(this.failure)}`, { cause: this.failure }));
    };
    const limit = setTimeout(() => {
      reject(pxeError("PXE_TIMEOUT", `${what} did not come in ${String(timeoutMs / 1000)} s; the last event was: ${this.seen.at(-1)?.text ?? "none"}`));
    }, timeoutMs);
    this.wanted.add(check);
    check();
    try {
      return await promise;
    } finally {
      clearTimeout(limit);
      this.wanted.delete(check);
    }
  }

  async close(): Promise<void> {
    this.abort.abort();
    await this.following;
  }
}
