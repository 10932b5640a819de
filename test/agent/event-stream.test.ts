import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { test } from "node:test";
import { pino } from "pino";
import { streamEvents } from "../../provider/agent/event-stream";
import { EventLog } from "../../provider/agent/events";
import { memoryStore } from "../support/dhcp-context";
import { until } from "../support/files-context";

test("a reader that stalls costs no memory, and gets what it missed when it reads on", async (t) => {
  const log = new EventLog([], memoryStore(), Date.now, pino({ level: "silent" }));
  const responses: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    responses.push(response);
    streamEvents(response, log, 0, true);
  });
  t.after(() => { server.closeAllConnections(); server.close(); });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const reader = connect((server.address() as AddressInfo).port, "127.0.0.1");
  t.after(() => reader.destroy());
  reader.pause();
  reader.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  await until("the reader is connected", () => responses.length === 1);
  const emit = (): void => { log.emit({ kind: "alert", host: null, mac: null, address: null, text: "x".repeat(500) }); };
  const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
  for (let index = 0; index < 30_000; index++) {
    emit();
    if (index % 100 === 0) await turn();
  }
  assert.ok((responses[0]?.writableLength ?? 0) < 256 * 1024, String(responses[0]?.writableLength));
  let text = "";
  reader.setEncoding("utf8").on("data", (chunk: string) => { text = (text + chunk).slice(-4000); });
  reader.resume();
  await until("the newest event arrives", () => text.includes("id: 30000\n"));
  emit();
  await until("a new one follows", () => text.includes("id: 30001\n"));
});
