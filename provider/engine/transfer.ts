import { blockCount, type TransferPlan } from "./transfer-options";

/**
 * How a transfer ended. `sent`: the client has the file. `closed`: the client stopped it, as after a tsize probe or when a loader
 * has seen enough (errors 8 and 0). `failed`: anything else, with the reason.
 */
export type TransferEnd =
  | { readonly outcome: "sent" }
  | { readonly outcome: "closed" }
  | { readonly outcome: "failed"; readonly reason: string };

/** A transfer under way. Block numbers count from 1 without roll-over. */
export interface TransferState {
  readonly plan: TransferPlan;
  /** `oack`: options offered and not yet acknowledged. */
  readonly phase: "oack" | "data";
  /** Whether the client has answered at all: its address is then not a forged one. */
  readonly heard: boolean;
  /** All blocks up to this one have been acknowledged. */
  readonly acked: number;
  /** The last block of the window that is on its way. */
  readonly sent: number;
  /** Timeouts since the client last acknowledged anything new. */
  readonly retries: number;
  /** Windows to be acknowledged whole before a repeated ACK may rewind again. */
  readonly muted: number;
  readonly intervalMs: number;
  /** Unix time in milliseconds at which `timeout` is due. */
  readonly deadline: number;
}

export type TransferInput =
  /** The 16-bit number of the wire. */
  | { readonly type: "ack"; readonly block: number }
  | { readonly type: "error"; readonly code: number; readonly message: string }
  | { readonly type: "timeout" };

/** What goes out: the OACK of the plan, or blocks `from` to `to`, both included. */
export type TransferSend = { readonly type: "oack" } | { readonly type: "blocks"; readonly from: number; readonly to: number };

export type TransferStep =
  | { readonly type: "going"; readonly state: TransferState; readonly send: TransferSend | undefined }
  | { readonly type: "ended"; readonly end: TransferEnd };

/** A request whose sender never answers is repeated this often (amplification towards a forged address). */
const unheardRetries = 3;
const heardRetries = 6;
const longestIntervalMs = 8000;

function window(state: TransferState, deadline: number): TransferStep {
  const from = state.acked + 1;
  const to = Math.min(state.acked + state.plan.windowSize, blockCount(state.plan));
  return { type: "going", state: { ...state, phase: "data", sent: to, deadline }, send: { type: "blocks", from, to } };
}

/** Opens a transfer: the OACK, or the first window where nothing was negotiated. */
export function startTransfer(plan: TransferPlan, now: number): TransferStep {
  const state: TransferState = {
    plan, phase: "oack", heard: false, acked: 0, sent: 0, retries: 0, muted: 0,
    intervalMs: plan.timeoutMs, deadline: now + plan.timeoutMs,
  };
  return plan.accepted.length > 0 ? { type: "going", state, send: { type: "oack" } } : window(state, state.deadline);
}

function going(state: TransferState): TransferStep {
  return { type: "going", state, send: undefined };
}

function onAck(state: TransferState, block: number, now: number): TransferStep {
  const heard = { ...state, heard: true };
  const progress = { retries: 0, intervalMs: state.plan.timeoutMs };
  const deadline = now + progress.intervalMs;
  if (state.phase === "oack") return block === 0 ? window({ ...heard, ...progress }, deadline) : going(heard);
  // Windows are far smaller than 65536, so the distance tells the block through any number of roll-overs.
  const advance = (block - state.acked) & 0xffff;
  const outstanding = state.sent - state.acked;
  if (advance > outstanding) return going(heard);
  if (advance === 0) return onRepeatedAck(heard);
  const acked = state.acked + advance;
  if (acked === blockCount(state.plan)) return { type: "ended", end: { outcome: "sent" } };
  // RFC 7440 section 4: an ACK inside the window says that the block after it was lost.
  const muted = advance < outstanding ? 2 : Math.max(0, state.muted - 1);
  return window({ ...heard, ...progress, acked, muted }, deadline);
}

/**
 * RFC 1123 section 4.2.3.1: answering a repeated ACK would double every packet from there on. Only where windows are in use can
 * it also mean that the first block of the window was lost; it then rewinds, once, and not again before two windows went
 * through, so that copies caused by the rewinding itself die out. The timer runs on in any case.
 */
function onRepeatedAck(state: TransferState): TransferStep {
  if (state.plan.windowSize === 1 || state.muted > 0) return going(state);
  return window({ ...state, muted: 2 }, state.deadline);
}

function onError(code: number, message: string): TransferStep {
  // Error 0 or 8 is how loaders close a probe or a file that they have seen enough of.
  if (code === 0 || code === 8) return { type: "ended", end: { outcome: "closed" } };
  return { type: "ended", end: { outcome: "failed", reason: `the client sent error ${code}${message === "" ? "" : `: ${message}`}` } };
}

function onTimeout(state: TransferState, now: number): TransferStep {
  if (now < state.deadline) return going(state);
  if (state.retries >= (state.heard ? heardRetries : unheardRetries)) return { type: "ended", end: exhausted(state) };
  const again = {
    ...state,
    retries: state.retries + 1,
    muted: 2,
    intervalMs: Math.min(state.intervalMs * 2, Math.max(longestIntervalMs, state.plan.timeoutMs)),
  };
  const deadline = now + again.intervalMs;
  if (state.phase === "oack") return { type: "going", state: { ...again, deadline }, send: { type: "oack" } };
  return window(again, deadline);
}

function exhausted(state: TransferState): TransferEnd {
  if (!state.heard) return { outcome: "failed", reason: "the client never answered" };
  const count = blockCount(state.plan);
  // Many clients are gone before their last ACK is sent.
  if (state.phase === "data" && state.sent === count) return { outcome: "sent" };
  return { outcome: "failed", reason: `the client fell silent after block ${state.acked} of ${count}` };
}

/** One step: what a packet of the client, or the passing of time, makes of the transfer. */
export function stepTransfer(state: TransferState, input: TransferInput, now: number): TransferStep {
  switch (input.type) {
    case "ack":
      return onAck(state, input.block, now);
    case "error":
      return onError(input.code, input.message);
    case "timeout":
      return onTimeout(state, now);
  }
}

/** The client's port is closed (ICMP): it is done when the last window was on its way, else it went away. */
export function clientGone(state: TransferState): TransferEnd {
  const end = exhausted(state);
  return end.outcome === "sent" ? end : { outcome: "closed" };
}
