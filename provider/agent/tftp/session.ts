import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { clientGone, startTransfer, stepTransfer, type TransferEnd, type TransferInput, type TransferSend, type TransferState, type TransferStep } from "../../engine/transfer";
import { blockCount, blockRange, type TransferPlan } from "../../engine/transfer-options";
import { PxeError } from "../../errors";
import { dataHeader, decodeTftp, encodeTftp, tftpErrors } from "../../wire/tftp/message";
import type { ByteSource } from "./source";

/** One address and port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What became of a transfer. */
export interface SessionEnd {
  readonly end: TransferEnd;
  /** Bytes that the client acknowledged, or was sent where it took the whole file. */
  readonly bytes: number;
}

/**
 * One file on its way to one client, from a port of its own (RFC 1350 section 4). The socket is connected: the kernel turns
 * strangers away and tells when the client's port is closed.
 */
export class Session {
  private state: TransferState | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** Counts steps: blocks read from disk for an older step are no longer wanted. */
  private serial = 0;
  private finished = false;
  private readonly settle: (end: SessionEnd) => void;
  /** Resolves when the transfer is over and its resources are freed. */
  readonly ended: Promise<SessionEnd>;

  private constructor(private readonly socket: Socket, private readonly plan: TransferPlan, private readonly source: ByteSource, private readonly clock: () => number) {
    const { promise, resolve } = Promise.withResolvers<SessionEnd>();
    this.ended = promise;
    this.settle = resolve;
  }

  /** Opens the port and sends the first packet. @throws errors of the socket; `source` is then closed */
  static async start(local: string, client: Endpoint, plan: TransferPlan, source: ByteSource, clock: () => number): Promise<Session> {
    const socket = createSocket("udp4");
    try {
      socket.bind({ address: local, port: 0, exclusive: true });
      await once(socket, "listening");
      socket.connect(client.port, client.address);
      await once(socket, "connect");
    } catch (error) {
      socket.close();
      await source.close();
      throw error;
    }
    const session = new Session(socket, plan, source, clock);
    socket.on("message", (packet, from) => {
      // What arrived between bind and connect may be anybody's.
      if (from.port === client.port && from.address === client.address) session.receive(packet);
    });
    socket.on("error", () => { session.gone(); });
    session.advance(startTransfer(plan, clock()));
    return session;
  }

  /** True until the last block has been sent: a repeated request then still means this transfer. */
  get underWay(): boolean {
    return !this.finished && (this.state === undefined || this.state.sent < blockCount(this.plan));
  }

  /** Ends it without a word; what was acknowledged stays so. */
  stop(reason: string): void {
    this.finish({ outcome: "failed", reason });
  }

  private receive(packet: Buffer): void {
    let input: TransferInput | undefined;
    try {
      const message = decodeTftp(packet);
      if (message.type === "ack" || message.type === "error") input = message;
    } catch (error) {
      if (!(error instanceof PxeError)) throw error;
    }
    if (input !== undefined && this.state !== undefined && !this.finished) this.advance(stepTransfer(this.state, input, this.clock()));
  }

  private advance(step: TransferStep): void {
    if (step.type === "ended") {
      this.finish(step.end);
      return;
    }
    this.state = step.state;
    if (step.send !== undefined) this.transmit(step.send);
    this.timer ??= this.arm();
  }

  /** One timer runs at a time; an ACK moves the deadline, and the timer follows when it fires. */
  private arm(): NodeJS.Timeout {
    const wait = Math.max(1, (this.state?.deadline ?? 0) - this.clock());
    return setTimeout(() => {
      this.timer = undefined;
      if (this.state !== undefined && !this.finished) this.advance(stepTransfer(this.state, { type: "timeout" }, this.clock()));
    }, wait);
  }

  private transmit(send: TransferSend): void {
    this.serial += 1;
    if (send.type === "oack") {
      this.post(encodeTftp({ type: "oack", options: this.plan.accepted }));
      return;
    }
    const { offset } = blockRange(this.plan, send.from);
    const last = blockRange(this.plan, send.to);
    const length = last.offset + last.length - offset;
    const bytes = this.source.read(offset, length);
    if (bytes instanceof Uint8Array) this.sendBlocks(send.from, send.to, bytes, length);
    else void this.sendLater(bytes, send.from, send.to, length);
  }

  private async sendLater(reading: Promise<Uint8Array>, from: number, to: number, length: number): Promise<void> {
    const { serial } = this;
    try {
      const bytes = await reading;
      if (serial === this.serial && !this.finished) this.sendBlocks(from, to, bytes, length);
    } catch {
      this.fail("the file can't be read");
    }
  }

  private sendBlocks(from: number, to: number, bytes: Uint8Array, length: number): void {
    if (bytes.length !== length) {
      this.fail("the file was cut while it was read");
      return;
    }
    const first = blockRange(this.plan, from).offset;
    for (let block = from; block <= to; block += 1) {
      const range = blockRange(this.plan, block);
      this.post([dataHeader(block & 0xffff), bytes.subarray(range.offset - first, range.offset - first + range.length)]);
    }
  }

  private post(packet: Uint8Array | Uint8Array[]): void {
    this.socket.send(packet, (error) => {
      // A full send buffer is a lost packet; a closed port is told by the next packet.
      if (error !== null && (error as NodeJS.ErrnoException).code === "ECONNREFUSED") this.gone();
    });
  }

  private fail(reason: string): void {
    if (this.finished) return;
    this.post(encodeTftp({ type: "error", code: tftpErrors.undefined, message: reason }));
    this.finish({ outcome: "failed", reason });
  }

  private gone(): void {
    if (this.state !== undefined) this.finish(clientGone(this.state));
  }

  private finish(end: TransferEnd): void {
    if (this.finished) return;
    this.finished = true;
    clearTimeout(this.timer);
    const bytes = end.outcome === "sent" ? this.plan.size : (this.state?.acked ?? 0) * this.plan.blockSize;
    void this.release({ end, bytes });
  }

  private async release(end: SessionEnd): Promise<void> {
    // Sends of this turn are still queued.
    await setImmediate();
    this.socket.close();
    try {
      await this.source.close();
    } finally {
      this.settle(end);
    }
  }
}
