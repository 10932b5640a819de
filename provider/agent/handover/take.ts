import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { pxeError } from "../../errors";
import type { Sighting } from "../../engine/dhcp";
import type { Offer } from "../../engine/dhcp/bindings";
import type { Recorder } from "../outlet";
import { closeBoundSocket, openUnixSocket } from "../sockets/bound-socket";
import { receiveDescriptors } from "../sockets/descriptors";
import type { KeptSocket } from "../sockets";
import { agentVersion } from "../version";
import { Channel } from "./channel";
import { toTaking, type ToServing, type ToTaking } from "./messages";

/** Milliseconds in which the agent that serves must have stopped. */
const giveLimit = 20_000;

/** Where the agent that serves a folder waits for the next one. */
export function handoverPath(data: string): string {
  return join(data, "take");
}

type ToGiver = Channel<ToTaking, ToServing>;

/** What the agent before gave. */
export class Taken {
  readonly sockets: readonly KeptSocket[];

  constructor(private readonly channel: ToGiver, private readonly message: Extract<ToTaking, { type: "given" }>, fds: readonly number[]) {
    this.sockets = message.keys.flatMap((key, index) => {
      const fd = fds[index];
      return fd === undefined ? [] : [{ key, fd }];
    });
  }

  /** Resolves when the other one has ended. */
  get ended(): Promise<void> { return this.channel.closed; }
  get offers(): readonly Offer[] { return this.message.offers; }
  get sightings(): readonly Sighting[] { return this.message.sightings; }
  get served(): readonly string[] { return this.message.served; }
  get from(): string { return `pxe-agent ${this.message.version}, which drains as process ${String(this.message.pid)}`; }

  /**
   * Says that this agent serves. Resolves once the other one will not come back, or has died.
   * @throws PXE_HANDOVER_FAILED where the other one serves again: this one must end
   */
  async confirm(): Promise<void> {
    this.channel.send({ type: "serving" });
    const word = await this.channel.next(giveLimit);
    if (word?.type === "back") throw pxeError("PXE_HANDOVER_FAILED", "taking over took too long");
  }

  /** Records what the other one tells while it drains. */
  record(recorder: Recorder): void {
    this.channel.handle((message) => {
      if (message.type === "event") recorder.emit(message.event);
      else if (message.type === "report") this.answer(message.reference, recorder.report(message.token, message.stage, message.text));
      else if (message.type === "done") this.answer(message.reference, recorder.done(message.token, message.sshHostKeys));
    });
  }

  private answer(reference: number, answer: ReturnType<Recorder["report"]>): void {
    const failed = { ok: false, status: 503, reason: "it could not be stored: ask again" } as const;
    void answer.catch(() => failed).then((result) => { this.channel.send({ type: "answer", reference, answer: result }); });
  }
}

/**
 * Has the agent that serves the folder stop, and takes its sockets.
 * @returns undefined where none hands over: no agent serves the folder, it died meanwhile, or it is one that can't
 * @throws PXE_HANDOVER_FAILED when it refuses, PXE_TIMEOUT
 */
export async function takeFrom(data: string): Promise<Taken | undefined> {
  const socket = await reach(handoverPath(data));
  if (socket === undefined) return undefined;
  const channel: ToGiver = new Channel(socket, (value) => toTaking.parse(value));
  const at = join(data, "fds");
  rmSync(at, { force: true });
  const receiver = openUnixSocket(at, "datagram");
  try {
    channel.send({ type: "take", at, pid: process.pid, version: agentVersion });
    const message = await channel.next(giveLimit);
    if (message === undefined) return undefined;
    if (message.type === "refused") throw pxeError("PXE_HANDOVER_FAILED", `the agent that serves ${data} does not hand over: ${message.reason}`);
    if (message.type !== "given") throw pxeError("PXE_HANDOVER_FAILED", `the agent that serves ${data} said ${message.type}`);
    return new Taken(channel, message, receiveDescriptors(receiver, message.keys.length));
  } catch (error) {
    channel.destroy();
    throw error;
  } finally {
    closeBoundSocket(receiver);
    rmSync(at, { force: true });
  }
}

function reach(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => { resolve(socket); });
    socket.once("error", () => { resolve(undefined); });
  });
}
