import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { reportOf, type Figures, type Found } from "../../../bench/dhcp/figures";

const steady = { cpu: 200, p50: 1, p99: 10, loss: 0 };

function figures(server: string, change: Partial<Figures> = {}): Figures {
  return { load: "no leases", server, steady: [steady], rates: [8000], ...change };
}

function found(change: Partial<Found>): Found {
  return { figures: [], restarts: [], restartLeases: 100_000, steadyRate: 2000, memory: undefined, ...change };
}

describe("the report of the DHCP benchmark", () => {
  test("shows medians beside Kea's, and goals as reached", () => {
    const report = reportOf(found({
      figures: [
        figures("Kea", { steady: [{ ...steady, cpu: 100 }, steady, { ...steady, cpu: 900 }] }),
        figures("agent", { steady: [{ ...steady, cpu: 150 }], rates: [4000, 8000, 10_000] }),
      ],
      restarts: [{ server: "agent", seconds: [3, 1.5, 1] }], memory: { bytes: 250, leases: 100_000 },
    }));
    assert.deepEqual(report.rows[1], {
      held: "no leases", server: "agent", "CPU µs": "150", "× Kea": "0.75", "p50 ms": "1.00", "p99 ms": "10.00", "lost %": "0.00", "highest /s": "8000", "× Kea's": "1.00",
    });
    assert.deepEqual(report.goals.map(({ met }) => met), [true, true, true, true, true]);
    assert.equal(report.goals[0]?.text, "CPU an exchange at most 1.0 × Kea's: 0.75 with no leases");
    assert.equal(report.goals[4]?.text, "ready within 2 s of a start with 100000 leases: 1.50");
  });

  test("a goal that one load misses is missed, with every load's figure", () => {
    const report = reportOf(found({
      figures: [
        figures("Kea"), figures("agent"), figures("Kea", { load: "many" }),
        figures("agent", { load: "many", steady: [{ ...steady, cpu: 300, p99: 21 }], rates: [4000] }),
      ],
      restarts: [{ server: "agent", seconds: [2.5] }], memory: { bytes: 401, leases: 1000 },
    }));
    assert.deepEqual(report.goals.map(({ met }) => met), [false, false, false, false, false]);
    assert.equal(report.goals[1]?.text, "highest rate at least 1.0 × Kea's: 1.00 with no leases, 0.50 with many");
  });

  test("what was not measured, or says nothing, is a dash and no goal", () => {
    const report = reportOf(found({ figures: [figures("dnsmasq", { steady: [{ cpu: Infinity, p50: 400, p99: 800, loss: 0.9 }], rates: [] })] }));
    assert.deepEqual(report.rows, [{
      held: "no leases", server: "dnsmasq", "CPU µs": "–", "× Kea": "–", "p50 ms": "–", "p99 ms": "–", "lost %": "90.00", "highest /s": "–", "× Kea's": "–",
    }]);
    assert.deepEqual(report.goals, []);
  });
});
