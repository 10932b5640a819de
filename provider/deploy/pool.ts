import { createHash } from "node:crypto";
import { pxeError } from "../errors";
import { connectSsh, type RemoteCommand, type SshConnection, type SshIdentity } from "./ssh";
import { expectHostKey, expectedHostKey } from "./trusted-keys";

/** The connections of this process, one for each identity. */
class SshPool {
  readonly #connections = new Map<string, Promise<SshConnection>>();

  /** The open connection of this identity, or a new one. Callers at the same time share one attempt. */
  async get(identity: SshIdentity): Promise<SshConnection> {
    const key = identityKey(identity);
    const held = this.#connections.get(key);
    if (held !== undefined) {
      const connection = await held;
      if (connection.lost === undefined) return connection;
      if (this.#connections.get(key) === held) this.#connections.delete(key);
      return this.get(identity);
    }
    const attempt = this.#connect(identity);
    this.#connections.set(key, attempt);
    attempt.catch(() => {
      if (this.#connections.get(key) === attempt) this.#connections.delete(key);
    });
    return attempt;
  }

  /** Starts a command. A connection that turns out to have broken since its last use is replaced: nothing has run on it yet. */
  async exec(identity: SshIdentity, command: string): Promise<RemoteCommand & { readonly connection: SshConnection }> {
    const held = await this.get(identity);
    try {
      return { connection: held, ...(await held.exec(command)) };
    } catch (error) {
      if (held.lost === undefined) throw error;
      const connection = await this.get(identity);
      return { connection, ...(await connection.exec(command)) };
    }
  }

  async #connect(identity: Omit<SshIdentity, "expectedHostKey">): Promise<SshConnection> {
    const { host, port } = identity.writtenAs ?? identity;
    const expected = expectedHostKey(host, port);
    if (identity.hostKey === "trust-first" && expected === undefined && identity.allowFirst !== true) {
      throw pxeError("PXE_HOST_KEY_UNKNOWN", `no host key of ${host}:${String(port)} was recorded yet, and only the deployment of its PxeServer trusts a first one`, {
        where: [{ document: "target", property: "hostKey" }],
        fix: "Run `pulumi up` of its PxeServer, or name the fingerprint: target.hostKey, or PXE_SSH_HOST_KEY in the environment.",
      });
    }
    const connection = await this.#connectThrough({ ...identity, expectedHostKey: expected });
    if (identity.hostKey === "trust-first") expectHostKey(host, port, connection.hostKey);
    return connection;
  }

  /** All the connections that go through one bastion share one connection to it. */
  async #connectThrough(identity: SshIdentity): Promise<SshConnection> {
    const { via } = identity;
    if (via === undefined) return connectSsh(identity);
    const jump = await this.get(via);
    try {
      return await connectSsh(identity, jump);
    } catch (error) {
      // It may have broken since its last use.
      if (jump.lost === undefined) throw error;
      return connectSsh(identity, await this.get(via));
    }
  }

  /** Ends the connection of one identity, if there is one. */
  async close(identity: SshIdentity): Promise<void> {
    const key = identityKey(identity);
    const held = this.#connections.get(key);
    this.#connections.delete(key);
    (await held?.catch(() => undefined))?.close();
  }

  async closeAll(): Promise<void> {
    const held = [...this.#connections.values()];
    this.#connections.clear();
    for (const attempt of held) (await attempt.catch(() => undefined))?.close();
  }
}

/** A digest, so that no credential lies about as a map's key. */
export function identityKey(identity: SshIdentity): string {
  const { host, port, user, credentials, hostKey, writtenAs, via } = identity;
  const through = via === undefined ? undefined : identityKey(via);
  return createHash("sha256").update(JSON.stringify([host, port, user, credentials, hostKey, writtenAs, through])).digest("hex");
}

/** The one pool of the process: all the resources of an operation share it (one connection per identity). */
export const sshPool = new SshPool();

/** What is under way for each key. */
const queues = new Map<string, Promise<unknown>>();

/** Runs works of the same key one after another: two resources may name one target. */
export async function exclusively<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = queues.get(key) ?? Promise.resolve();
  const mine = before.then(work, work);
  queues.set(key, mine);
  try {
    return await mine;
  } finally {
    if (queues.get(key) === mine) queues.delete(key);
  }
}
