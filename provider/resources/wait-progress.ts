import { installStates, type HostStatus, type InstallState } from "../model/control";
import { nextStep } from "./wait-judge";

/** From how many hosts on changes are told in summary. */
const manyHosts = 11;
/** Milliseconds between two summaries. */
const summaryEvery = 30_000;

/** What a person who waits is told: a line a change of stage, or a summary now and then where there are many hosts. */
export class WaitProgress {
  private readonly seen = new Map<string, HostStatus>();
  private readonly many: boolean;
  private summarized = { at: Number.NEGATIVE_INFINITY, counts: "" };

  /** @param from when the wait began, Unix time in milliseconds of this machine */
  constructor(private readonly total: number, private readonly from: number) {
    this.many = total >= manyHosts;
  }

  /** Takes in what an agent tells; returns lines for what is new. */
  update(statuses: readonly HostStatus[], now: number): string[] {
    const lines = statuses.flatMap((status) => {
      const before = this.seen.get(status.name);
      this.seen.set(status.name, status);
      const line = lineFor(before, status);
      return line === undefined || (this.many && status.state !== "failed" && status.state !== "adopted") ? [] : [line];
    });
    return this.many && this.seen.size === this.total ? [...lines, ...this.summary(now)] : lines;
  }

  /** How many hosts stand where: `12 of 40 installed, 3 installing, 25 armed`. */
  counts(): string {
    const all = [...this.seen.values()];
    const there = all.filter((status) => status.state === "installed" || status.state === "up").length;
    const others = installStates.filter((state) => state !== "installed" && state !== "up");
    const counted = others.map((state) => [state, all.filter((status) => status.state === state).length] as const).filter(([, count]) => count > 0);
    return [`${String(there)} of ${String(this.total)} installed`, ...counted.reverse().map(([state, count]) => `${String(count)} ${state}`)].join(", ");
  }

  last(name: string): HostStatus | undefined {
    return this.seen.get(name);
  }

  private summary(now: number): string[] {
    const counts = this.counts();
    const pending = [...this.seen.values()].some((status) => under(status.state));
    if (counts === this.summarized.counts || (pending && now - this.summarized.at < summaryEvery)) return [];
    this.summarized = { at: now, counts };
    return [`${counts}; ${elapsed(now - this.from)}`];
  }
}

function under(state: InstallState): boolean {
  return state === "armed" || state === "installing" || state === "wiping";
}

function lineFor(before: HostStatus | undefined, status: HostStatus): string | undefined {
  const { name, state, reason } = status;
  if (state === "adopted" && before?.state !== "adopted") {
    return `${name} is not being installed: ${reason}. It boots from its disk and is not waited for; a new \`reinstall\` text installs it, unless it is declared with \`install: "never"\``;
  }
  if (before === undefined) return under(state) ? `${name}: ${state} (${nextStep(status)})` : undefined;
  if (before.state === state) return before.since === status.since ? undefined : `${name}: ${state} anew (${reason})`;
  const why = state === "failed" ? ` (${reason})` : "";
  return `${name}: ${before.state} → ${state} after ${elapsed(status.since - before.since)}${why}`;
}

/** `1 min 40 s` */
export function elapsed(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const parts = [[Math.floor(seconds / 3600), "h"], [Math.floor(seconds / 60) % 60, "min"], [seconds % 60, "s"]] as const;
  const shown = parts.filter(([count]) => count > 0).slice(0, 2);
  return shown.length === 0 ? "0 s" : shown.map(([count, unit]) => `${String(count)} ${unit}`).join(" ");
}
