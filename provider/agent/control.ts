import { rmSync } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { Server as NetServer } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { PxeError, errorText, finding, pxeError, throwFindings, type ErrorBody, type ErrorCode, type Finding } from "../errors";
import { applyRequest, type AgentStatus, type ApplyRequest, type ApplyResult } from "../model/control";
import type { Stored } from "../model/documents";
import { validate } from "../model/validate";
import * as z from "zod";
import { declaredLeases } from "./lease-status";
import { checkHere } from "./checks";
import { streamEvents } from "./event-stream";
import { allHostStatus, namedStatus } from "./host-status";
import type { EventLog } from "./events";
import type { AgentContext } from "./context";
import { refuseBesideForeign } from "./foreign";
import type { Keeper } from "./sockets";
import type { AgentState } from "./state";

/** What the control API works with. */
export interface ControlPort {
  readonly context: AgentContext;
  readonly state: AgentState;
  readonly events: EventLog;
  status(): AgentStatus;
  /** Resolves when what is served follows the documents. */
  reconcile(): Promise<void>;
}

/** A batch carries every host's rendered files. */
const bodyLimit = 256 * 1024 * 1024;

const httpStatus: Partial<Record<ErrorCode, number>> = {
  PXE_REVISION_CONFLICT: 409, PXE_OWNED_BY_OTHER: 409, PXE_NOT_FOUND: 404, PXE_DISK_FULL: 507, PXE_STORE_FAILED: 503, PXE_INTERNAL: 500,
};

/** Milliseconds in which requests must come to their end before the agent hands over. */
const retireLimit = 8_000;

/** How often what is still open is ended while the socket closes, in milliseconds. */
const closeEvery = 50;

/** Milliseconds for the first request of a connection that was just accepted. */
const askGrace = 100;

/** The control API while it is served. */
export interface Control {
  close(): Promise<void>;
  /**
   * Waits until no request is under way and stops; the socket stays open at the keeper.
   * @throws PXE_HANDOVER_FAILED where that doesn't come soon; then it is served on
   */
  retire(): Promise<void>;
}

/**
 * Serves the control API on a unix socket: who may open the socket may do everything.
 * @param socketPath replaced when it is left over from an earlier run
 * @param keeper holds the socket
 */
export async function startControl(port: ControlPort, socketPath: string, keeper?: Keeper): Promise<Control> {
  const app = fastify({ bodyLimit, forceCloseConnections: true });
  const underWay = countRequests(app);
  app.addContentTypeParser("application/octet-stream", (_request, payload, done) => { done(null, payload); });
  app.setErrorHandler((error, _request, reply) => sendError(reply, error));
  app.setNotFoundHandler((request, reply) => sendError(reply, pxeError("PXE_NOT_FOUND", `${request.method} ${request.url} is not part of the control API`)));
  documentRoutes(app, port);
  hostRoutes(app, port);
  assetRoutes(app, port);
  eventRoute(app, port.events);
  if (keeper === undefined) {
    await rm(socketPath, { force: true });
    await app.listen({ path: socketPath });
    await chmod(socketPath, 0o600);
  } else {
    await app.ready();
    await keeper.control(app.server, socketPath);
  }
  return {
    close: async () => {
      await closed(app);
      if (keeper !== undefined) rmSync(socketPath, { force: true });
    },
    retire: async () => {
      const deadline = Date.now() + retireLimit;
      while (underWay() > 0) {
        if (Date.now() > deadline) throw pxeError("PXE_HANDOVER_FAILED", "a change or an upload is under way at the control socket", { fix: "Run the operation again." });
        await delay(10);
      }
      NetServer.prototype.close.call(app.server);
      // Whoever has just connected is about to ask.
      await delay(askGrace);
      while (underWay() > 0 && Date.now() < deadline) await delay(10);
      // What is open now is idle or follows the events: clients ask again on a new connection.
      await closed(app);
    },
  };
}

/** Ends all connections, also one that is accepted while the others are ended: a reader of events never ends its own. */
async function closed(app: FastifyInstance): Promise<void> {
  app.server.closeAllConnections();
  const timer = setInterval(() => { app.server.closeAllConnections(); }, closeEvery);
  await app.close().finally(() => { clearInterval(timer); });
}

/** Counts requests; who follows the events doesn't count: that has no end, and is resumed. */
function countRequests(app: FastifyInstance): () => number {
  let count = 0;
  app.addHook("onRequest", (request, reply, done) => {
    if (!request.url.startsWith("/v1/events")) {
      count += 1;
      // Also where the client breaks off.
      reply.raw.once("close", () => { count -= 1; });
    }
    done();
  });
  return () => count;
}

function sendError(reply: FastifyReply, error: unknown): FastifyReply {
  const status = typeof error === "object" && error !== null && "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : undefined;
  const code = status !== undefined && status < 500 ? "PXE_INPUT_INVALID" : "PXE_INTERNAL";
  const findings: readonly Finding[] = error instanceof PxeError ? error.findings : [finding(code, errorText(error))];
  const body: ErrorBody = { findings };
  const first = findings[0]?.code;
  return reply.code(status ?? (first === undefined ? 500 : httpStatus[first]) ?? 422).send(body);
}

const ownerQuery = z.object({ owner: z.string().optional() });

function documentRoutes(app: FastifyInstance, port: ControlPort): void {
  const { state } = port;
  app.get("/v1/status", () => port.status());
  app.get("/v1/documents", (request) => {
    const { owner } = ownerQuery.parse(request.query);
    return { documents: state.allDocuments().filter((doc) => owner === undefined || doc.owner === owner).map(withoutSecrets) };
  });
  app.post("/v1/apply", async (request): Promise<ApplyResult> => {
    const batch = checkedBatch(request.body);
    throwFindings(checkHere(batch, port.context));
    await refuseBesideForeign(batch, state, port.context.foreign);
    const plan = await state.apply(batch);
    // Nothing else opens or closes a listener, and the interfaces are looked at every few seconds anyway.
    if ([...batch.put, ...batch.delete].some((item) => item.kind === "server")) await port.reconcile();
    const hosts = batch.put.filter((doc) => doc.kind === "host").flatMap((doc) => namedStatus(state, port.context.leases, port.context.clock(), doc) ?? []);
    return { revision: plan.revision, documents: plan.revisions, hosts };
  });
  app.get("/v1/leases", () => ({ leases: declaredLeases(port.context) }));
}

/** A batch by its schema; findings name the document that each is about, not its place in the batch. */
function checkedBatch(body: unknown): ApplyRequest {
  const result = validate(applyRequest, body, "batch");
  if (result.ok) return result.value;
  const put = z.object({ put: z.array(z.object({ kind: z.string(), name: z.string() })) }).safeParse(body);
  const named = result.findings.map((item): Finding => {
    const [place] = item.where;
    const match = /^put\[(\d+)\]\.?(?:spec\.)?(.*)$/.exec(place?.property ?? "");
    const doc = match === null || !put.success ? undefined : put.data.put[Number(match[1])];
    return doc === undefined ? item : { ...item, where: [{ document: `${doc.kind}/${doc.name}`, property: match?.[2] ?? "" }] };
  });
  throwFindings(named);
  throw pxeError("PXE_INTERNAL", "a batch was refused without a reason");
}

function withoutSecrets(doc: Stored): Stored {
  if (doc.kind !== "host") return doc;
  const secrets = Object.fromEntries(Object.keys(doc.spec.secrets).map((name) => [name, "‹secret›"]));
  return { ...doc, spec: { ...doc.spec, secrets } };
}

function hostRoutes(app: FastifyInstance, port: ControlPort): void {
  const { state, context } = port;
  const all = (owner: string | undefined): ReturnType<typeof allHostStatus> =>
    allHostStatus(state, context.leases, context.clock()).filter((host) => owner === undefined || host.owner === owner);
  app.get("/v1/hosts", (request) => ({ hosts: all(ownerQuery.parse(request.query).owner) }));
  app.post("/v1/hosts/:name/done", async (request) => {
    const { name } = z.object({ name: z.string() }).parse(request.params);
    const { owner } = ownerQuery.parse(request.query);
    const matches = [...state.hosts()].filter(({ document }) => document.name === name && (owner === undefined || document.owner === owner));
    const [host, ...more] = matches;
    if (host === undefined) throw pxeError("PXE_NOT_FOUND", `no host is called ${name}`);
    if (more.length > 0) throw pxeError("PXE_INPUT_INVALID", `several owners have a host ${name}`, { fix: "Say which with ?owner=." });
    if (host.facts.token === null) throw pxeError("PXE_INPUT_INVALID", `${name} is ${host.facts.state}: no install is under way`, { fix: "Nothing needs to be done." });
    await state.progress(host.facts.token, { kind: "done", sshHostKeys: [] });
    return { host: all(host.document.owner).find((item) => item.name === name) };
  });
}

function assetRoutes(app: FastifyInstance, port: ControlPort): void {
  const { assets } = port.context;
  app.post("/v1/assets/missing", (request) => {
    const { sha256 } = z.object({ sha256: z.array(z.string()) }).parse(request.body);
    return { missing: assets.missing(sha256) };
  });
  app.put("/v1/assets/:sha256", async (request) => {
    const { sha256 } = z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }).parse(request.params);
    const { size } = await assets.put(sha256, request.body as Readable);
    port.context.emit({ kind: "asset.stored", host: null, mac: null, address: null, text: `stored ${sha256.slice(0, 12)}…, ${String(size)} bytes` });
    return { sha256, size };
  });
}

/** Server-sent events (WHATWG HTML, section 9.2): `id`, `data`; a reader resumes with `since` or Last-Event-ID. */
function eventRoute(app: FastifyInstance, events: EventLog): void {
  app.get("/v1/events", (request, reply) => {
    const query = z.object({ since: z.coerce.number().int().optional(), follow: z.enum(["0", "1"]).default("1") }).parse(request.query);
    const last = Number(request.headers["last-event-id"] ?? Number.NaN);
    const since = query.since ?? (Number.isSafeInteger(last) ? last : 0);
    reply.hijack();
    streamEvents(reply.raw, events, since, query.follow === "1");
  });
}
