import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { Progress } from "../../provider/agent/progress";
import { AgentState } from "../../provider/agent/state";
import type { Store, StoreWrite } from "../../provider/agent/store/port";
import { decideBoot } from "../../provider/engine/boot";
import { pxeError } from "../../provider/errors";
import { applyRequest, type NewEvent } from "../../provider/model/control";
import { memoryStore } from "../support/dhcp-context";
import { hostDocument, owner, profileDocument, subnetDocument } from "../support/documents";
import { until } from "../support/files-context";

interface Bench {
  readonly state: AgentState;
  readonly progress: Progress;
  readonly events: NewEvent[];
  readonly stored: StoreWrite[];
  readonly token: string;
  fill(full: boolean): void;
}

async function bench(t: TestContext, retryAfter = 3_600_000): Promise<Bench> {
  let isFull = false;
  const stored: StoreWrite[] = [];
  const store: Store = memoryStore((writes) => {
    if (isFull) return Promise.reject(pxeError("PXE_DISK_FULL", "no room"));
    stored.push(...writes);
    return Promise.resolve("ok");
  });
  const events: NewEvent[] = [];
  const state = new AgentState(store.load(), store, Date.now, (event) => { events.push(event); }, retryAfter);
  t.after(() => state.close());
  const put = [subnetDocument(), profileDocument(), hostDocument()];
  await state.apply(applyRequest.parse({ owner, put, arm: [{ host: "db1", reason: "create" }] }));
  const token = [...state.hosts()][0]?.facts.token ?? "";
  return { state, progress: new Progress(state), events, stored, token, fill: (full) => { isFull = full; } };
}

const mac = "52:54:00:12:34:56";
const nextBoot = (state: AgentState): string => decideBoot(state.hostByMac(mac), { mac, firmware: "bios" }, Date.now()).action;
const factsOf = (stored: readonly StoreWrite[]): string[] => stored.flatMap((write) => (write.type === "facts.put" ? [write.facts.state] : []));
const statusOf = async (answer: Promise<{ ok: boolean; status?: number }>): Promise<number> => (await answer).status ?? 200;

describe("on a full disk", () => {
  test("a machine that begins to write or is done boots from its disk from then on; its installer asks again until it is stored", async (t) => {
    const { state, progress, events, stored, token, fill } = await bench(t);
    fill(true);
    assert.equal(await statusOf(progress.report(token, "installing", "")), 503);
    assert.equal(await statusOf(progress.report(token, "wiping", "")), 503);
    assert.equal(nextBoot(state), "local");
    assert.equal(await statusOf(progress.done(token, ["ssh-ed25519 AAAA"])), 503);
    assert.equal(await statusOf(progress.done(token, ["ssh-ed25519 AAAA"])), 503);
    assert.equal(state.hostByMac(mac)?.facts.state, "installed");
    assert.deepEqual(events.filter((event) => event.kind === "alert").length, 1);
    assert.deepEqual(events.filter((event) => event.kind === "host.installed").length, 1);
    fill(false);
    assert.equal(await statusOf(progress.done(token, ["ssh-ed25519 AAAA"])), 200);
    assert.deepEqual(factsOf(stored), ["armed", "installed"]);
    assert.equal(await statusOf(progress.done(token, [])), 200);
    assert.deepEqual(state.hostByMac(mac)?.facts.sshHostKeys, ["ssh-ed25519 AAAA"]);
  });

  test("it is written again until it is stored, without anybody asking", async (t) => {
    const { progress, stored, token, fill } = await bench(t, 10);
    fill(true);
    assert.equal(await statusOf(progress.done(token, [])), 503);
    fill(false);
    await until("the facts are stored", () => factsOf(stored).includes("installed"));
  });

  test("a batch that can't be stored changes nothing", async (t) => {
    const { state, fill } = await bench(t);
    fill(true);
    await assert.rejects(state.apply(applyRequest.parse({ owner, delete: [{ kind: "host", name: "db1" }] })), { code: "PXE_DISK_FULL" });
    assert.equal([...state.hosts()].length, 1);
  });

  test("a token that ended while the disk was full is worth nothing once the host is armed again", async (t) => {
    const { state, progress, token, fill } = await bench(t);
    fill(true);
    await progress.done(token, []);
    fill(false);
    await state.apply(applyRequest.parse({ owner, put: [hostDocument()], arm: [{ host: "db1", reason: "reinstall", generation: "2" }] }));
    assert.equal(nextBoot(state), "install");
    assert.equal(state.hostByToken(token), undefined);
    assert.equal(await statusOf(progress.done(token, [])), 404);
    assert.equal(nextBoot(state), "install");
  });
});
