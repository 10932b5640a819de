import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { blockCount, blockRange, defaultLimits, planTransfer } from "../../provider/engine/transfer-options";
import { clientGone, startTransfer, stepTransfer, type TransferInput, type TransferState, type TransferStep } from "../../provider/engine/transfer";

function ask(options: Record<string, string>, size = 10_000) {
  return planTransfer(Object.entries(options).map(([name, value]) => ({ name, value })), size, defaultLimits);
}

function accepted(options: Record<string, string>, size?: number): Record<string, string> {
  return Object.fromEntries(ask(options, size).accepted.map(({ name, value }) => [name, value]));
}

function going(step: TransferStep): TransferState {
  assert.ok(step.type === "going");
  return step.state;
}

function sends(step: TransferStep): string {
  if (step.type === "ended") return step.end.outcome;
  if (step.send === undefined) return "nothing";
  return step.send.type === "oack" ? "oack" : `${step.send.from}-${step.send.to}`;
}

/** Runs inputs one after another and lists what each one caused. */
function run(options: Record<string, string>, size: number, inputs: (TransferInput | number)[], now = 0): string[] {
  let step = startTransfer(ask(options, size), now);
  const out = [sends(step)];
  for (const input of inputs) {
    if (step.type === "ended") break;
    step = stepTransfer(step.state, typeof input === "number" ? { type: "ack", block: input } : input, now);
    out.push(sends(step));
  }
  return out;
}

describe("TFTP option negotiation", () => {
  test("D4 the OACK holds what was asked, in its order, and nothing else", () => {
    assert.deepEqual(ask({ tsize: "0", BLKSIZE: "1024", multicast: "", utimeout: "5" }).accepted, [
      { name: "tsize", value: "10000" }, { name: "BLKSIZE", value: "1024" },
    ]);
  });

  test("D6 grants stay within what was asked and what is allowed", () => {
    assert.deepEqual(accepted({ blksize: "8" }), { blksize: "8" });
    assert.deepEqual(accepted({ blksize: "65464" }), { blksize: "1468" });
    assert.deepEqual(accepted({ timeout: "1" }), { timeout: "1" });
    assert.deepEqual(accepted({ timeout: "255" }), { timeout: "255" });
    assert.deepEqual(accepted({ windowsize: "4" }), { windowsize: "4" });
    assert.deepEqual(accepted({ windowsize: "65535" }), { windowsize: "32" });
    assert.equal(ask({ timeout: "3" }).timeoutMs, 3000);
  });

  test("D6 F8 values out of range or no numbers leave the option out", () => {
    for (const value of ["7", "0", "-1", "", "abc", "1e3", "0x200", " 512", "99999999999999999999"]) {
      assert.deepEqual(accepted({ blksize: value }), {}, value);
    }
    for (const value of ["0", "256", "-1", "1.5"]) assert.deepEqual(accepted({ timeout: value }), {}, value);
    for (const value of ["0", "65536", "x"]) assert.deepEqual(accepted({ windowsize: value }), {}, value);
    assert.deepEqual(accepted({ tsize: "x" }), {});
  });

  test("D4 an option given twice counts once", () => {
    const plan = planTransfer([{ name: "blksize", value: "512" }, { name: "BlkSize", value: "1024" }], 1, defaultLimits);
    assert.deepEqual(plan.accepted, [{ name: "blksize", value: "512" }]);
    assert.equal(plan.blockSize, 512);
  });

  test("D14 netascii tells no tsize", () => {
    assert.deepEqual(planTransfer([{ name: "tsize", value: "0" }], 10, defaultLimits, false).accepted, []);
  });

  test("D15 blksize is capped by the interface's MTU", () => {
    const plan = planTransfer([{ name: "blksize", value: "1468" }], 1, { ...defaultLimits, blockSize: 1280 - 32 });
    assert.equal(plan.blockSize, 1248);
  });

  test("D13 an exact multiple ends with an empty block, an empty file is one", () => {
    assert.equal(blockCount(ask({}, 1024)), 3);
    assert.deepEqual(blockRange(ask({}, 1024), 3), { offset: 1024, length: 0 });
    assert.equal(blockCount(ask({}, 1023)), 2);
    assert.equal(blockCount(ask({}, 0)), 1);
    assert.deepEqual(blockRange(ask({}, 0), 1), { offset: 0, length: 0 });
  });
});

describe("TFTP transfer", () => {
  test("D5 D7 an OACK where options were granted, block 1 at once where none were", () => {
    assert.deepEqual(run({ blksize: "512" }, 600, [0, 1, 2]), ["oack", "1-1", "2-2", "sent"]);
    assert.deepEqual(run({}, 600, [1, 2]), ["1-1", "2-2", "sent"]);
    assert.deepEqual(run({ multicast: "" }, 600, [1, 2]), ["1-1", "2-2", "sent"]);
  });

  test("D8 a tsize probe that is aborted is no failure", () => {
    for (const code of [0, 8]) {
      assert.deepEqual(run({ tsize: "0" }, 600, [{ type: "error", code, message: "User aborted the transfer" }]), ["oack", "closed"]);
    }
    assert.deepEqual(run({}, 6000, [1, { type: "error", code: 0, message: "" }]), ["1-1", "2-2", "closed"]);
    assert.deepEqual(run({}, 6000, [1, { type: "error", code: 3, message: "disk full" }]), ["1-1", "2-2", "failed"]);
  });

  test("D9 an ACK inside the window rewinds to the block after it", () => {
    assert.deepEqual(run({ windowsize: "4" }, 512 * 20, [0, 4, 6, 10]), ["oack", "1-4", "5-8", "7-10", "11-14"]);
  });

  test("D9 the first block of a window lost: one rewind, and copies of the ACK send nothing more", () => {
    assert.deepEqual(
      run({ windowsize: "4" }, 512 * 40, [0, 4, 4, 4, 4, 8, 8, 12, 12]),
      ["oack", "1-4", "5-8", "5-8", "nothing", "nothing", "9-12", "nothing", "13-16", "13-16"],
    );
  });

  test("D10 a duplicate ACK sends nothing and leaves the timer alone", () => {
    const first = going(startTransfer(ask({}, 5000), 0));
    const second = going(stepTransfer(first, { type: "ack", block: 1 }, 100));
    const step = stepTransfer(second, { type: "ack", block: 1 }, 900);
    assert.equal(sends(step), "nothing");
    assert.equal(going(step).deadline, second.deadline);
  });

  test("D10 ACKs from the past and the future send nothing", () => {
    assert.deepEqual(run({}, 5000, [1, 2, 0, 1, 9, 65535, 3]), ["1-1", "2-2", "3-3", "nothing", "nothing", "nothing", "nothing", "4-4"]);
  });

  test("D10 timeouts repeat the window and back off from the granted interval", () => {
    let state = going(stepTransfer(going(startTransfer(ask({ timeout: "2", windowsize: "2" }, 9000), 0)), { type: "ack", block: 0 }, 0));
    const waits: number[] = [];
    for (let now = 0; ;) {
      waits.push(state.deadline - now);
      now = state.deadline;
      const step = stepTransfer(state, { type: "timeout" }, now);
      if (step.type === "ended") {
        assert.deepEqual(step.end, { outcome: "failed", reason: "the client fell silent after block 0 of 18" });
        break;
      }
      assert.equal(sends(step), "1-2");
      state = step.state;
    }
    assert.deepEqual(waits, [2000, 4000, 8000, 8000, 8000, 8000, 8000]);
  });

  test("D10 a timeout that comes early does nothing; progress resets the back-off", () => {
    const first = going(startTransfer(ask({}, 5000), 0));
    assert.equal(sends(stepTransfer(first, { type: "timeout" }, 999)), "nothing");
    const late = going(stepTransfer(first, { type: "timeout" }, 1000));
    assert.equal(late.deadline, 3000);
    assert.equal(going(stepTransfer(late, { type: "ack", block: 1 }, 1500)).deadline, 2500);
  });

  test("F5 an unanswered request is repeated three times at most", () => {
    let step = startTransfer(ask({ blksize: "1468" }), 0);
    const out = [sends(step)];
    while (step.type === "going") {
      step = stepTransfer(step.state, { type: "timeout" }, step.state.deadline);
      out.push(sends(step));
    }
    assert.deepEqual(out, ["oack", "oack", "oack", "oack", "failed"]);
  });

  test("D12 block numbers roll over", () => {
    let step = startTransfer(ask({ blksize: "8", windowsize: "32" }, 8 * 200_000), 0);
    let block = 0;
    for (;;) {
      if (step.type === "ended") break;
      step = stepTransfer(step.state, { type: "ack", block: block % 65536 }, 0);
      if (step.type === "going" && step.send?.type === "blocks") {
        assert.equal(step.send.from, block + 1);
        block = step.send.to;
      }
    }
    assert.equal(block, 200_001);
    assert.deepEqual(step.end, { outcome: "sent" });
  });

  test("D17 a last ACK that never comes is no error", () => {
    let step = stepTransfer(going(startTransfer(ask({}, 600), 0)), { type: "ack", block: 1 }, 0);
    assert.deepEqual(clientGone(going(step)), { outcome: "sent" });
    while (step.type === "going") step = stepTransfer(step.state, { type: "timeout" }, step.state.deadline);
    assert.deepEqual(step.end, { outcome: "sent" });
  });

  test("D17 a client that vanishes earlier has not got the file", () => {
    assert.deepEqual(clientGone(going(startTransfer(ask({}, 600), 0))), { outcome: "closed" });
  });
});
