import type { Duplex } from "node:stream";
import type { ClientChannel } from "ssh2";
import { lastLines } from "./text";

/** A byte stream to the agent's control socket, fit for Node's HTTP client. */
export interface Line {
  readonly stream: Duplex;
  /** What the other end said on its standard error, for the error when the stream ends too early. */
  complaint(): string;
}

/** What keeps the process alive while a line is in use. */
export interface Holder {
  hold(): void;
  release(): void;
}

/** An SSH channel as a line: it holds its connection except while the HTTP client has it idle. */
export function channelLine(channel: ClientChannel, holder: Holder): Line {
  let said = "";
  channel.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString("utf8")).slice(-2000)));
  let holding = false;
  const setHolding = (wanted: boolean): void => {
    if (wanted === holding) return;
    holding = wanted;
    if (wanted) holder.hold();
    else holder.release();
  };
  setHolding(true);
  channel.once("close", () => {
    setHolding(false);
  });
  return { stream: socketLike(channel, setHolding), complaint: () => lastLines(said, 5) };
}

/**
 * Node's HTTP client calls these methods of a socket; a stream that is none has neither timers nor a handle of its own.
 * @param setHolding told when the client puts the stream aside and takes it up again
 */
export function socketLike(stream: Duplex, setHolding: (wanted: boolean) => void): Duplex {
  const same = (): Duplex => stream;
  return Object.assign(stream, {
    setKeepAlive: same,
    setNoDelay: same,
    setTimeout: same,
    ref: () => {
      setHolding(true);
      return stream;
    },
    unref: () => {
      setHolding(false);
      return stream;
    },
    destroySoon: () => {
      stream.end();
      stream.destroy();
    },
  });
}
