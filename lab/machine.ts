import crypto from "node:crypto";
import { EventEmitter } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { pxeError } from "../provider/errors";
import type { Accelerator } from "./accelerator";
import { bootSector } from "./bootsector";
import { SerialConsole, type ConsoleWait } from "./console";
import { randomMac, type Segment } from "./network";
import { isRunning, signal, startDaemon, tailOfFile, waitFor, type ProcessIdentity } from "./process";
import { firmwareFiles, qemuArguments, type Firmware, type MachinePlan } from "./qemu";
import { qmp } from "./qmp";
import type { Ledger } from "./registry";

export interface DiskOptions {
  readonly sizeMb: number;
  /** At most 20 characters; `lab-` and the machine's name by default. */
  readonly serial?: string;
  /** Holds a boot sector that prints `diskBootMessage` and halts (BIOS only). */
  readonly bootable?: boolean;
}

export interface MachineOptions {
  readonly name: string;
  readonly firmware?: Firmware;
  readonly mac?: string;
  readonly uuid?: string;
  /** 2048 by default, which debian-installer wants; 512 is enough to boot from the disk. */
  readonly memoryMb?: number;
  readonly disk?: DiskOptions;
  readonly bootOrder?: "network-first" | "disk-first";
  /** Appended to QEMU's command line. */
  readonly extraArguments?: readonly string[];
}

/** How a machine's process ended: it was switched off from inside or outside, or QEMU failed. */
export interface MachineExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a machine is built with by its lab. */
export interface MachineParts {
  readonly ledger: Ledger;
  readonly segment: Segment;
  readonly folder: string;
  /** For sockets: their paths may have 107 bytes at most (unix(7)), and a state folder can be deep. */
  readonly socketFolder: string;
  readonly tap: string;
  readonly cgroupFolders: readonly string[];
  readonly accelerator: () => Promise<Accelerator>;
}

function makeDisk(file: string, name: string, options: DiskOptions): { file: string; serial: string } {
  const serial = options.serial ?? `lab-${name}`.slice(0, 20);
  if (serial.length > 20) throw pxeError("PXE_INPUT_INVALID", `disk serial "${serial}" is longer than 20 characters`);
  fs.writeFileSync(file, options.bootable === true ? bootSector() : "");
  fs.truncateSync(file, options.sizeMb * 1024 * 1024);
  return { file, serial };
}

/** A virtual machine with its network card on the lab's segment; switched off at first. */
export class Machine {
  /** `exit` when the machine's power goes off, for whatever reason. */
  readonly events = new EventEmitter<{ exit: [MachineExit] }>();
  private process: ProcessIdentity | undefined;
  private lastExit: MachineExit | undefined;
  private cycle = 0;
  private readonly serialConsole: SerialConsole;

  private constructor(
    private readonly parts: MachineParts,
    private readonly plan: Omit<MachinePlan, "accelerator">,
  ) {
    this.serialConsole = new SerialConsole(plan.consoleFile);
  }

  static async create(parts: MachineParts, options: MachineOptions): Promise<Machine> {
    const { name, firmware = "bios" } = options;
    if (!/^[a-z0-9][a-z0-9-]*$/.test(name)) throw pxeError("PXE_INPUT_INVALID", `"${name}" is not a machine name: use a-z, 0-9 and -`);
    if (options.disk?.bootable === true && firmware !== "bios") {
      throw pxeError("PXE_INPUT_INVALID", `machine ${name}: a lab's bootable disk boots under BIOS only`, { fix: "Use firmware bios, or install the disk." });
    }
    const folder = path.join(parts.folder, name);
    if (fs.existsSync(folder)) throw pxeError("PXE_INPUT_INVALID", `there is a machine ${name} in this lab already`);
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const files = firmwareFiles(firmware);
    const variables = files === undefined ? undefined : path.join(folder, "variables.fd");
    if (files !== undefined && variables !== undefined) fs.copyFileSync(files.variables, variables);
    await parts.segment.tap(parts.tap);
    return new Machine(parts, {
      name,
      firmware,
      memoryMb: options.memoryMb ?? 2048,
      uuid: options.uuid ?? crypto.randomUUID(),
      mac: options.mac ?? randomMac(),
      tap: parts.tap,
      consoleFile: path.join(folder, "console.log"),
      qmpSocket: path.join(parts.socketFolder, `${name}.qmp`),
      variables,
      disk: options.disk === undefined ? undefined : makeDisk(path.join(folder, "disk.img"), name, options.disk),
      bootOrder: options.bootOrder ?? "network-first",
      extraArguments: options.extraArguments ?? [],
    });
  }

  get name(): string {
    return this.plan.name;
  }
  get mac(): string {
    return this.plan.mac;
  }
  get uuid(): string {
    return this.plan.uuid;
  }
  get firmware(): Firmware {
    return this.plan.firmware;
  }
  get diskFile(): string | undefined {
    return this.plan.disk?.file;
  }
  get diskSerial(): string | undefined {
    return this.plan.disk?.serial;
  }
  /** The serial console's file, which grows over all power cycles. */
  get console(): string {
    return this.plan.consoleFile;
  }
  /** QEMU's own messages. */
  get log(): string {
    return path.join(path.dirname(this.plan.consoleFile), "qemu.log");
  }
  get running(): boolean {
    return this.process !== undefined && isRunning(this.process);
  }

  /** What the console has shown, without control sequences. */
  consoleText(since: "power-on" | "start" = "power-on"): string {
    return this.serialConsole.text(since);
  }

  /** Switches it on; resolves when QEMU runs. Nothing happens when it is on. */
  async powerOn(): Promise<void> {
    if (this.running) return;
    const { ledger, cgroupFolders, segment } = this.parts;
    const plan = { ...this.plan, accelerator: await this.parts.accelerator() };
    ledger.abort.throwIfAborted();
    this.serialConsole.mark();
    this.lastExit = undefined;
    const cycle = ++this.cycle;
    fs.rmSync(plan.qmpSocket, { force: true });
    await ledger.make([], async () => {
      const process = await startDaemon("ip", ["netns", "exec", segment.namespace, "qemu-system-x86_64", ...qemuArguments(plan)], {
        log: this.log,
        cgroups: cgroupFolders,
        onExit: (code, name) => cycle === this.cycle && this.ended({ code, signal: name }),
      });
      this.process = process;
      ledger.add({ kind: "process", role: `machine ${this.name}`, ...process });
      // The socket is there before the devices are made; an answer comes only after.
      const answers = async (): Promise<boolean> => fs.existsSync(plan.qmpSocket) && (await this.qmp("query-status").then(() => true, () => false));
      await waitFor(async () => this.lastExit !== undefined || (await answers()), {
        what: `QEMU of ${this.name} to start`,
        timeoutMs: 30_000,
        evidence: () => tailOfFile(this.log),
        abort: ledger.abort,
      });
      if (!this.running) throw pxeError("PXE_LAB_FAILED", `QEMU of ${this.name} ended at once: ${tailOfFile(this.log)}`);
    });
  }

  private ended(exit: MachineExit): void {
    const ended = this.process;
    this.process = undefined;
    this.lastExit = exit;
    this.parts.ledger.drop((item) => item.kind === "process" && item.pid === ended?.pid && item.startTime === ended.startTime);
    this.events.emit("exit", exit);
  }

  /** Cuts the power. */
  async powerOff(): Promise<void> {
    const running = this.process;
    if (running === undefined) return;
    signal(running, "SIGKILL");
    await waitFor(() => this.lastExit !== undefined, { what: `${this.name} to switch off`, timeoutMs: 10_000, intervalMs: 20 });
  }

  /** Presses the reset button. */
  async reset(): Promise<void> {
    if (!this.running) throw pxeError("PXE_LAB_FAILED", `machine ${this.name} is switched off`);
    this.serialConsole.mark();
    await this.qmp("system_reset");
  }

  /** A command to QEMU itself, such as `screendump` or `query-status`. */
  async qmp(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return qmp(this.plan.qmpSocket, command, args);
  }

  /** Waits for a text on the console. Throws PXE_TIMEOUT, or PXE_LAB_FAILED when the machine goes off before. */
  async waitForConsole(pattern: RegExp, options: ConsoleWait = {}): Promise<RegExpExecArray> {
    const stopped = (): string | undefined => {
      if (this.running) return undefined;
      const exit = this.lastExit;
      return exit === undefined ? "it was never switched on" : `exit code ${String(exit.code)}, signal ${String(exit.signal)} ${tailOfFile(this.log, 3)}`;
    };
    return this.serialConsole.waitFor(pattern, { ...options, name: this.name, stopped, abort: this.parts.ledger.abort });
  }
}
