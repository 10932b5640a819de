import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { startTransfer, stepTransfer, type TransferEnd, type TransferSend, type TransferStep } from "../../provider/engine/transfer";
import { blockCount, blockRange, defaultLimits, planTransfer, type TransferPlan } from "../../provider/engine/transfer-options";

/** What the network does with one packet: how many copies arrive, and how late, in milliseconds. */
interface Fate {
  readonly delays: readonly number[];
}

type Packet =
  | { readonly to: "client"; readonly kind: "oack" }
  | { readonly to: "client"; readonly kind: "data"; readonly block: number; readonly bytes: Buffer }
  | { readonly to: "server"; readonly block: number };

interface Outcome {
  readonly end: TransferEnd;
  readonly got: Buffer;
  readonly clientDone: boolean;
  readonly packets: number;
}

/** A receiver by RFC 1350 and RFC 7440: acknowledges a full window, the last block, and the last good block at a gap. */
class ModelClient {
  readonly parts: Buffer[] = [];
  private received = 0;
  private inWindow = 0;
  private gapTold = false;
  done = false;
  started = false;
  constructor(private readonly plan: TransferPlan, private readonly chatty: boolean) {}

  private ack(): number {
    this.inWindow = 0;
    return this.received % 65536;
  }

  receive(packet: Extract<Packet, { to: "client" }>): number | undefined {
    if (packet.kind === "oack") {
      this.started = true;
      return this.received === 0 ? 0 : undefined;
    }
    this.started = true;
    if (packet.block === (this.received + 1) % 65536 && !this.done) {
      this.received += 1;
      this.inWindow += 1;
      this.gapTold = false;
      this.parts.push(packet.bytes);
      if (packet.bytes.length < this.plan.blockSize) this.done = true;
      return this.done || this.inWindow >= this.plan.windowSize ? this.ack() : undefined;
    }
    if (this.gapTold && !this.chatty) return undefined;
    this.gapTold = true;
    return this.ack();
  }

  timeout(): number | undefined {
    this.gapTold = false;
    return this.started ? this.ack() : undefined;
  }
}

function simulate(plan: TransferPlan, file: Buffer, fates: readonly Fate[], chatty: boolean): Outcome {
  const client = new ModelClient(plan, chatty);
  const queue: { at: number; serial: number; packet: Packet }[] = [];
  let serial = 0;
  let now = 0;
  let packets = 0;
  let clientDeadline = 3000;

  function post(packet: Packet): void {
    packets += 1;
    const fate = fates.length === 0 ? { delays: [1] } : fates[packets % fates.length];
    for (const delay of fate?.delays ?? []) queue.push({ at: now + delay, serial: serial++, packet });
  }
  function transmit(send: TransferSend | undefined): void {
    if (send === undefined) return;
    if (send.type === "oack") {
      post({ to: "client", kind: "oack" });
      return;
    }
    for (let block = send.from; block <= send.to; block += 1) {
      const { offset, length } = blockRange(plan, block);
      post({ to: "client", kind: "data", block: block % 65536, bytes: file.subarray(offset, offset + length) });
    }
  }
  let step: TransferStep = startTransfer(plan, 0);
  if (step.type === "going") transmit(step.send);
  while (step.type === "going") {
    queue.sort((a, b) => a.at - b.at || a.serial - b.serial);
    const next = queue[0];
    const due = Math.min(next?.at ?? Infinity, step.state.deadline, clientDeadline);
    now = due;
    if (next !== undefined && next.at === due) {
      queue.shift();
      if (next.packet.to === "client") {
        clientDeadline = now + 3000;
        const ack = client.receive(next.packet);
        if (ack !== undefined) post({ to: "server", block: ack });
        continue;
      }
      step = stepTransfer(step.state, { type: "ack", block: next.packet.block }, now);
    } else if (clientDeadline === due) {
      clientDeadline = now + 3000;
      const ack = client.done ? undefined : client.timeout();
      if (ack !== undefined) post({ to: "server", block: ack });
      continue;
    } else {
      step = stepTransfer(step.state, { type: "timeout" }, now);
    }
    if (step.type === "going") transmit(step.send);
    assert.ok(packets < 100_000, "the transfer never ends");
  }
  return { end: step.end, got: Buffer.concat(client.parts), clientDone: client.done, packets };
}

const delay = fc.integer({ min: 1, max: 40 });
const kept = fc.constant<Fate>({ delays: [1] });
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 6, arbitrary: kept },
  { weight: 1, arbitrary: fc.constant<Fate>({ delays: [] }) },
  { weight: 1, arbitrary: fc.array(delay, { minLength: 1, maxLength: 3 }).map((delays) => ({ delays })) },
);
const hostileFate: fc.Arbitrary<Fate> = fc.array(fc.integer({ min: 1, max: 4000 }), { maxLength: 3 }).map((delays) => ({ delays }));

const setting = fc.record({
  size: fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 40 }).map((n) => n * 16)),
  windowSize: fc.integer({ min: 1, max: 32 }),
  negotiated: fc.boolean(),
  chatty: fc.boolean(),
});

function planOf({ size, windowSize, negotiated }: { size: number; windowSize: number; negotiated: boolean }): TransferPlan {
  const options = [{ name: "blksize", value: "16" }, { name: "windowsize", value: String(windowSize) }];
  return negotiated ? planTransfer(options, size, defaultLimits) : planTransfer([], size, defaultLimits);
}

function fileOf(size: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
}

test("D9 D10 D17 property: any loss, duplication and reordering ends with the right bytes or cleanly", () => {
  fc.assert(fc.property(setting, fc.array(fc.oneof(fate, hostileFate), { maxLength: 60 }), (chosen, fates) => {
    const file = fileOf(chosen.size);
    const { end, got, clientDone } = simulate(planOf(chosen), file, fates, chosen.chatty);
    assert.deepEqual(got, file.subarray(0, got.length), "a client never holds wrong bytes");
    if (clientDone) assert.deepEqual(got, file);
    if (end.outcome === "failed") assert.match(end.reason, /never answered|fell silent/);
  }), { numRuns: 1000 });
});

test("D9 property: where one packet in four is lost or repeated, the file arrives", () => {
  fc.assert(fc.property(setting, fc.array(fate, { minLength: 23, maxLength: 60 }), (chosen, drawn) => {
    const fates = drawn.map((item, at) => (at % 4 === 0 ? item : { delays: [1] }));
    const file = fileOf(chosen.size);
    const outcome = simulate(planOf(chosen), file, fates, chosen.chatty);
    assert.deepEqual(outcome.end, { outcome: "sent" });
    assert.deepEqual(outcome.got, file);
  }), { numRuns: 500 });
});

test("D10 every packet arriving twice costs at most a constant factor", () => {
  for (const windowSize of [1, 2, 4, 16, 32]) {
    for (const chatty of [false, true]) {
      const plan = planOf({ size: 16 * 3000, windowSize, negotiated: true });
      const file = fileOf(plan.size);
      const once = simulate(plan, file, [{ delays: [1] }], chatty);
      const twice = simulate(plan, file, [{ delays: [1, 2] }], chatty);
      assert.deepEqual(twice.got, file);
      assert.ok(twice.packets <= 3 * once.packets + blockCount(plan), `window ${windowSize}: ${once.packets} → ${twice.packets} packets`);
    }
  }
});
