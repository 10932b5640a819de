import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pino } from "pino";
import { EventLog } from "../../provider/agent/events";
import type { StoreWrite } from "../../provider/agent/store/port";
import type { AgentEvent, EventKind, NewEvent } from "../../provider/model/control";
import { until } from "../support/files-context";

interface Bench {
  readonly log: EventLog;
  readonly commits: (readonly StoreWrite[])[];
  readonly lines: { level: number; msg: string }[];
}

function bench(commit: () => Promise<"ok"> = () => Promise.resolve("ok"), earlier: readonly AgentEvent[] = []): Bench {
  const commits: (readonly StoreWrite[])[] = [];
  const lines: Bench["lines"] = [];
  const store = { commit: (writes: readonly StoreWrite[]) => { commits.push(writes); return commit(); } };
  const logger = pino({ base: null }, { write: (line) => { lines.push(JSON.parse(line) as Bench["lines"][number]); } });
  return { log: new EventLog(earlier, store, () => 1, logger), commits, lines };
}

const event = (kind: EventKind, text: string = kind): NewEvent => ({ kind, host: null, mac: null, address: null, text });
const kinds = (commits: Bench["commits"]): string[][] => commits.map((writes) => writes.flatMap((write) => (write.type === "event.put" ? [write.event.kind] : [])));

describe("the event log", () => {
  test("stores what packets cause together within a second, and an alert at once with all that waits; offers it only tells", async () => {
    const { log, commits } = bench();
    const told: string[] = [];
    log.subscribe((one) => { told.push(one.kind); });
    for (const kind of ["dhcp.offer", "dhcp.ack", "tftp.sent"] as const) log.emit(event(kind));
    assert.deepEqual([commits.length, told], [0, ["dhcp.offer", "dhcp.ack", "tftp.sent"]]);
    log.emit(event("alert"));
    assert.deepEqual(kinds(commits), [["dhcp.ack", "tftp.sent", "alert"]]);
    log.emit(event("dhcp.nak"));
    await until("it is stored without more", () => commits.length === 2);
    assert.deepEqual(kinds(commits)[1], ["dhcp.nak"]);
    assert.deepEqual(log.since(0).map((one) => one.id), [1, 2, 3, 4, 5]);
  });

  test("no id comes twice: the next agent goes on beyond all that was told, though offers aren't stored, and they cost no write each", async () => {
    const { log, commits } = bench();
    log.emit(event("agent.started"));
    for (let count = 0; count < 600; count++) log.emit(event("dhcp.offer"));
    for (let count = 0; count < 100; count++) log.emit(event("dhcp.ack"));
    // It is killed with a second's events unstored.
    assert.ok(commits.length <= 3, String(commits.length));
    const told = log.since(0).at(-1)?.id ?? 0;
    const stored = commits.flatMap((writes) => writes.flatMap((write) => (write.type === "event.put" ? [write.event] : [])));
    assert.equal(told, 701);
    const next = bench(undefined, stored);
    next.log.emit(event("host.failed"));
    assert.deepEqual(next.log.since(told).map((one) => one.kind), ["host.failed"]);
    next.log.emit(event("agent.stopped"));
    await next.log.flush();
    const [failed, stopped] = next.log.since(told);
    const last = bench(undefined, [failed, stopped].filter((one) => one !== undefined));
    last.log.emit(event("agent.started"));
    assert.equal(last.log.since(0).at(-1)?.id, (stopped?.id ?? 0) + 1);
  });

  test("a reader that is ahead of the log has read one that is lost, and is told all of this one", () => {
    const { log } = bench();
    log.emit(event("agent.started"));
    log.emit(event("host.failed"));
    assert.deepEqual([log.since(6).map((one) => one.kind), log.since(2)], [["agent.started", "host.failed"], []]);
  });

  test("F8 F9 no control character of a client reaches an event or the log", async () => {
    const { log, commits, lines } = bench();
    log.emit(event("dhcp.nak", "refused \u001b[31mto\r\n{\"level\":60} \u0085\u009b\u007f\u2028me"));
    await log.flush();
    const clean = "refused ?[31mto??{\"level\":60} ????me";
    const [stored] = commits[0] ?? [];
    assert.deepEqual([lines[0]?.msg, stored?.type === "event.put" && stored.event.text], [clean, clean]);
  });

  test("a store that takes nothing costs a line in the log and nothing else", async () => {
    const { log, lines } = bench(() => Promise.reject(new Error("no room")));
    log.emit(event("alert"));
    await log.flush();
    await until("it is told", () => lines.some((line) => line.msg === "1 events could not be stored"));
    assert.equal(lines[0]?.level, 40);
  });
});
