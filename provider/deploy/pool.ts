import { createHash } from "node:crypto";
import { connectSsh, type RemoteCommand, type SshConnection, type SshIdentity } from "./ssh";

/** The connections of this process, one for each identity, and the host keys first trusted in it. */
class SshPool {
  readonly #connections = new Map<string, Promise<SshConnection>>();
  readonly #trusted = new Map<string, string>();

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
    const address = `${identity.host}:${String(identity.port)}`;
    const connection = await connectSsh({ ...identity, expectedHostKey: this.#trusted.get(address) });
    if (identity.hostKey === "trust-first") this.#trusted.set(address, connection.hostKey);
    return connection;
  }

  /** Binds `trust-first` connections to an address, of whatever identity, to a host key that was recorded earlier. */
  trust(host: string, port: number, fingerprint: string): void {
    this.#trusted.set(`${host}:${String(port)}`, fingerprint);
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
  const { host, port, user, credentials, hostKey } = identity;
  return createHash("sha256").update(JSON.stringify([host, port, user, credentials, hostKey])).digest("hex");
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
