import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Server as NetServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { bootFile } from "../../engine/bootfiles";
import { errorText, pxeError } from "../../errors";
import { httpAuthority, type BootResolver } from "../bootclient";
import type { AgentContext, Draining } from "../context";
import { plainSockets, portHolder, type SocketSource } from "../sockets";
import { likeness, Throttle } from "../throttle";
import { serveAsset } from "./asset";
import { serveBoot } from "./boot";
import { refuse, type Exchange } from "./reply";
import { targetParts } from "./target";
import { TokenDesk } from "./token";

/** Times in milliseconds. */
export interface HttpLimits {
  /** For the request's head. */
  readonly headMs: number;
  /** For the whole request. */
  readonly requestMs: number;
  /** Without a byte in either direction while a request is served. */
  readonly idleMs: number;
  /** Between two requests of a connection. */
  readonly keepAliveMs: number;
  readonly connections: number;
}

const defaultLimits: HttpLimits = { headMs: 10_000, requestMs: 30_000, idleMs: 30_000, keepAliveMs: 15_000, connections: 1024 };

export interface HttpOptions {
  readonly addresses: readonly string[];
  /** TCP port; 0 takes a free one. */
  readonly port: number;
  readonly resolve?: BootResolver;
  readonly limits?: Partial<HttpLimits>;
  readonly sockets?: SocketSource;
}

/** A running boot HTTP service. */
export interface HttpServer {
  readonly endpoints: readonly { readonly address: string; readonly port: number }[];
  /** Stops listening; connections that are still busy after a moment are cut. */
  close(): Promise<void>;
  /** Stops listening; open connections get their answers, and each is closed after the next one. */
  retire(): Promise<Draining>;
}

/** A configuration that a machine fetches again and again is told once in this time, milliseconds. */
const configEvery = 1_000;

/** How long a transfer under way may go on after `close`, milliseconds. */
const graceMs = 500;

/**
 * Serves boot files, answer files and reports by HTTP on each of the addresses.
 * @throws PXE_PORT_TAKEN naming the process if possible, PXE_NO_ADDRESS, PXE_NOT_PERMITTED
 */
export async function startHttp(agent: AgentContext, options: HttpOptions): Promise<HttpServer> {
  const throttle = new Throttle(configEvery);
  const context: AgentContext = {
    ...agent,
    emit: (event) => { if (event.kind !== "http.config" || throttle.passes(likeness(event), agent.clock())) agent.emit(event); },
  };
  const limits = { ...defaultLimits, ...options.limits };
  const tokens = new TokenDesk(context);
  const servers: Server[] = [];
  async function close(): Promise<void> {
    await Promise.all(servers.map(stop));
  }
  try {
    for (const address of options.addresses) servers.push(await listen(context, options, tokens, limits, address));
  } catch (error) {
    await close();
    throw error;
  }
  return { endpoints: servers.map((server) => server.address() as AddressInfo), close, retire: () => Promise.resolve(retire(servers)) };
}

function retire(servers: readonly Server[]): Draining {
  const ended = servers.map(async (server) => {
    const closed = once(server, "close");
    server.prependListener("request", (_request: IncomingMessage, response: ServerResponse) => { response.setHeader("Connection", "close"); });
    // Not http.Server's own close, which also cuts idle connections: a client may be about to ask on one.
    NetServer.prototype.close.call(server);
    await closed;
  });
  return {
    ended: Promise.all(ended).then(() => undefined),
    cut: async () => {
      for (const server of servers) server.closeAllConnections();
      await Promise.all(ended);
    },
  };
}

async function stop(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => { server.closeAllConnections(); }, graceMs);
  await closed;
  clearTimeout(timer);
}

async function listen(context: AgentContext, options: HttpOptions, tokens: TokenDesk, limits: HttpLimits, address: string): Promise<Server> {
  const server = createServer(
    {
      headersTimeout: limits.headMs, requestTimeout: limits.requestMs, keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: Math.min(1000, limits.headMs), maxHeaderSize: 16 * 1024, noDelay: true,
    },
    (request, response) => { void serve(context, options.resolve ?? bootFile, tokens, request, response); },
  );
  server.maxHeadersCount = 100;
  server.maxConnections = limits.connections;
  server.setTimeout(limits.idleMs);
  server.on("clientError", (_error, socket) => {
    // Nothing was understood of the request; a body and the close keep firmware from waiting.
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nbad request\n");
    else socket.destroy();
  });
  try {
    await (options.sockets ?? plainSockets).listen(server, address, options.port);
  } catch (error) {
    throw bindError(error, address, options.port);
  }
  return server;
}

async function serve(context: AgentContext, resolve: BootResolver, tokens: TokenDesk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { remoteAddress, localAddress, localPort } = request.socket;
  if (remoteAddress === undefined || localAddress === undefined || localPort === undefined) {
    response.destroy();
    return;
  }
  const exchange: Exchange = { request, response, address: remoteAddress, server: httpAuthority(localAddress, localPort) };
  try {
    await route(context, resolve, tokens, exchange);
  } catch (error) {
    // The target is not logged: it may hold a token.
    context.log.error({ error: errorText(error), address: remoteAddress }, "HTTP request");
    if (response.headersSent) response.destroy();
    else refuse(exchange, 500, "internal error");
  }
}

async function route(context: AgentContext, resolve: BootResolver, tokens: TokenDesk, exchange: Exchange): Promise<void> {
  const { method } = exchange.request;
  const parts = targetParts(exchange.request.url ?? "");
  if (parts === undefined) {
    refuse(exchange, 404, "not found");
    return;
  }
  const [area, first, second] = parts;
  if (method === "POST") {
    if (area === "report" && first !== undefined && parts.length === 2) await tokens.report(exchange, first);
    else if (area === "done" && first !== undefined && parts.length === 2) await tokens.done(exchange, first);
    else refuse(exchange, 404, "not found");
    return;
  }
  if (method !== "GET" && method !== "HEAD") {
    refuse(exchange, 405, "method not allowed", { Allow: "GET, HEAD, POST" });
    return;
  }
  if (area === "boot" && first !== undefined) await serveBoot(context, resolve, exchange, parts.slice(1).join("/"));
  else if (area === "a" && first !== undefined && second !== undefined && parts.length === 3) await serveAsset(context, exchange, first, second);
  else if (area === "answer" && first !== undefined && second !== undefined && parts.length === 3) tokens.answer(exchange, first, second);
  else refuse(exchange, 404, "not found");
}

function bindError(error: unknown, address: string, port: number): unknown {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EADDRINUSE":
      return pxeError("PXE_PORT_TAKEN", `TCP port ${port} is taken by ${portHolder("tcp", port) ?? "another process"}`, { cause: error });
    case "EADDRNOTAVAIL":
      return pxeError("PXE_NO_ADDRESS", `no interface has the address ${address}`, { cause: error });
    case "EACCES":
      return pxeError("PXE_NOT_PERMITTED", `TCP port ${port} of ${address} may not be opened: ${errorText(error)}`, { cause: error });
    default:
      return error;
  }
}
