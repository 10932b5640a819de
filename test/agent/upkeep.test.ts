import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test, type TestContext } from "node:test";
import { pino } from "pino";
import { Sightings } from "../../provider/agent/sightings";
import { AgentState } from "../../provider/agent/state";
import { openStore } from "../../provider/agent/store/open";
import type { Store } from "../../provider/agent/store/port";
import { Upkeep } from "../../provider/agent/upkeep";
import { keptFor } from "../../provider/engine/lease-history";
import type { LeaseTable } from "../../provider/engine/lease-table";
import type { Lease } from "../../provider/engine/leases";
import { applyRequest, type NewEvent } from "../../provider/model/control";
import { formatIpv4, ipv4 } from "../../provider/model/ip";
import { hostDocument, owner, profileDocument, serverDocument, subnetDocument } from "../support/documents";

const folder = mkdtempSync(join(tmpdir(), "pxe-upkeep-"));
after(() => { rmSync(folder, { recursive: true, force: true }); });

const day = 86_400_000;
const start = 1_700_000_000_000;
const db1 = "52:54:00:12:34:56";

function lease(index: number, expiresAt: number, mac = `52:54:00:00:${(index >> 8).toString(16).padStart(2, "0")}:${(index & 255).toString(16).padStart(2, "0")}`): Lease {
  return { address: formatIpv4(ipv4("10.77.0.0") + index), mac, clientId: null, owner, subnet: "provisioning", state: "active", expiresAt };
}

interface Bench {
  readonly upkeep: Upkeep;
  readonly leases: LeaseTable;
  readonly store: Store;
  readonly events: NewEvent[];
  /** Real time passes, and the clock with it unless it is set by `by`. */
  pass(milliseconds: number, by?: number): void;
  /** Addresses in the store. */
  stored(): string[];
  close(): Promise<void>;
}

let clock = start;
let steady = 0;

async function bench(t: TestContext, name: string, commit?: (store: Store) => Store["commit"]): Promise<Bench> {
  const opened = openStore(join(folder, name), clock);
  const { leases, snapshot } = opened;
  const store: Store = commit === undefined ? opened.store : { load: () => opened.store.load(), leasesOf: (addresses) => opened.store.leasesOf(addresses), close: () => opened.store.close(), commit: commit(opened.store) };
  const events: NewEvent[] = [];
  const emit = (event: NewEvent): void => { events.push(event); };
  const state = new AgentState(snapshot, opened.store, () => clock, emit);
  await state.apply(applyRequest.parse({ owner, put: [serverDocument({ interfaces: ["none0"] }), subnetDocument({ cidr: "10.77.0.0/16", pools: [{ from: "10.77.0.1", to: "10.77.0.10" }] }), profileDocument(), hostDocument({ ip: undefined, macs: [db1] })] }));
  const context = { clock: () => clock, log: pino({ level: "silent" }), state, leases, sightings: new Sightings(), emit, commit: (writes: Parameters<Store["commit"]>[0]) => store.commit(writes) };
  const upkeep = new Upkeep(context, snapshot.history ?? clock, { pause: 1 }, () => steady);
  let open = true;
  const close = async (): Promise<void> => {
    if (!open) return;
    open = false;
    await upkeep.close();
    await state.close();
    await opened.close();
  };
  t.after(close);
  return {
    upkeep, leases, store, events, close,
    pass: (milliseconds, by = 0) => {
      steady += milliseconds;
      clock += milliseconds + by;
    },
    stored: () => opened.store.load().leases.map(({ address }) => address),
  };
}

async function give(on: Bench, all: readonly Lease[]): Promise<void> {
  await on.store.commit(all.map((one) => ({ type: "lease.put", lease: one })));
  for (const one of all) on.leases.apply({ type: "lease.put", lease: one });
}

describe("the upkeep of leases", () => {
  test("A22 F1 what ended more than thirty days ago goes from memory and disk, a thousand in small parts; a declared host's stays", async (t) => {
    const on = await bench(t, "old");
    await give(on, [...Array.from({ length: 1000 }, (_, index) => lease(index + 1, clock)), lease(2000, clock, db1), lease(2001, clock + 2 * day)]);
    on.pass(keptFor + day);
    await on.upkeep.sweep();
    assert.deepEqual(on.stored(), ["10.77.7.208", "10.77.7.209"]);
    assert.deepEqual([...on.leases.all()].map(({ address }) => address).toSorted(), ["10.77.7.208", "10.77.7.209"]);
  });

  test("A19 a binding that is given out again while it is being removed stays, in memory and on the disk", async (t) => {
    let again: (() => void) | undefined;
    const on = await bench(t, "again", (store) => (writes) => {
      if (writes.some((write) => write.type === "lease.delete")) again?.();
      return store.commit(writes);
    });
    await give(on, [lease(1, clock), lease(2, clock), lease(3, clock)]);
    on.pass(keptFor + day);
    const renewed = [lease(1, clock + day), lease(2, clock + day)] as const;
    let giving: Promise<void> | undefined;
    again = () => {
      again = undefined;
      // One is put before the removal, and takes effect after it.
      giving = give(on, [renewed[0]]);
    };
    await on.upkeep.sweep();
    await giving;
    // And one of which the removal is stored first.
    await give(on, [renewed[1]]);
    assert.deepEqual(on.stored(), ["10.77.0.1", "10.77.0.2"]);
    assert.deepEqual([...on.leases.all()].map(({ address, expiresAt }) => [address, expiresAt]).toSorted(), renewed.map(({ address, expiresAt }) => [address, expiresAt]));
  });

  test("a clock that is a year ahead removes nothing, nor does one that is at the next start; when it is right again all goes on", async (t) => {
    const first = await bench(t, "jump");
    await give(first, [lease(1, clock + day), lease(2, clock - 29 * day)]);
    await first.upkeep.sweep();
    first.pass(60_000, 365 * day);
    await first.upkeep.sweep();
    await first.close();
    const second = await bench(t, "jump");
    second.pass(60_000);
    await second.upkeep.sweep();
    assert.deepEqual(second.stored(), ["10.77.0.1", "10.77.0.2"]);
    second.pass(60_000, -365 * day);
    await second.upkeep.sweep();
    assert.deepEqual(second.stored(), ["10.77.0.1", "10.77.0.2"]);
    for (let days = 0; days < 2; days++) {
      second.pass(day);
      await second.upkeep.sweep();
    }
    assert.deepEqual(second.stored(), ["10.77.0.1"]);
    assert.equal([...second.leases.all()].length, 1);
  });

  test("what can't be removed now is removed the next time", async (t) => {
    let full = true;
    const on = await bench(t, "full", (store) => (writes) => (full && writes.some((write) => write.type === "lease.delete") ? Promise.reject(new Error("no room")) : store.commit(writes)));
    await give(on, [lease(1, clock)]);
    on.pass(keptFor + day);
    await on.upkeep.sweep();
    assert.equal([...on.leases.all()].length, 1);
    full = false;
    await on.upkeep.sweep();
    assert.deepEqual([[...on.leases.all()].length, on.stored()], [0, []]);
  });

  test("F1 A20 a pool that runs short is an event and a problem", async (t) => {
    const on = await bench(t, "short");
    await give(on, Array.from({ length: 9 }, (_, index) => lease(index + 1, clock + day)));
    on.upkeep.start();
    on.upkeep.look();
    const text = "9 of the 10 addresses in the pools of provisioning are in use";
    assert.deepEqual(on.events.filter((event) => event.kind === "alert").map((event) => event.text), [text]);
    assert.deepEqual(on.upkeep.problems(), [text]);
  });
});
