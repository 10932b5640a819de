import type { Connection } from "../deploy/connection";
import { PxeError, type ErrorCode } from "../errors";
import type { ApplyResult, HostStatus } from "../model/control";
import type { Stored } from "../model/documents";
import { Batcher, type Push } from "./batch";
import { Cached } from "./cached";
import type { ControlPort, DeployPort } from "./ports";

/** How a resource reaches its agent. */
export interface Link {
  readonly connection: Connection;
  readonly controlKey: string;
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
}

/** A refresh of a thousand hosts reads the agent once in this many milliseconds, not a thousand times. */
const snapshotKept = 2000;

/** The control connections of this process: one an agent and key, shared by all resources. */
export class Connections {
  private readonly lines = new Map<string, Line>();

  constructor(private readonly deploy: Pick<DeployPort, "controlClient">) {}

  /** Changes something, together with whatever else changes now. */
  push(link: Link, owner: string, push: Push): Promise<ApplyResult> {
    const line = this.line(link);
    const batcher =
      line.batchers.get(owner) ??
      new Batcher(owner, async (input) => {
        line.snapshot.forget();
        return this.using(link, (client) => client.apply(input));
      });
    line.batchers.set(owner, batcher);
    return batcher.push(push);
  }

  snapshot(link: Link): Promise<Snapshot> {
    return this.line(link).snapshot.get();
  }

  /** Runs something with the client; a broken connection is not used again. */
  async using<T>(link: Link, work: (client: ControlPort) => Promise<T>): Promise<T> {
    const client = await this.line(link).client.get();
    try {
      return await work(client);
    } catch (error) {
      if (isBroken(error)) await this.forget(link);
      throw error;
    }
  }

  /** Closes the connection; the next use makes another. */
  async forget(link: Link): Promise<void> {
    const key = keyOf(link);
    const line = this.lines.get(key);
    this.lines.delete(key);
    const client = await line?.client.peek()?.catch(() => undefined);
    await client?.close();
  }

  private line(link: Link): Line {
    const key = keyOf(link);
    const line = this.lines.get(key) ?? {
      client: new Cached(() => this.deploy.controlClient(link.connection, link.controlKey), Number.POSITIVE_INFINITY),
      snapshot: new Cached(
        () =>
          this.using(link, async (client) => {
            const [documents, hosts] = await Promise.all([client.documents(), client.hosts()]);
            return { documents, hosts };
          }),
        snapshotKept,
      ),
      batchers: new Map<string, Batcher>(),
    };
    this.lines.set(key, line);
    return line;
  }
}

function keyOf(link: Link): string {
  return JSON.stringify([link.connection, link.controlKey]);
}

const broken: readonly ErrorCode[] = ["PXE_CONNECTION_LOST", "PXE_AGENT_UNREACHABLE", "PXE_HOST_UNREACHABLE", "PXE_TIMEOUT"];

function isBroken(error: unknown): boolean {
  return error instanceof PxeError && broken.includes(error.code);
}
