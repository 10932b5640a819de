import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { pxeError } from "../../errors";

/** Messages between two agents, one JSON text a line. */
export class Channel<In, Out> {
  private readonly received: In[] = [];
  private waiting: ((message: In | undefined) => void) | undefined;
  private handler: ((message: In) => void) | undefined;
  /** Resolves when either side has closed it, or has died. */
  readonly closed: Promise<void>;
  isClosed = false;

  constructor(private readonly socket: Socket, private readonly read: (value: unknown) => In) {
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.isClosed = true;
        this.settle(undefined);
        resolve();
      });
    });
    socket.on("error", () => undefined);
    createInterface({ input: socket }).on("line", (line) => { this.take(line); }).on("error", () => undefined);
  }

  send(message: Out): void {
    if (this.socket.writable) this.socket.write(`${JSON.stringify(message)}\n`);
  }

  /** The next message; undefined when the other side is gone. @throws PXE_TIMEOUT */
  async next(limitMs: number): Promise<In | undefined> {
    const first = this.received.shift();
    if (first !== undefined || this.isClosed) return first;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<In | undefined>((resolve, reject) => {
        this.waiting = resolve;
        timer = setTimeout(() => {
          this.waiting = undefined;
          reject(pxeError("PXE_TIMEOUT", `the other agent said nothing for ${String(limitMs / 1000)} s`));
        }, limitMs);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Has every further message handled. */
  handle(handler: (message: In) => void): void {
    this.handler = handler;
    for (const message of this.received.splice(0)) handler(message);
  }

  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  private take(line: string): void {
    let message: In;
    try {
      message = this.read(JSON.parse(line));
    } catch {
      // Not a version of ours that can be spoken with.
      this.socket.destroy();
      return;
    }
    if (this.handler !== undefined) this.handler(message);
    else if (this.waiting !== undefined) this.settle(message);
    else this.received.push(message);
  }

  private settle(message: In | undefined): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.(message);
  }
}
