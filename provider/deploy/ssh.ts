import { connect as connectTcp, type Socket } from "node:net";
import ssh2 from "ssh2";
import { errorText, pxeError, type PxeError } from "../errors";
import { authMethods, type Credential } from "./credentials";
import { judgeHostKey, knownKeys, offeredAlgorithms, readKnownHosts, type HostKeyAlgorithm, type HostKeyPolicy } from "./host-keys";
import { fingerprint } from "./keys";

/** Who connects where, with what, and which host key is expected there. */
export interface SshIdentity {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly credentials: readonly Credential[];
  /** `SHA256:…`, `trust-first`, or undefined: known_hosts decides. */
  readonly hostKey?: string | undefined;
  /** With `trust-first`: what was recorded earlier; the pool fills it in. */
  readonly expectedHostKey?: string | undefined;
  /** With `trust-first`: whether a key may be trusted that was never recorded. */
  readonly allowFirst?: boolean | undefined;
}

/** Milliseconds for the TCP connection, and again for the SSH handshake with authentication. */
export const connectTimeout = 15_000;

// AES-GCM runs in OpenSSL with AES instructions and needs no separate MAC: the fastest that ssh2 offers.
const ciphers: ssh2.CipherAlgorithm[] = [
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "chacha20-poly1305@openssh.com",
  "aes128-ctr",
  "aes256-ctr",
];

/** A command that runs on a target. */
export interface RemoteCommand {
  readonly channel: ssh2.ClientChannel;
  /** Resolves at its end with its exit code, null after a signal; undefined when the channel closed before that was told. */
  readonly ended: Promise<number | null | undefined>;
}

/** An authenticated SSH connection. It keeps the process alive only while something uses it. */
export class SshConnection {
  /** Fingerprint of the host key that was accepted. */
  readonly hostKey: string;
  /** Set once the connection is gone. */
  lost: Error | undefined;
  readonly #client: ssh2.Client;
  readonly #socket: Socket;
  readonly #label: string;
  #users = 0;

  constructor(client: ssh2.Client, socket: Socket, hostKey: string, label: string) {
    this.#client = client;
    this.#socket = socket;
    this.hostKey = hostKey;
    this.#label = label;
    client.on("error", (error) => (this.lost ??= error));
    client.on("close", () => (this.lost ??= new Error("the connection was closed")));
    socket.setKeepAlive(true, 15_000);
    socket.unref();
  }

  /** Runs `work` and keeps the process alive meanwhile. */
  async use<T>(work: () => Promise<T>): Promise<T> {
    this.hold();
    try {
      return await work();
    } finally {
      this.release();
    }
  }

  hold(): void {
    if (this.#users++ === 0) this.#socket.ref();
  }

  release(): void {
    if (--this.#users === 0) this.#socket.unref();
  }

  /** @throws PXE_CONNECTION_LOST when no channel can be opened any more */
  exec(command: string): Promise<RemoteCommand> {
    return this.use(() => this.#open(command));
  }

  #open(command: string): Promise<RemoteCommand> {
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => {
        reject(pxeError("PXE_CONNECTION_LOST", `the SSH connection to ${this.#label} opens no channel: ${errorText(cause)}`, { cause }));
      };
      if (this.lost !== undefined) {
        fail(this.lost);
        return;
      }
      try {
        this.#client.exec(command, (error, channel) => {
          // Listened for at once: the end of a short command comes in the same packet as its beginning.
          if (error === undefined) resolve({ channel, ended: channelEnd(channel) });
          else fail(error);
        });
      } catch (error) {
        fail(error);
      }
    });
  }

  close(): void {
    this.lost ??= new Error("the connection was closed");
    this.#client.end();
    this.#client.destroy();
  }
}

function channelEnd(channel: ssh2.ClientChannel): Promise<number | null | undefined> {
  return new Promise((resolve) => {
    let code: number | null | undefined;
    channel.on("exit", (value: number | null) => (code = value));
    channel.on("close", () => {
      resolve(code);
    });
  });
}

/**
 * Connects and authenticates.
 * @throws PXE_HOST_UNREACHABLE, PXE_HOST_KEY_UNKNOWN, PXE_HOST_KEY_CHANGED, PXE_AUTH_FAILED
 */
export async function connectSsh(identity: SshIdentity): Promise<SshConnection> {
  const known = identity.hostKey === undefined ? knownKeys(readKnownHosts(process.env), identity.host, identity.port) : [];
  const policy: HostKeyPolicy = {
    host: identity.host,
    port: identity.port,
    hostKey: identity.hostKey,
    expected: identity.expectedHostKey,
    known,
  };
  const algorithms = offeredAlgorithms(known);
  try {
    return await handshake(identity, policy, algorithms);
  } catch (error) {
    // A pin may name another of the server's keys than the one it shows first: ask for the other kinds before giving up.
    const pinned = identity.hostKey !== undefined;
    if (!pinned || (error as PxeError).code !== "PXE_HOST_KEY_CHANGED") throw error;
    for (const kind of ["ecdsa-", "rsa-"]) {
      const others = algorithms.filter((name) => name.startsWith(kind));
      const connection = await handshake(identity, policy, others).catch(() => undefined);
      if (connection !== undefined) return connection;
    }
    throw error;
  }
}

async function handshake(identity: SshIdentity, policy: HostKeyPolicy, serverHostKey: HostKeyAlgorithm[]): Promise<SshConnection> {
  const label = `${identity.user}@${identity.host}:${String(identity.port)}`;
  const socket = await connectSocket(identity.host, identity.port);
  const client = new ssh2.Client();
  const queue = identity.credentials.flatMap((credential) => authMethods(credential, identity.user));
  let accepted: readonly string[] = [];
  let hostKey = "";
  let refusal: PxeError | undefined;
  let opened = false;
  return new Promise((resolve, reject) => {
    const fail = (error: Error & { level?: string }): void => {
      // An SSH agent that can't be asked is no failure as long as other credentials are left.
      if (error.level === "agent" && queue.length > 0) return;
      client.removeListener("close", closed);
      client.on("error", () => undefined);
      socket.destroy();
      reject(refusal ?? handshakeError(error, identity, label, accepted));
    };
    const closed = (): void => {
      fail(new Error("the server closed the connection during the handshake"));
    };
    client.on("error", fail);
    client.on("close", closed);
    client.on("ready", () => {
      opened = true;
      client.removeListener("error", fail);
      client.removeListener("close", closed);
      resolve(new SshConnection(client, socket, hostKey, label));
    });
    client.connect({
      sock: socket,
      username: identity.user,
      readyTimeout: connectTimeout,
      algorithms: { serverHostKey, cipher: ciphers },
      hostVerifier: (blob: Buffer) => {
        // Keys are exchanged anew on long connections: the first judgement holds for the connection.
        if (opened) return fingerprint(blob) === hostKey;
        hostKey = fingerprint(blob);
        refusal = judgeHostKey(policy, blob);
        return refusal === undefined;
      },
      authHandler: (methodsLeft: string[] | null, _partial: boolean, next: (method: ssh2.AnyAuthMethod | false) => void) => {
        if (methodsLeft !== null) accepted = methodsLeft;
        next(queue.shift() ?? false);
      },
    } as ssh2.ConnectConfig);
  });
}

function handshakeError(error: Error & { level?: string }, identity: SshIdentity, label: string, accepted: readonly string[]): PxeError {
  const where = [{ document: "target" }];
  if (error.level === "client-authentication" || error.level === "agent" || /authentication failure/i.test(error.message)) {
    const tried = identity.credentials.map((credential) => credential.called).join(", ");
    const offers = accepted.length === 0 ? "" : `; the server takes ${accepted.join(", ")}`;
    return pxeError("PXE_AUTH_FAILED", `${label} refused ${tried}${offers}`, { where, cause: error });
  }
  const reason = error.level === "client-timeout" ? `no SSH handshake within ${String(connectTimeout / 1000)} s` : error.message;
  return pxeError("PXE_HOST_UNREACHABLE", `${label} answers on its port, but not as an SSH server should: ${reason}`, { where, cause: error });
}

function connectSocket(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, noDelay: true });
    const fail = (reason: string, cause?: unknown): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(pxeError("PXE_HOST_UNREACHABLE", `${host}:${String(port)} ${reason}`, { where: [{ document: "target", property: "host" }], cause }));
    };
    const timer = setTimeout(() => {
      fail(`did not answer within ${String(connectTimeout / 1000)} s`);
    }, connectTimeout);
    socket.once("error", (error: NodeJS.ErrnoException) => {
      fail(socketReason(error), error);
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
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
