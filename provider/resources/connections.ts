import type { Connection } from "../deploy/connection";
import { PxeError, pxeError, type ErrorCode } from "../errors";
import type { ApplyResult, HostStatus } from "../model/control";
import { completed, type Stored } from "../model/documents";
import { Batcher, type Owners, type Push } from "./batch";
import { Cached } from "./cached";
import { unlessCancelled } from "./cancellation";
import { placeOf } from "./place";
import type { ControlPort, DeployPort } from "./ports";

/** How a resource reaches its agent. */
export interface Link {
  readonly connection: Connection;
  readonly controlKey: string;
  /** Fingerprint recorded earlier; binds where the connection says `trust-first` and the server's own record isn't at hand. */
  readonly recordedHostKey?: string | undefined;
}

/** All that an agent holds, as it was a moment ago. */
export interface Snapshot {
  readonly documents: readonly Stored[];
  readonly hosts: readonly HostStatus[];
}

interface Line {
  readonly client: Cached<ControlPort>;
  readonly snapshot: Cached<Snapshot>;
  readonly batchers: Map<string, Batcher>;
  users: number;
  /** Nobody new gets it; its last user closes it. */
  dropped: boolean;
}

/** A refresh of a thousand hosts reads the agent once in this many milliseconds, not a thousand times. */
const snapshotKept = 2000;

/** The control connections of this process: one an agent and key, shared by all resources; and the host keys recorded for agents. */
export class Connections {
  private readonly lines = new Map<string, Line>();
  private readonly hostKeys = new Map<string, string>();
  private readonly keys = new Map<string, string>();

  /** @param cancelled pushes are not waited for any longer then */
  constructor(private readonly deploy: Pick<DeployPort, "controlClient">, private readonly cancelled?: AbortSignal) {}

  /** Changes something, together with whatever else changes now. */
  push(link: Link, owners: Owners, push: Push): Promise<ApplyResult> {
    const { batchers } = this.line(link);
    const key = JSON.stringify([owners.owner, owners.previousOwner]);
    const batcher =
      batchers.get(key) ??
      new Batcher(owners, async (input) => {
        this.line(link).snapshot.forget();
        return this.using(link, (client) => client.apply(input));
      });
    batchers.set(key, batcher);
    return unlessCancelled(batcher.push(push), this.cancelled);
  }

  snapshot(link: Link): Promise<Snapshot> {
    return this.line(link).snapshot.get();
  }

  /** Runs something with the client. A broken connection isn't given to anybody again, but left to those who still use it. */
  async using<T>(link: Link, work: (client: ControlPort) => Promise<T>): Promise<T> {
    const line = this.line(link);
    line.users++;
    try {
      return await work(await line.client.get());
    } catch (error) {
      if (isBroken(error)) this.drop(link, line);
      throw error;
    } finally {
      line.users--;
      await closeIdle(line);
    }
  }

  /** Closes the connection when its last user is done; the next use makes another. */
  async forget(link: Link): Promise<void> {
    const line = this.lines.get(keyOf(link));
    if (line === undefined) return;
    this.drop(link, line);
    await closeIdle(line);
  }

  /** Records the host key of an agent's target: it binds every later `trust-first` connection there. */
  trust(connection: Connection, fingerprint: string): void {
    this.hostKeys.set(placeOf(connection), fingerprint);
  }

  /** Notes the control key that an agent's server has in this operation. */
  succeed(connection: Connection, controlKey: string): void {
    this.keys.set(placeOf(connection), controlKey);
  }

  /** A link whose key is refused, with the key that its server has now: what was left with the key before a rotation can still be deleted. */
  successor(link: Link): Link | undefined {
    const controlKey = this.keys.get(placeOf(link.connection));
    return controlKey === undefined || controlKey === link.controlKey ? undefined : { ...link, controlKey };
  }

  /**
   * The host key that a connection must find; undefined where it doesn't say `trust-first`, and known_hosts or a pin decide.
   * @throws PXE_HOST_KEY_UNKNOWN: only a server's own deployment may trust what it finds first
   */
  expectedHostKey(link: Link): string | undefined {
    const { connection } = link;
    if (connection.kind === "local" || connection.hostKey !== "trust-first") return undefined;
    const recorded = this.hostKeys.get(placeOf(connection)) ?? link.recordedHostKey;
    if (recorded !== undefined) return recorded;
    throw pxeError("PXE_HOST_KEY_UNKNOWN", `no host key is recorded for ${connection.host}, whose server says trust-first`, {
      where: [{ document: "target", property: "hostKey" }],
      fix: "Let the PxeServer be part of the same `pulumi up` (name it as a target too), or pin target.hostKey.",
    });
  }

  private drop(link: Link, line: Line): void {
    line.dropped = true;
    const key = keyOf(link);
    if (this.lines.get(key) === line) this.lines.delete(key);
  }

  private line(link: Link): Line {
    const key = keyOf(link);
    const line = this.lines.get(key) ?? {
      client: new Cached(async () => this.deploy.controlClient(link.connection, link.controlKey, this.expectedHostKey(link)), Number.POSITIVE_INFINITY),
      snapshot: new Cached(
        () =>
          this.using(link, async (client) => {
            const [documents, hosts] = await Promise.all([client.documents(), client.hosts()]);
            return { documents: documents.map(completed), hosts };
          }),
        snapshotKept,
      ),
      batchers: new Map<string, Batcher>(),
      users: 0,
      dropped: false,
    };
    this.lines.set(key, line);
    return line;
  }
}

async function closeIdle(line: Line): Promise<void> {
  if (!line.dropped || line.users > 0) return;
  const client = await line.client.peek()?.catch(() => undefined);
  line.client.forget();
  await client?.close();
}

function keyOf(link: Link): string {
  return JSON.stringify([link.connection, link.controlKey]);
}

const broken: readonly ErrorCode[] = ["PXE_CONNECTION_LOST", "PXE_AGENT_UNREACHABLE", "PXE_HOST_UNREACHABLE", "PXE_TIMEOUT"];

function isBroken(error: unknown): boolean {
  return error instanceof PxeError && broken.includes(error.code);
}
