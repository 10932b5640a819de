import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pino } from "pino";
import { EventLog } from "../../provider/agent/events";
import type { StoreWrite } from "../../provider/agent/store/port";
import type { EventKind, NewEvent } from "../../provider/model/control";
import { until } from "../support/files-context";

interface Bench {
  readonly log: EventLog;
  readonly commits: (readonly StoreWrite[])[];
  readonly lines: { level: number; msg: string }[];
}

function bench(commit: () => Promise<"ok"> = () => Promise.resolve("ok")): Bench {
  const commits: (readonly StoreWrite[])[] = [];
  const lines: Bench["lines"] = [];
  const store = { commit: (writes: readonly StoreWrite[]) => { commits.push(writes); return commit(); } };
  const logger = pino({ base: null }, { write: (line) => { lines.push(JSON.parse(line) as Bench["lines"][number]); } });
  return { log: new EventLog([], store, () => 1, logger), commits, lines };
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
