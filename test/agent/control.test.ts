import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pino } from "pino";
import { startAgent, type RunningAgent } from "../../provider/agent/run";
import { errorFromBody } from "../../provider/errors";
import type { AgentEvent, AgentStatus, ApplyResult, HostStatus } from "../../provider/model/control";
import { hostDocument, owner, profileDocument, serverDocument, subnetDocument } from "../support/documents";

const folder = mkdtempSync(join(tmpdir(), "pxe-control-"));
const socketPath = join(folder, "run", "control.sock");
let agent: RunningAgent;

function start(): Promise<RunningAgent> {
  return startAgent({ data: join(folder, "data"), socket: socketPath, log: pino({ level: "silent" }) });
}

before(async () => { agent = await start(); });
after(async () => {
  await agent.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

function call(method: string, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": Buffer.isBuffer(body) ? "application/octet-stream" : "application/json" };
    const sent = request({ socketPath, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => { text += chunk; });
      response.on("end", () => { resolve({ status: response.statusCode ?? 0, text }); });
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : Buffer.isBuffer(body) ? body : typeof body === "string" ? body : JSON.stringify(body));
  });
}

async function json<T>(method: string, path: string, body?: unknown): Promise<T> {
  const answer = await call(method, path, body);
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text) as T;
}

/** The codes of a refusal and where they point. */
async function refusal(method: string, path: string, body?: unknown): Promise<string[]> {
  const answer = await call(method, path, body);
  assert.ok(answer.status >= 400, answer.text);
  const error = errorFromBody(JSON.parse(answer.text));
  return (error?.findings ?? []).map((item) => `${item.code} ${item.where.map((place) => `${place.document}:${place.property ?? ""}`).join(",")}`.trim());
}

/** SHA-256 of "abc" (FIPS 180-2, appendix B.1). */
const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const file = (name: string): { name: string; sha256: string; size: number } => ({ name, sha256: abc, size: 3 });
const profile = profileDocument({ kernel: file("linux"), initrd: [file("initrd.gz")], loaders: { bios: { program: file("pxelinux.0"), modules: [] } } });
const net = subnetDocument();

describe("the control API", () => {
  test("its socket is its user's alone", () => {
    assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  });

  test("an unknown route, a body that is no JSON and a wrong shape are told as coded findings", async () => {
    assert.deepEqual(await refusal("GET", "/v1/nonsense"), ["PXE_NOT_FOUND"]);
    assert.deepEqual(await refusal("POST", "/v1/apply", "{"), ["PXE_INPUT_INVALID"]);
    assert.deepEqual(await refusal("POST", "/v1/apply", { owner: "nobody" }), ["PXE_INPUT_INVALID batch:owner"]);
  });

  test("a batch's failures are all told at once, by document and property, and nothing is applied", async () => {
    const bad = { ...net, spec: { ...net.spec, cidr: "10.77.0.0/33", colour: 1 } };
    const host = { ...hostDocument(), spec: { ...hostDocument().spec, macs: ["x"] } };
    assert.deepEqual((await refusal("POST", "/v1/apply", { owner, put: [bad, host] })).toSorted(), [
      "PXE_INPUT_INVALID host/db1:macs[0]", "PXE_INPUT_INVALID subnet/provisioning:cidr", "PXE_INPUT_INVALID subnet/provisioning:colour",
    ]);
    assert.equal((await json<AgentStatus>("GET", "/v1/status")).revision, 0);
  });

  test("a profile whose files are not here is refused, and taken once they are", async () => {
    assert.deepEqual(await refusal("POST", "/v1/apply", { owner, put: [profile] }), Array.from({ length: 3 }, () => "PXE_ASSET_MISSING profile/debian12:"));
    assert.deepEqual(await refusal("PUT", `/v1/assets/${abc}`, Buffer.from("abd")), ["PXE_ASSET_HASH"]);
    assert.deepEqual(await json("POST", "/v1/assets/missing", { sha256: [abc] }), { missing: [abc] });
    assert.deepEqual(await json("PUT", `/v1/assets/${abc}`, Buffer.from("abc")), { sha256: abc, size: 3 });
    assert.deepEqual(await json("POST", "/v1/assets/missing", { sha256: [abc] }), { missing: [] });
    await json<ApplyResult>("POST", "/v1/apply", { owner, put: [profile] });
  });

  test("hosts are told with their state and their next boot, documents without their secrets", async () => {
    const host = hostDocument({ secrets: { root: "hush" } });
    const result = await json<ApplyResult>("POST", "/v1/apply", { owner, put: [net, host], arm: [{ host: "db1", reason: "create" }] });
    assert.deepEqual(result.hosts.map(({ name, state, nextBoot }) => [name, state, nextBoot.action]), [["db1", "armed", "install"]]);
    const documents = await call("GET", `/v1/documents?owner=${encodeURIComponent(owner)}`);
    assert.match(documents.text, /db1/);
    assert.doesNotMatch(documents.text, /hush/);
    assert.match((await call("GET", "/v1/documents?owner=lab%2Fnobody")).text, /"documents":\[\]/);
  });

  test("events can be resumed by id and hold no token", async () => {
    const token = [...agent.state.hosts()][0]?.facts.token ?? "";
    assert.notEqual(token, "");
    const { text } = await call("GET", "/v1/events?follow=0");
    assert.doesNotMatch(text, new RegExp(token));
    const events = text.split("\n").filter((line) => line.startsWith("data: ")).map((line) => JSON.parse(line.slice(6)) as AgentEvent);
    assert.deepEqual(events.filter((event) => event.kind.startsWith("host.")).map((event) => [event.kind, event.host]), [["host.armed", "db1"]]);
    const last = events.at(-1)?.id ?? 0;
    assert.equal((await call("GET", `/v1/events?follow=0&since=${String(last)}`)).text, "");
    assert.match((await call("GET", `/v1/events?follow=0&since=${String(last - 1)}`)).text, new RegExp(`^id: ${String(last)}\n`));
  });

  test("a person can say that a host is done, once", async () => {
    assert.equal((await json<{ host: HostStatus }>("POST", "/v1/hosts/db1/done", {})).host.state, "installed");
    assert.deepEqual(await refusal("POST", "/v1/hosts/db1/done", {}), ["PXE_INPUT_INVALID"]);
    assert.deepEqual(await refusal("POST", "/v1/hosts/nobody/done", {}), ["PXE_NOT_FOUND"]);
  });

  test("an interface that is not there is told by the status, and the agent goes on", async () => {
    await json("POST", "/v1/apply", { owner, put: [serverDocument({ interfaces: ["nosuch0"] })] });
    const status = await json<AgentStatus>("GET", "/v1/status");
    assert.equal(status.ready, false);
    assert.match(status.problems.join(), /nosuch0/);
  });

  test("a deleted host leaves its history", async () => {
    await json("POST", "/v1/apply", { owner, delete: [{ kind: "host", name: "db1" }] });
    const { hosts } = await json<{ hosts: HostStatus[] }>("GET", "/v1/hosts");
    assert.deepEqual(hosts.map(({ name, state, declared }) => [name, state, declared]), [["db1", "installed", false]]);
  });

  test("a restart keeps documents, facts and events, and takes over a left-over socket", async () => {
    const before = await json<{ hosts: HostStatus[] }>("GET", "/v1/hosts");
    const { revision } = await json<AgentStatus>("GET", "/v1/status");
    await agent.close();
    agent = await start();
    assert.deepEqual(await json("GET", "/v1/hosts"), before);
    assert.equal((await json<AgentStatus>("GET", "/v1/status")).revision, revision);
    assert.match((await call("GET", "/v1/events?follow=0")).text, /host.armed/);
  });
});
