import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, test } from "node:test";
import { clientOver, isUnreachable, type ControlClient } from "../../provider/deploy/control";
import { socketTransport } from "../../provider/deploy/transport";
import { PxeError } from "../../provider/errors";

let folder = "";
let server: Server;
let client: ControlClient;
let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "pxe-ctl-"));
  const path = join(folder, "s");
  server = createServer((request, response) => {
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  client = clientOver(socketTransport(path));
});
afterEach(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

describe("the control client", () => {
  test("throws the findings that the agent answers", async () => {
    const refusal = { code: "PXE_OWNED_BY_OTHER", what: "host/db1 belongs to other/dev", fix: "Choose another name.", where: [{ document: "host/db1" }] };
    answer = (_request, response) => { json(response, 409, { findings: [refusal] }); };
    await assert.rejects(client.apply({ owner: "demo/dev" }), (error: unknown) => error instanceof PxeError && error.code === "PXE_OWNED_BY_OTHER" && error.findings[0].where[0]?.document === "host/db1");
    answer = (_request, response) => { response.writeHead(500).end("<html>"); };
    await assert.rejects(client.status(), { code: "PXE_AGENT_REFUSED" });
  });

  test("says that the agent can't be reached, and where", async () => {
    const absent = clientOver(socketTransport(join(folder, "absent")));
    await assert.rejects(absent.status(), (error: unknown) => isUnreachable(error) && /absent: there is no such socket/.test(error.message));
    answer = (request) => { request.socket.destroy(); };
    await assert.rejects(client.status(), { code: "PXE_AGENT_UNREACHABLE" });
  });

  test("shares a few connections among many calls, and takes a new one when an idle one has ended", async () => {
    let connections = 0;
    let most = 0;
    let now = 0;
    server.on("connection", () => connections++);
    answer = (_request, response) => {
      most = Math.max(most, ++now);
      setImmediate(() => { now--; json(response, 200, { hosts: [] }); });
    };
    await Promise.all(Array.from({ length: 40 }, () => client.hosts()));
    assert.ok(connections <= 4 && most <= 4, `${connections} connections, ${most} at once`);
    server.closeAllConnections();
    assert.deepEqual(await client.hosts(), []);
  });

  test("sends a file as it is, with its size", async () => {
    const bytes = Buffer.alloc(3_000_000, 7);
    answer = (request, response) => {
      let size = 0;
      request.on("data", (chunk: Buffer) => (size += chunk.length));
      request.on("end", () => { json(response, 200, { path: request.url, length: request.headers["content-length"], size }); });
    };
    await client.putAsset("a".repeat(64), bytes.length, () => Readable.from([bytes]));
    const unreadable = (): Readable => new Readable({ read() { this.destroy(new Error("the file is a teapot")); } });
    await assert.rejects(client.putAsset("a".repeat(64), 10, unreadable), /teapot/);
  });

  test("tells events in order, across a connection that breaks, until it is told to stop", async () => {
    const asked: (string | undefined)[] = [];
    answer = (request, response) => {
      asked.push(request.url);
      const since = Number(/since=(\d+)/.exec(request.url ?? "")?.[1] ?? 0);
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`: \n\nid: ${since + 1}\ndata: {"id":${since + 1},`);
      response.write(`"text":"größe"}\n\nid: ${since + 2}\ndata: {"id":${since + 2}}\n\n`, () => { setTimeout(() => response.destroy(), 20); });
    };
    const stop = new AbortController();
    const ids: number[] = [];
    await client.events({ since: 4, signal: stop.signal, onEvent: (event) => { ids.push(event.id); if (ids.length === 4) stop.abort(); } });
    assert.deepEqual(ids, [5, 6, 7, 8]);
    assert.deepEqual(asked, ["/v1/events?since=4", "/v1/events?since=6"]);
  });
});
