import ssh2 from "ssh2";
import { errorText, pxeError, type PxeError } from "../errors";
import { authMethods, type Credential } from "./credentials";
import { judgeHostKey, knownHostsName, knownKeys, offeredAlgorithms, readKnownHosts, type HostKeyAlgorithm, type HostKeyPolicy } from "./host-keys";
import { fingerprint } from "./keys";
import type { Holder } from "./line";
import { connectTimeout, forwardedWire, tcpWire, type Wire } from "./wire";

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
  /** The address as the target has it, where that is an alias: what is recorded of it is recorded under this name. */
  readonly writtenAs?: { readonly host: string; readonly port: number } | undefined;
  /** The name in known_hosts; default: that of host and port. */
  readonly knownAs?: string | undefined;
  /** The known_hosts files of the user, where they aren't the usual ones. */
  readonly knownHostsFiles?: readonly string[] | undefined;
  /** The bastion to go through. */
  readonly via?: SshIdentity | undefined;
  /** Set for a bastion: the property that names it, `proxyJump[0]`. */
  readonly bastion?: string | undefined;
  /** What to do where its credentials are refused. */
  readonly advice?: string | undefined;
}

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
export class SshConnection implements Holder {
  /** Fingerprint of the host key that was accepted. */
  readonly hostKey: string;
  /** Set once the connection is gone. */
  lost: Error | undefined;
  readonly #client: ssh2.Client;
  readonly #wire: Wire;
  readonly #label: string;
  #users = 0;

  constructor(client: ssh2.Client, wire: Wire, hostKey: string, label: string) {
    this.#client = client;
    this.#wire = wire;
    this.hostKey = hostKey;
    this.#label = label;
    client.on("error", (error) => (this.lost ??= error));
    client.on("close", () => (this.lost ??= new Error("the connection was closed")));
    wire.release();
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
    if (this.#users++ === 0) this.#wire.hold();
  }

  release(): void {
    if (--this.#users === 0) this.#wire.release();
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

  /** @throws PXE_HOST_UNREACHABLE when it can't make the connection */
  forward(host: string, port: number, property: string): Promise<Wire> {
    return forwardedWire(this.#client, this, this.#label, { host, port, property });
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

/** `root@10.0.0.1:22`, and by which alias and bastion. */
function labelOf({ user, host, port, writtenAs, via, bastion }: SshIdentity): string {
  const alias = writtenAs === undefined || writtenAs.host === host ? "" : ` (${writtenAs.host})`;
  const through = via === undefined ? "" : ` through ${via.user}@${via.host}:${String(via.port)}`;
  return `${bastion === undefined ? "" : "the bastion "}${user}@${host}:${String(port)}${alias}${through}`;
}

/**
 * Connects and authenticates.
 * @param jump the connection to the bastion that the identity goes through
 * @throws PXE_HOST_UNREACHABLE, PXE_HOST_KEY_UNKNOWN, PXE_HOST_KEY_CHANGED, PXE_AUTH_FAILED
 */
export async function connectSsh(identity: SshIdentity, jump?: SshConnection): Promise<SshConnection> {
  const { host, port, hostKey, knownHostsFiles, bastion } = identity;
  const knownAs = identity.knownAs ?? knownHostsName(host, port);
  const known = hostKey === undefined ? knownKeys(readKnownHosts(process.env, knownHostsFiles), knownAs) : [];
  const policy: HostKeyPolicy = {
    called: `${bastion === undefined ? "" : "the bastion "}${host}:${String(port)}`,
    knownAs,
    property: bastion === undefined ? "hostKey" : `${bastion}.hostKey`,
    hostKey,
    expected: identity.expectedHostKey,
    known,
  };
  const algorithms = offeredAlgorithms(known);
  const attempt = async (offered: HostKeyAlgorithm[]): Promise<SshConnection> => {
    const property = bastion ?? "host";
    return handshake(identity, policy, offered, await (jump === undefined ? tcpWire({ host, port, property }) : jump.forward(host, port, property)));
  };
  try {
    return await attempt(algorithms);
  } catch (error) {
    // A pin may name another of the server's keys than the one it shows first: ask for the other kinds before giving up.
    const pinned = hostKey !== undefined;
    if (!pinned || (error as PxeError).code !== "PXE_HOST_KEY_CHANGED") throw error;
    for (const kind of ["ecdsa-", "rsa-"]) {
      const others = algorithms.filter((name) => name.startsWith(kind));
      const connection = await attempt(others).catch(() => undefined);
      if (connection !== undefined) return connection;
    }
    throw error;
  }
}

async function handshake(identity: SshIdentity, policy: HostKeyPolicy, serverHostKey: HostKeyAlgorithm[], wire: Wire): Promise<SshConnection> {
  const label = labelOf(identity);
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
      wire.stream.destroy();
      wire.release();
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
      resolve(new SshConnection(client, wire, hostKey, label));
    });
    client.connect({
      sock: wire.stream,
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
  const where = [{ document: "target", ...(identity.bastion === undefined ? {} : { property: identity.bastion }) }];
  if (error.level === "client-authentication" || error.level === "agent" || /authentication failure/i.test(error.message)) {
    const tried = identity.credentials.map((credential) => credential.called).join(", ");
    const offers = accepted.length === 0 ? "" : `; the server takes ${accepted.join(", ")}`;
    return pxeError("PXE_AUTH_FAILED", `${label} refused ${tried}${offers}`, {
      where,
      cause: error,
      ...(identity.advice === undefined ? {} : { fix: identity.advice }),
    });
  }
  const reason = error.level === "client-timeout" ? `no SSH handshake within ${String(connectTimeout / 1000)} s` : error.message;
  return pxeError("PXE_HOST_UNREACHABLE", `${label} answers on its port, but not as an SSH server should: ${reason}`, { where, cause: error });
}
