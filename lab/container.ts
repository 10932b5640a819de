import fs from "node:fs";
import path from "node:path";
import { pxeError } from "../provider/errors";
import { makeCgroup } from "./cgroup";
import { namespaceFile } from "./network";
import { identify, isRunning, run, signal, startDaemon, tailOfFile, waitFor, type ProcessIdentity, type RunOptions, type RunResult } from "./process";
import type { Ledger } from "./registry";
import { removeItems } from "./teardown";

export interface ContainerPlan {
  /** nspawn's name of the container: unique on the machine. */
  readonly machine: string;
  readonly hostname: string;
  readonly root: string;
  readonly namespace: string;
  readonly cgroup: string;
  readonly log: string;
}

/** A booted systemd: nspawn, and the first process inside. */
interface Booted {
  readonly nspawn: ProcessIdentity;
  readonly init: ProcessIdentity;
}

/** A real systemd in `systemd-nspawn`, on a machine that itself may run without systemd. */
export class Container {
  private booted: Booted | undefined;

  constructor(
    private readonly ledger: Ledger,
    readonly plan: ContainerPlan,
  ) {}

  get running(): boolean {
    return this.booted !== undefined && isRunning(this.booted.init);
  }

  /** Boots it; resolves when its first process runs. */
  async start(): Promise<void> {
    if (this.running) return;
    const { machine, root, namespace, cgroup, log, hostname } = this.plan;
    const args = [
      // Entered before nspawn starts, not by its --network-namespace-path: /sys/class/net would show the host's interfaces.
      // A target may be made its segment's router: /proc/sys/net is its own.
      ...[`--net=${namespaceFile(namespace)}`, "--", "env", "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network", "systemd-nspawn"],
      "--quiet",
      "--boot",
      `--directory=${root}`,
      `--machine=${machine}`,
      `--hostname=${hostname}`,
      "--settings=no",
      "--register=no",
      "--keep-unit",
      // nspawn takes it away unless it makes the network itself; a service's ambient capability needs it in the bounding set.
      "--capability=CAP_NET_ADMIN",
      "--link-journal=no",
      "--resolv-conf=off",
      "--timezone=off",
      "--console=read-only",
    ];
    const items = [
      { kind: "cgroup", name: cgroup },
      { kind: "container", machine, root },
    ] as const;
    await this.ledger.make(items, async () => {
      const nspawn = await startDaemon("nsenter", args, { log, cgroups: makeCgroup(cgroup) });
      this.ledger.add({ kind: "process", role: `container ${machine}`, ...nspawn });
      const init = await waitFor(() => this.firstProcess(nspawn), {
        what: `systemd to start in ${machine}`,
        timeoutMs: 30_000,
        intervalMs: 20,
        evidence: () => tailOfFile(log),
        abort: this.ledger.abort,
      });
      this.booted = { nspawn, init };
    });
  }

  private firstProcess(nspawn: ProcessIdentity): ProcessIdentity | undefined {
    if (!isRunning(nspawn)) throw pxeError("PXE_LAB_FAILED", `systemd-nspawn ended at once: ${tailOfFile(this.plan.log)}`);
    const children = fs.readFileSync(`/proc/${nspawn.pid}/task/${nspawn.pid}/children`, "utf8").trim().split(" ");
    const pid = Number(children[0] ?? "");
    if (pid === 0) return undefined;
    // nspawn sets up through helpers of its own, the last of which becomes systemd.
    let command = "";
    try {
      command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0] ?? "";
    } catch {
      return undefined;
    }
    return ["systemd", "init"].includes(path.basename(command)) ? identify(pid) : undefined;
  }

  /** Ends it: `poweroff` as a person would (some seconds at most), `kill` as a power cut. */
  async stop(how: "poweroff" | "kill"): Promise<void> {
    const booted = this.booted;
    if (booted === undefined) return;
    // nspawn passes SIGTERM on as systemd's own "halt", and tidies up after its container has ended.
    if (how === "poweroff") signal(booted.nspawn, "SIGTERM");
    else signal(booted.init, "SIGKILL");
    await waitFor(() => !isRunning(booted.init) && !isRunning(booted.nspawn), {
      what: `${this.plan.machine} to end`,
      timeoutMs: 30_000,
      evidence: () => tailOfFile(this.plan.log),
      abort: this.ledger.abort,
    });
    this.booted = undefined;
    const { machine, cgroup } = this.plan;
    const gone = this.ledger.record.items.filter(
      (item) =>
        (item.kind === "container" && item.machine === machine) ||
        (item.kind === "cgroup" && item.name === cgroup) ||
        (item.kind === "process" && item.pid === booted.nspawn.pid),
    );
    await removeItems(gone);
    this.ledger.drop((item) => gone.includes(item));
  }

  /** Runs a command inside as root, without the network or sshd. */
  async exec(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const booted = this.booted;
    if (booted === undefined || !isRunning(booted.init)) throw pxeError("PXE_LAB_FAILED", `${this.plan.machine} does not run`);
    const environment = ["/usr/bin/env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"];
    const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"];
    return run("nsenter", ["--target", String(booted.init.pid), ...namespaces, "--", ...environment, ...command], {
      abort: this.ledger.abort,
      ...options,
    });
  }
}
