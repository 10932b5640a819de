import { networkInterfaces } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { errorText } from "../errors";
import type { InterfaceStatus } from "../model/control";
import type { ServerSpec } from "../model/documents";
import { allDraining, type AgentContext, type Draining } from "./context";
import { startDhcp } from "./dhcp";
import { PxeService } from "./dhcp/pxe-service";
import { startHttp } from "./http";
import { plainSockets, type Keeper } from "./sockets";
import { startTftp } from "./tftp";

/** How often interfaces are looked at, in milliseconds: one that gets its address after the agent has started is served then. */
const lookEvery = 3_000;

/** An interface with its IPv4 addresses, as the listeners take it. */
export interface ServedInterface {
  readonly name: string;
  readonly addresses: readonly { readonly address: string; readonly prefix: number }[];
}

interface Running {
  readonly spec: ServerSpec;
  readonly served: ServedInterface;
  /** Opens and closes what depends on documents other than the server's. */
  readonly follow: () => Promise<void>;
  readonly close: () => Promise<void>;
  readonly retire: () => Promise<Draining>;
}

/** What `os.networkInterfaces` gives; it throws where the system has no descriptor left. */
export type InterfaceSource = typeof networkInterfaces;

/** IPv4 addresses of an interface; empty when it doesn't exist. */
export function addressesOf(name: string, source: InterfaceSource = networkInterfaces): ServedInterface["addresses"] {
  return (source()[name] ?? [])
    .filter((item) => item.family === "IPv4")
    .map((item) => ({ address: item.address, prefix: Number(item.cidr?.split("/")[1] ?? 32) }));
}

/** Opens and closes the listeners so that they follow the server's document and the machine's interfaces. */
export class Serving {
  private readonly running = new Map<string, Running>();
  private readonly problems = new Map<string, string>();
  private readonly timer: NodeJS.Timeout;
  private queue: Promise<void> = Promise.resolve();
  /** The last failure told, until a look succeeds: it comes again at every look. */
  private lastReport: string | undefined;

  /** @param keeper holds the listeners' sockets, so that they can be handed over */
  constructor(
    private readonly context: AgentContext, private readonly source: InterfaceSource = networkInterfaces, every = lookEvery, private readonly keeper?: Keeper,
  ) {
    this.timer = setInterval(() => void this.reconcile(), every);
  }

  /** Resolves when what is open follows the documents; what can't be opened is told by `status`, never thrown. */
  reconcile(): Promise<void> {
    this.queue = this.queue.then(() => this.reconcileNow()).catch((error: unknown) => { this.report("the interfaces can't be looked at", error); });
    return this.queue;
  }

  /** The interfaces named by the server's document. */
  status(): InterfaceStatus[] {
    const names = this.context.state.server?.spec.interfaces ?? [];
    return names.map((name) => ({
      name,
      addresses: this.known(name).map((item) => item.address),
      serving: this.running.has(name),
      problem: this.problems.get(name) ?? null,
    }));
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.queue;
    await Promise.all([...this.running.keys()].map((name) => this.stop(name)));
  }

  /** Takes in nothing more, and leaves the sockets open at their keeper; transfers under way go on. */
  async release(): Promise<Draining> {
    clearInterval(this.timer);
    await this.queue;
    const running = [...this.running.values()];
    this.running.clear();
    return allDraining(await Promise.all(running.map((item) => item.retire())));
  }

  private async reconcileNow(): Promise<void> {
    const spec = this.context.state.server?.spec;
    const wanted = new Map((spec?.interfaces ?? []).map((name): [string, ServedInterface] => [name, { name, addresses: addressesOf(name, this.source) }]));
    this.lastReport = undefined;
    for (const [name, running] of this.running) {
      if (!isDeepStrictEqual(running.served, wanted.get(name)) || !sameListeners(running.spec, spec)) await this.stop(name);
      else await running.follow().then(() => this.problems.delete(name), (error: unknown) => { this.note(name, errorText(error)); });
    }
    for (const name of this.problems.keys()) if (!wanted.has(name)) this.problems.delete(name);
    for (const served of wanted.values()) {
      if (spec !== undefined && !this.running.has(served.name)) await this.tryStart(spec, served);
    }
  }

  private async tryStart(spec: ServerSpec, served: ServedInterface): Promise<void> {
    if (served.addresses.length === 0) {
      this.note(served.name, "it does not exist or has no IPv4 address");
      return;
    }
    const opened: { close(): Promise<void> }[] = [];
    const sockets = this.keeper?.of(served.name) ?? plainSockets;
    try {
      const http = await startHttp(this.context, { addresses: served.addresses.map((item) => item.address), port: spec.httpPort, sockets });
      opened.push(http);
      const tftp = await startTftp(this.context, { interface: served, port: spec.tftpPort, httpPort: spec.httpPort, sockets });
      opened.push(tftp);
      const dhcp = await startDhcp(this.context, { interface: served, port: spec.dhcpPort, sockets });
      opened.push(dhcp);
      const pxe = new PxeService(this.context, { interface: served, port: spec.pxePort, sockets });
      opened.push(pxe);
      await pxe.follow();
      this.running.set(served.name, {
        spec, served,
        follow: () => pxe.follow(),
        close: () => this.closeAll(opened),
        retire: async () => {
          await Promise.all([dhcp.close(), pxe.close()]);
          return allDraining([await tftp.retire(), await http.retire()]);
        },
      });
      this.problems.delete(served.name);
      this.context.log.info({ interface: served.name, addresses: served.addresses }, "serving");
    } catch (error) {
      await this.closeAll(opened);
      this.keeper?.close(served.name);
      this.note(served.name, errorText(error));
    }
  }

  /** Closes what it can: one listener that fails to must not keep another from closing. */
  private async closeAll(opened: readonly { close(): Promise<void> }[]): Promise<void> {
    for (const result of await Promise.allSettled(opened.map((item) => item.close()))) {
      if (result.status === "rejected") this.context.log.error({ err: result.reason as unknown }, "a listener could not be closed");
    }
  }

  /** Addresses for the status, which is told also when the system can't tell them. */
  private known(name: string): ServedInterface["addresses"] {
    try {
      return addressesOf(name, this.source);
    } catch {
      return this.running.get(name)?.served.addresses ?? [];
    }
  }

  private report(what: string, error: unknown): void {
    const text = `${what}: ${errorText(error)}`;
    this.context.log.error({ err: error }, what);
    if (text !== this.lastReport) this.context.emit({ kind: "alert", host: null, mac: null, address: null, text });
    this.lastReport = text;
  }

  private note(name: string, problem: string): void {
    if (this.problems.get(name) !== problem) {
      this.context.emit({ kind: "alert", host: null, mac: null, address: null, text: `interface ${name} is not served: ${problem}` });
    }
    this.problems.set(name, problem);
  }

  private async stop(name: string): Promise<void> {
    const running = this.running.get(name);
    this.running.delete(name);
    await running?.close();
    this.keeper?.close(name);
  }
}

function sameListeners(one: ServerSpec, other: ServerSpec | undefined): boolean {
  return other !== undefined && one.dhcpPort === other.dhcpPort && one.tftpPort === other.tftpPort && one.httpPort === other.httpPort && one.pxePort === other.pxePort;
}
