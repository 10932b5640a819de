import type { ServerResponse } from "node:http";
import type { EventLog } from "./events";

/** How often an idle stream gets a comment, in milliseconds: it stays open through the SSH channel's and proxies' time limits. */
const beatEvery = 15_000;

/**
 * Server-sent events (WHATWG HTML, section 9.2) after `since`. A reader is sent what it takes: while it stalls, events wait in the
 * log and not in a buffer of its own, and those that the log has dropped by then are left out.
 * @param follow whether the stream goes on with new events
 */
export function streamEvents(response: ServerResponse, events: EventLog, since: number, follow: boolean): void {
  let last = since;
  let isReady = true;
  const write = (text: string): void => { isReady = response.write(text); };
  const send = (): void => {
    for (const event of events.since(last)) {
      if (!isReady) return;
      last = event.id;
      write(`id: ${String(event.id)}\ndata: ${JSON.stringify(event)}\n\n`);
    }
    if (!follow && isReady) response.end();
  };
  response.on("error", () => undefined);
  response.on("drain", () => {
    isReady = true;
    send();
  });
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  send();
  if (!follow) return;
  const unsubscribe = events.subscribe(send);
  const beat = setInterval(() => { if (isReady) write(": \n\n"); }, beatEvery).unref();
  response.on("close", () => {
    clearInterval(beat);
    unsubscribe();
  });
}
