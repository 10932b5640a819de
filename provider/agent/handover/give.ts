import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import type { Logger } from "pino";
import { errorText } from "../../errors";
import type { ProgressAnswer } from "../context";
import type { Released } from "../core";
import type { Recorder } from "../outlet";
import { sendDescriptors } from "../sockets/descriptors";
import type { KeptSocket } from "../sockets";
import { agentVersion } from "../version";
import { Channel } from "./channel";
import { toServing, type ToServing, type ToTaking } from "./messages";

/** Milliseconds in which the one that takes over must serve: a boot ROM asks for longer (PXE 2.1 section 2.2.3: 4, 8, 16, 32 s). */
const serveLimit = 5_000;

/** What an agent does to hand over. */
export interface Giving {
  /** Stops, closes the database and frees the folder. @throws when it can't; then it serves on */
  release(): Promise<Released>;
  sockets(): readonly KeptSocket[];
  /** Serves again with what was released; resolves to who records from now on. */
  takeBack(released: Released): Promise<Recorder>;
  /** The other one serves. Resolves when nothing is under way here any more. */
  given(): Promise<void>;
}

type ToTaker = Channel<ToServing, ToTaking>;

/** Waits at a unix socket for an agent that takes over. */
export class Giver {
  private server: Server | undefined;
  private busy = false;

  constructor(private readonly path: string, private readonly giving: Giving, private readonly log: Logger, private readonly limit = serveLimit) {}

  get listening(): boolean { return this.server !== undefined; }

  /** Where the socket can't be opened, this agent can't hand over, and does all else. */
  async listen(): Promise<void> {
    const server = createServer((socket) => { void this.meet(socket); });
    try {
      rmSync(this.path, { force: true });
      server.listen(this.path);
      await once(server, "listening");
      chmodSync(this.path, 0o600);
      server.unref();
      this.server = server;
    } catch (error) {
      this.log.warn({ error: errorText(error) }, "no other agent can take over from this one");
    }
  }

  /** Takes the socket's path away; an agent that is being spoken with is not cut off. */
  close(): void {
    this.server?.close();
    this.server = undefined;
  }

  private async meet(socket: Socket): Promise<void> {
    const channel: ToTaker = new Channel(socket, (value) => toServing.parse(value));
    try {
      const first = await channel.next(this.limit);
      if (first?.type !== "take") channel.destroy();
      else if (this.busy) channel.send({ type: "refused", reason: "another agent is just taking over" });
      else await this.give(channel, first);
    } catch (error) {
      this.log.error({ error: errorText(error) }, "hand-over");
      channel.destroy();
    }
  }

  private async give(channel: ToTaker, taker: { readonly at: string; readonly pid: number; readonly version: string }): Promise<void> {
    this.busy = true;
    let released: Released;
    try {
      released = await this.giving.release();
    } catch (error) {
      this.busy = false;
      channel.send({ type: "refused", reason: errorText(error) });
      channel.end();
      return;
    }
    this.close();
    const reason = await this.offer(channel, taker.at, released);
    if (reason === undefined) {
      released.pass(remote(channel));
      await this.giving.given();
      channel.end();
      return;
    }
    this.log.error({ reason }, `pxe-agent ${taker.version} did not take over: this agent serves on`);
    // One that hangs would keep the folder.
    if (!channel.isClosed) kill(taker.pid);
    channel.destroy();
    const recorder = await this.giving.takeBack(released);
    recorder.emit({ kind: "alert", host: null, mac: null, address: null, text: `pxe-agent ${taker.version} did not take over, and this one (${agentVersion}) serves on: ${reason}` });
    released.pass(recorder);
    this.busy = false;
    await this.listen();
  }

  /** Why the other one does not serve; undefined when it does. */
  private async offer(channel: ToTaker, at: string, released: Released): Promise<string | undefined> {
    try {
      const sockets = this.giving.sockets();
      sendDescriptors(at, sockets.map((socket) => socket.fd));
      channel.send({ type: "given", version: agentVersion, pid: process.pid, keys: sockets.map((socket) => socket.key), served: [...released.served], offers: [...released.offers], sightings: [...released.sightings] });
      const word = await channel.next(this.limit);
      if (word === undefined) return "it ended";
      if (word.type !== "serving") return `it said ${word.type}`;
      channel.send({ type: "yours" });
      return undefined;
    } catch (error) {
      channel.send({ type: "back" });
      return errorText(error);
    }
  }
}

/** The agent that has taken over, as the one to tell what happens to what is still under way here. */
function remote(channel: ToTaker): Recorder {
  const waiting = new Map<number, (answer: ProgressAnswer) => void>();
  let count = 0;
  const gone: ProgressAnswer = { ok: false, status: 503, reason: "it could not be stored: ask again" };
  channel.handle((message) => { if (message.type === "answer") waiting.get(message.reference)?.(message.answer); });
  void channel.closed.then(() => { for (const settle of waiting.values()) settle(gone); });
  const ask = async (message: (reference: number) => ToTaking): Promise<ProgressAnswer> => {
    if (channel.isClosed) return gone;
    const reference = ++count;
    try {
      return await new Promise<ProgressAnswer>((resolve) => {
        waiting.set(reference, resolve);
        channel.send(message(reference));
      });
    } finally {
      waiting.delete(reference);
    }
  };
  return {
    emit: (event) => { channel.send({ type: "event", event }); },
    report: (token, stage, text) => ask((reference) => ({ type: "report", reference, token, stage, text })),
    done: (token, sshHostKeys) => ask((reference) => ({ type: "done", reference, token, sshHostKeys: [...sshHostKeys] })),
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
