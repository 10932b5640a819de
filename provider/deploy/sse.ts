import type { Readable } from "node:stream";
import type { AgentEvent } from "../model/control";
import { pxeError } from "../errors";

/** Milliseconds; the agent sends a comment every 15 s. */
const silenceLimit = 60_000;

/**
 * Reads server-sent events (WHATWG HTML, section 9.2) whose data is one agent event each, until the stream ends.
 * @throws PXE_CONNECTION_LOST after a minute without a byte
 */
export async function readEvents(stream: Readable, onEvent: (event: AgentEvent) => void): Promise<void> {
  const timer = setTimeout(() => {
    stream.destroy(pxeError("PXE_CONNECTION_LOST", "the agent's event stream fell silent"));
  }, silenceLimit);
  const decoder = new TextDecoder();
  let pending = "";
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      timer.refresh();
      pending += decoder.decode(chunk, { stream: true });
      const blocks = pending.split(/\r?\n\r?\n/);
      pending = blocks.pop() ?? "";
      for (const block of blocks) {
        const data = dataOf(block);
        if (data !== "") onEvent(JSON.parse(data) as AgentEvent);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

function dataOf(block: string): string {
  return block
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).replace(/^ /, ""))
    .join("\n");
}
