import { subscribe } from "node:diagnostics_channel";

/** Tells that the user has asked for the operation to end. */
export interface Cancellation {
  readonly signal: AbortSignal;
}

/**
 * Ctrl-C reaches a provider as the RPC `Cancel` alone, which Pulumi's dynamic provider answers without telling anybody, and the
 * engine then waits for all that runs to end by itself. So it is heard where gRPC's requests come in: a channel that Node
 * publishes. Where Node has none (before 22.17) only the second Ctrl-C ends a wait, by ending this process.
 */
export function operationCancelled(): Cancellation {
  const controller = new AbortController();
  subscribe("http2.server.stream.created", (message) => {
    const { headers } = message as { readonly headers?: Readonly<Record<string, unknown>> };
    if (headers?.[":path"] === "/pulumirpc.ResourceProvider/Cancel") controller.abort();
  });
  return controller;
}
