import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { PxeError } from "../errors";
import type { AgentEvent, AgentStatus, ApplyInput, ApplyResult, HostStatus, LeaseStatus } from "../model/control";
import type { Stored } from "../model/documents";
import type { Connection } from "./connection";
import { HttpClient } from "./http-client";
import { localSocket } from "./local-paths";
import { sshPool } from "./pool";
import { controlIdentity } from "./route";
import { readEvents } from "./sse";
import { socketTransport, sshTransport, type Transport } from "./transport";

/** The agent's control API, from here. Every method throws the coded errors that the agent answers. */
export interface ControlClient {
  status(): Promise<AgentStatus>;
  apply(input: ApplyInput): Promise<ApplyResult>;
  documents(): Promise<Stored[]>;
  hosts(): Promise<HostStatus[]>;
  leases(): Promise<LeaseStatus[]>;
  /** Which of these SHA-256 sums the agent doesn't hold. */
  missingAssets(sha256: readonly string[]): Promise<string[]>;
  putAsset(sha256: string, size: number, open: () => Readable): Promise<void>;
  /**
   * Tells events as they come, from the one after `since` on, until the signal aborts; resumes by itself when the connection
   * breaks.
   * @throws when the agent can't be reached again
   */
  events(options: { readonly since?: number; readonly signal: AbortSignal; readonly onEvent: (event: AgentEvent) => void }): Promise<void>;
  /** Lets go of the client; its connections end when nobody else has it. */
  close(): void;
}

/** How often a broken event stream is taken up again without one event in between. */
const resumeLimit = 5;

class HttpControl implements ControlClient {
  readonly #http: HttpClient;
  readonly #release: () => void;

  constructor(http: HttpClient, release: () => void) {
    this.#http = http;
    this.#release = release;
  }

  async status(): Promise<AgentStatus> {
    return (await this.#http.json({ method: "GET", path: "/v1/status" })) as AgentStatus;
  }

  async apply(input: ApplyInput): Promise<ApplyResult> {
    return (await this.#http.json({ method: "POST", path: "/v1/apply", json: input })) as ApplyResult;
  }

  async documents(): Promise<Stored[]> {
    return ((await this.#http.json({ method: "GET", path: "/v1/documents" })) as { documents: Stored[] }).documents;
  }

  async hosts(): Promise<HostStatus[]> {
    return ((await this.#http.json({ method: "GET", path: "/v1/hosts" })) as { hosts: HostStatus[] }).hosts;
  }

  async leases(): Promise<LeaseStatus[]> {
    return ((await this.#http.json({ method: "GET", path: "/v1/leases" })) as { leases: LeaseStatus[] }).leases;
  }

  async missingAssets(sha256: readonly string[]): Promise<string[]> {
    return ((await this.#http.json({ method: "POST", path: "/v1/assets/missing", json: { sha256 } })) as { missing: string[] }).missing;
  }

  async putAsset(sha256: string, size: number, open: () => Readable): Promise<void> {
    await this.#http.json({ method: "PUT", path: `/v1/assets/${sha256}`, body: { size, open } });
  }

  async events({ since, signal, onEvent }: { readonly since?: number; readonly signal: AbortSignal; readonly onEvent: (event: AgentEvent) => void }): Promise<void> {
    let last = since;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const path = last === undefined ? "/v1/events" : `/v1/events?since=${String(last)}`;
        const stream = await this.#http.stream({ method: "GET", path, signal });
        await readEvents(stream, (event) => {
          failures = 0;
          last = event.id;
          onEvent(event);
        });
        failures++;
      } catch (error) {
        if (isAborted(signal)) return;
        failures++;
        if (failures >= resumeLimit) throw error;
      }
      if (failures > 0) await pause(Math.min(500 * 2 ** failures, 10_000), signal);
    }
  }

  close(): void {
    this.#release();
  }
}

/** Asked anew: the type checker takes what a loop's condition said for what holds after a wait. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Resolves after a time, or at once when the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}

/** A client over any transport; not shared. */
export function clientOver(transport: Transport): ControlClient {
  const http = new HttpClient(transport);
  return new HttpControl(http, () => {
    http.close();
  });
}

/** The HTTP clients of this process: one for each agent and key, shared by all the resources of an operation. */
class ControlClients {
  readonly #shared = new Map<string, { readonly http: HttpClient; users: number }>();

  get(connection: Connection, controlKey: string): ControlClient {
    const key = createHash("sha256").update(JSON.stringify([connection, controlKey])).digest("hex");
    const entry = this.#shared.get(key) ?? { http: new HttpClient(transportOf(connection, controlKey)), users: 0 };
    this.#shared.set(key, entry);
    entry.users++;
    let open = true;
    return new HttpControl(entry.http, () => {
      if (!open) return;
      open = false;
      entry.users--;
      if (entry.users > 0 || this.#shared.get(key) !== entry) return;
      this.#shared.delete(key);
      entry.http.close();
    });
  }

  closeAll(): void {
    for (const { http } of this.#shared.values()) http.close();
    this.#shared.clear();
  }
}

function transportOf(connection: Connection, controlKey: string): Transport {
  return connection.kind === "local" ? socketTransport(localSocket()) : sshTransport(connection, controlKey);
}

const clients = new ControlClients();

/** A client for the agent at a connection. Clients of the same agent and key share one SSH connection and its channels. */
export function controlClient(connection: Connection, controlKey: string): ControlClient {
  return clients.get(connection, controlKey);
}

/** Ends the SSH connection of one control key, so that nothing of it runs on the target any more. */
export async function closeControl(connection: Connection, controlKey: string): Promise<void> {
  if (connection.kind === "ssh") await sshPool.close(await controlIdentity(connection, controlKey));
}

/** Ends every connection of this process. Idle ones don't keep it alive; this ends them at once. */
export async function closeAll(): Promise<void> {
  clients.closeAll();
  await sshPool.closeAll();
}

/** Whether an error says that no agent could be spoken to, rather than what it answered. */
export function isUnreachable(error: unknown): error is PxeError {
  return error instanceof PxeError && ["PXE_AGENT_UNREACHABLE", "PXE_CONTROL_KEY_REFUSED", "PXE_CONNECTION_LOST", "PXE_TIMEOUT"].includes(error.code);
}
