import { subscribe } from "node:diagnostics_channel";
import { setMaxListeners } from "node:events";
import { pxeError } from "../errors";

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
  // One for each push that is under way.
  setMaxListeners(0, controller.signal);
  subscribe("http2.server.stream.created", (message) => {
    const { headers } = message as { readonly headers?: Readonly<Record<string, unknown>> };
    if (headers?.[":path"] === "/pulumirpc.ResourceProvider/Cancel") controller.abort();
  });
  return controller;
}

/** Milliseconds that an agent has to answer a push once the operation is cancelled. */
const answerLimit = 5000;

/**
 * What a push comes to, unless the operation is cancelled and no answer comes. The agent may have taken it or not: the next
 * operation finds out, and an order that was taken isn't given again.
 * @throws PXE_INTERRUPTED
 */
export function unlessCancelled<T>(work: Promise<T>, cancelled: AbortSignal | undefined): Promise<T> {
  if (cancelled === undefined) return work;
  return new Promise((resolve, reject) => {
    let limit: NodeJS.Timeout | undefined;
    const cancel = (): void => {
      limit = setTimeout(() => { reject(pxeError("PXE_INTERRUPTED", "stopped waiting for the agent's answer")); }, answerLimit);
    };
    if (cancelled.aborted) cancel();
    else cancelled.addEventListener("abort", cancel, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(limit);
      cancelled.removeEventListener("abort", cancel);
    });
  });
}
