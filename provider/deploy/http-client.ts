import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Duplex, type Readable } from "node:stream";
import { PxeError, errorFromBody, errorText, pxeError } from "../errors";
import { Limiter } from "./limiter";
import type { Line } from "./line";
import type { Transport } from "./transport";

/** Milliseconds until an answer must have come. */
const answerLimit = 60_000;
/**
 * Requests at once, each on a channel with a process of its own on the target; sshd allows ten on a connection (MaxSessions).
 * http.Agent's own maxSockets doesn't count connections that are still being opened.
 */
const requestLimit = 4;

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly json?: unknown;
  readonly body?: { readonly size: number; open(): Readable };
  readonly signal?: AbortSignal;
}

/** HTTP/1.1 with JSON over a transport, with a few connections that are kept and shared. */
export class HttpClient {
  readonly #transport: Transport;
  readonly #agent: LineAgent;
  readonly #limiter = new Limiter(requestLimit);
  /** The line that a stream belongs to. */
  readonly #lines = new WeakMap<Duplex, Line>();

  constructor(transport: Transport) {
    this.#transport = transport;
    this.#agent = new LineAgent(transport, this.#lines, true);
  }

  /**
   * Sends a request and reads the JSON answer.
   * @throws what the agent answered; PXE_AGENT_UNREACHABLE, PXE_CONNECTION_LOST, PXE_CONTROL_KEY_REFUSED and what connecting throws
   */
  json(request: HttpRequest): Promise<unknown> {
    return this.#limiter.run(() => this.#json(request));
  }

  async #json(request: HttpRequest): Promise<unknown> {
    const response = await this.#answer(request, true);
    const text = await readAll(response).catch((error: unknown) => {
      throw this.#broken(error, request, undefined);
    });
    const body = parseJson(text);
    if (response.statusCode !== undefined && response.statusCode < 300) return body;
    throw errorFromBody(body) ?? pxeError("PXE_AGENT_REFUSED", `the agent on ${this.#transport.label} answered ${request.method} ${request.path} with ${String(response.statusCode)}: ${text.slice(0, 500)}`);
  }

  /** Sends a request and returns the answer as it comes, on a connection of its own. */
  async stream(request: HttpRequest): Promise<IncomingMessage> {
    const response = await this.#answer(request, false);
    if (response.statusCode === 200) return response;
    const text = await readAll(response);
    throw errorFromBody(parseJson(text)) ?? pxeError("PXE_AGENT_REFUSED", `the agent answered ${String(response.statusCode)}`);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #answer(request: HttpRequest, shared: boolean): Promise<IncomingMessage> {
    try {
      return await this.#send(request, shared);
    } catch (error) {
      // A kept connection may have ended while it was idle; everything in the control API may be said twice.
      if (!(error instanceof StaleLine)) throw error;
      return await this.#send(request, false);
    }
  }

  #send(request: HttpRequest, shared: boolean): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const text = request.json === undefined ? undefined : JSON.stringify(request.json);
      const agent = shared ? this.#agent : new LineAgent(this.#transport, this.#lines, false);
      const client = httpRequest({ agent, method: request.method, path: request.path, host: "agent", headers: headersOf(request, text) });
      const limit = setTimeout(() => {
        client.destroy(pxeError("PXE_TIMEOUT", `the agent on ${this.#transport.label} did not answer ${request.method} ${request.path} within ${String(answerLimit / 1000)} s`));
      }, answerLimit);
      const abort = (): void => {
        client.destroy(new Error("aborted"));
      };
      request.signal?.addEventListener("abort", abort, { once: true });
      client.once("response", (response) => {
        clearTimeout(limit);
        response.once("close", () => request.signal?.removeEventListener("abort", abort));
        resolve(response);
      });
      client.once("error", (error) => {
        clearTimeout(limit);
        request.signal?.removeEventListener("abort", abort);
        const stale = client.reusedSocket && request.body === undefined && !(error instanceof PxeError);
        reject(stale ? new StaleLine() : this.#broken(error, request, client));
      });
      // Errors after the answer has begun reach its reader through the answer.
      client.on("error", () => undefined);
      sendBody(client, request, text, limit);
    });
  }

  #broken(error: unknown, request: HttpRequest, client: ClientRequest | undefined): Error {
    if (error instanceof PxeError || (error instanceof Error && request.signal?.aborted === true)) return error;
    const stream = client?.socket ?? undefined;
    const complaint = (stream === undefined ? undefined : this.#lines.get(stream)?.complaint()) ?? "";
    const said = complaint === "" ? errorText(error) : complaint;
    return pxeError("PXE_AGENT_UNREACHABLE", `the agent on ${this.#transport.label} broke off ${request.method} ${request.path}: ${said}`, { cause: error });
  }
}

class StaleLine extends Error {}

function headersOf(request: HttpRequest, text: string | undefined): Record<string, string | number> {
  if (text !== undefined) return { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
  if (request.body !== undefined) return { "content-type": "application/octet-stream", "content-length": request.body.size };
  return {};
}

function sendBody(client: ClientRequest, request: HttpRequest, text: string | undefined, limit: NodeJS.Timeout): void {
  if (request.body === undefined) {
    client.end(text);
    return;
  }
  const body = request.body.open();
  body.on("data", () => limit.refresh());
  body.on("error", (error) => client.destroy(error));
  client.on("close", () => body.destroy());
  body.pipe(client);
}

/** An http.Agent whose connections are lines of a transport. */
class LineAgent extends Agent {
  readonly #transport: Transport;
  readonly #lines: WeakMap<Duplex, Line>;

  constructor(transport: Transport, lines: WeakMap<Duplex, Line>, keepAlive: boolean) {
    super({ keepAlive, maxFreeSockets: requestLimit });
    this.#transport = transport;
    this.#lines = lines;
  }

  override createConnection(_options: unknown, callback?: (error: Error | null, stream: Duplex) => void): null {
    const done = callback as (error: unknown, stream?: Duplex) => void;
    this.#transport.open().then(
      (line) => {
        this.#lines.set(line.stream, line);
        done(null, line.stream);
      },
      (error: unknown) => {
        done(error);
      },
    );
    return null;
  }
}

async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
