import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Client, ClientChannel } from "ssh2";
import { pxeError, type PxeError } from "../errors";
import type { Holder } from "./line";

/** What an SSH connection runs over. It is held at first; what nobody holds doesn't keep the process alive. */
export interface Wire extends Holder {
  readonly stream: Duplex;
}

/** Milliseconds for the TCP connection, and again for the SSH handshake with authentication. */
export const connectTimeout = 15_000;

interface Place {
  readonly host: string;
  readonly port: number;
  /** The property that names it, for errors. */
  readonly property: string;
}

function unreachable({ host, port, property }: Place, why: string, cause?: unknown): PxeError {
  return pxeError("PXE_HOST_UNREACHABLE", `${host}:${String(port)} ${why}`, { where: [{ document: "target", property }], cause });
}

const late = `did not answer within ${String(connectTimeout / 1000)} s`;

/** @throws PXE_HOST_UNREACHABLE */
export function tcpWire(place: Place): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: place.host, port: place.port, noDelay: true });
    const fail = (reason: string, cause?: unknown): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(unreachable(place, reason, cause));
    };
    const timer = setTimeout(() => {
      fail(late);
    }, connectTimeout);
    socket.once("error", (error: NodeJS.ErrnoException) => {
      fail(socketReason(error), error);
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      socket.setKeepAlive(true, 15_000);
      resolve(heldSocket(socket));
    });
  });
}

function heldSocket(socket: Socket): Wire {
  return { stream: socket, hold: () => socket.ref(), release: () => socket.unref() };
}

/**
 * A connection that a bastion makes for us, which then only sees ciphertext.
 * @throws PXE_HOST_UNREACHABLE with what the bastion says
 */
export function forwardedWire(bastion: Client, holder: Holder, label: string, place: Place): Promise<Wire> {
  holder.hold();
  return new Promise<Wire>((resolve, reject) => {
    let settled = false;
    const settle = (work: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      bastion.removeListener("close", closed);
      work();
    };
    const fail = (reason: string, cause?: unknown): void => {
      settle(() => {
        reject(unreachable(place, reason, cause));
      });
    };
    const closed = (): void => {
      fail(`was asked for when ${label} closed the connection`);
    };
    const timer = setTimeout(() => {
      fail(`${late} to ${label}`);
    }, connectTimeout);
    bastion.on("close", closed);
    try {
      bastion.forwardOut("127.0.0.1", 0, place.host, place.port, (error, channel) => {
        if (error !== undefined) fail(forwardReason(error, label), error);
        else if (settled) channel.destroy();
        else {
          settle(() => {
            resolve({ stream: withoutErrors(channel), hold: holder.hold.bind(holder), release: holder.release.bind(holder) });
          });
        }
      });
    } catch {
      closed();
    }
  }).catch((error: unknown) => {
    holder.release();
    throw error;
  });
}

/** A channel's errors come with its end, which is what its user looks at. */
function withoutErrors(channel: ClientChannel): ClientChannel {
  channel.on("error", () => undefined);
  return channel;
}

/** RFC 4254 section 5.1. */
function forwardReason(error: Error & { reason?: unknown }, label: string): string {
  const said = error.message.replace(/^\(SSH\) Channel open failure: /, "");
  const prohibited = error.reason === 1 || /prohibited|not permitted/i.test(said);
  return prohibited ? `can't be reached: ${label} forbids it (${said}; see AllowTcpForwarding and PermitOpen of its sshd)` : `can't be reached from ${label}: ${said}`;
}

function socketReason(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "refuses the connection: nothing listens there";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `can't be resolved (${error.code})`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `can't be reached: no route (${error.code})`;
    case "ETIMEDOUT":
      return "did not answer (ETIMEDOUT)";
    default:
      return `can't be reached: ${error.message}`;
  }
}
