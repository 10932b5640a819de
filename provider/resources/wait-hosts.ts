import { errorText, PxeError, pxeError, type ErrorCode } from "../errors";
import type { HostStatus } from "../model/control";
import { nameOfServer, type Wait, type WaitedServer } from "./wait-inputs";
import { judge, nextStep } from "./wait-judge";
import { elapsed, WaitProgress } from "./wait-progress";
import type { HostWatch } from "./wait-watch";

/** What may pass by itself: an agent that is upgraded or restarted, a target that reboots. */
const passing: readonly ErrorCode[] = ["PXE_CONNECTION_LOST", "PXE_AGENT_UNREACHABLE", "PXE_HOST_UNREACHABLE", "PXE_TIMEOUT"];

/** Hosts that an error names one by one. */
const namedHosts = 20;

/** One wait for hosts on one or more servers. */
export class Waiting {
  private readonly progress: WaitProgress;
  private readonly from = Date.now();
  private readonly there = new Set<string>();
  private readonly names: readonly string[];
  private ended = false;

  constructor(private readonly wait: Wait, private readonly watch: Pick<HostWatch, "look">, private readonly tell: (line: string) => void) {
    this.names = wait.servers.flatMap((server) => server.hosts);
    this.progress = new WaitProgress(this.names.length, this.from);
  }

  /**
   * Resolves when all hosts are there.
   * @throws PXE_INSTALL_FAILED, PXE_NOT_FOUND, PXE_WAIT_TIMEOUT, PXE_INTERRUPTED
   */
  async end(cancelled: AbortSignal): Promise<readonly HostStatus[]> {
    const { promise, reject } = Promise.withResolvers<never>();
    const limit = setTimeout(() => { reject(this.timedOut()); }, this.wait.timeout);
    const cancel = (): void => { reject(this.interrupted()); };
    if (cancelled.aborted) cancel();
    cancelled.addEventListener("abort", cancel);
    try {
      await Promise.race([Promise.all(this.wait.servers.map((server) => this.follow(server))), promise]);
      return this.seen();
    } finally {
      this.ended = true;
      clearTimeout(limit);
      cancelled.removeEventListener("abort", cancel);
    }
  }

  /** What was seen of the hosts last. */
  seen(): readonly HostStatus[] {
    return this.names.flatMap((name) => this.progress.last(name) ?? []);
  }

  private async follow(server: WaitedServer): Promise<void> {
    let problem: string | undefined;
    for (let first = true; !this.ended; first = false) {
      try {
        const hosts = await this.watch.look(server, first);
        if (this.isOver()) return;
        if (problem !== undefined) this.tell(`${nameOfServer(server)} answers again`);
        problem = undefined;
        if (this.take(server, hosts)) return;
      } catch (error) {
        if (!(error instanceof PxeError) || !passing.includes(error.code)) throw error;
        if (this.isOver()) return;
        if (problem === undefined) this.tell(`${nameOfServer(server)} doesn't answer, its hosts go on by themselves; trying again until it does (${errorText(error)})`);
        problem = error.code;
      }
    }
  }

  /** Asked anew: the type checker takes what a loop's condition said for what holds after a wait. */
  private isOver(): boolean {
    return this.ended;
  }

  /** Whether all hosts of the server are there. */
  private take(server: WaitedServer, hosts: readonly HostStatus[]): boolean {
    const own = new Map(hosts.filter((host) => host.declared && host.owner === this.wait.owner).map((host) => [host.name, host]));
    const waited = server.hosts.flatMap((name) => own.get(name) ?? []);
    for (const line of this.progress.update(waited, Date.now())) this.tell(line);
    const verdicts = server.hosts.map((name) => [name, judge(name, own.get(name), this.wait.until)] as const);
    for (const [name, verdict] of verdicts) {
      if (verdict === "there" || verdict === "untouched") this.there.add(name);
      else this.there.delete(name);
    }
    const errors = verdicts.flatMap(([, verdict]) => (verdict instanceof PxeError ? verdict.findings : []));
    const [worst, ...others] = errors;
    if (worst !== undefined) throw new PxeError([worst, ...others.slice(0, namedHosts)]);
    return server.hosts.every((name) => this.there.has(name));
  }

  private timedOut(): PxeError {
    const missing = this.names.filter((name) => !this.there.has(name));
    const now = Date.now();
    const named = missing.slice(0, namedHosts).map((name) => `${name} ${this.standing(name, now)}`);
    const more = missing.length > named.length ? [`${String(missing.length - named.length)} more`] : [];
    const what = `${String(missing.length)} of ${String(this.names.length)} hosts not ${this.wait.until} after ${elapsed(this.wait.timeout)}: ${[...named, ...more].join("; ")}`;
    return pxeError("PXE_WAIT_TIMEOUT", what, { where: [{ document: `wait/${this.wait.name}`, property: "timeout" }] });
  }

  private standing(name: string, now: number): string {
    const status = this.progress.last(name);
    return status === undefined ? "(its server never answered)" : `is ${status.state} for ${elapsed(now - status.since)} (${nextStep(status)})`;
  }

  private interrupted(): PxeError {
    return pxeError("PXE_INTERRUPTED", `stopped waiting after ${elapsed(Date.now() - this.from)}: ${this.progress.counts()}`, { where: [{ document: `wait/${this.wait.name}` }] });
  }
}
