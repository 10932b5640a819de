import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client's IPv4 address. */
  readonly address: string;
  /** The agent's authority as the client reached it, for URLs. */
  readonly server: string;
}

/**
 * Sends a whole body with its length. A HEAD request gets the same headers and no body. Header names are written in their
 * registered case, here and elsewhere: GRUB compares them exactly.
 */
export function sendBody(exchange: Exchange, status: number, body: Uint8Array | string, headers: OutgoingHttpHeaders = {}): void {
  const { request, response } = exchange;
  const bytes = typeof body === "string" ? Buffer.from(body, "utf8") : body;
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Content-Length": bytes.length, ...headers });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

/**
 * Refuses. Always with a body and `Connection: close`: shim and OVMF wait for ever on a kept-alive connection after an error
 * with an empty body.
 */
export function refuse(exchange: Exchange, status: number, reason: string, headers: OutgoingHttpHeaders = {}): void {
  sendBody(exchange, status, `${reason}\n`, { Connection: "close", "Cache-Control": "no-store", ...headers });
}
