import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { pxeError } from "../provider/errors";
import { formatIpv4, network } from "../provider/model/ip";
import { probeAccelerator, type Accelerator } from "./accelerator";
import { makeCgroup } from "./cgroup";
import { Container } from "./container";
import { guardLab } from "./guard";
import { Machine, type MachineOptions } from "./machine";
import { addManagementLink, runInNamespace, Segment } from "./network";
import { mountOverlay } from "./overlay";
import { bootId, identify, isRunning, type RunOptions, type RunResult } from "./process";
import { labFolder, Ledger, type LabRecord, type TargetAccess } from "./registry";
import { checkRequirements } from "./requirements";
import { targetRoot } from "./rootfs";
import { makeKeyPair } from "./sshkeys";
import { makePasswords, personalise, Target, type TargetOptions } from "./target";
import { removeLab, sweep } from "./teardown";

export interface LabOptions {
  /** For `pxe lab status` and people; need not be unique. The lab's id by default. */
  readonly name?: string;
  /** The provisioning network; 10.77.0.0/24 by default. Labs side by side may use the same one. */
  readonly segment?: string;
  /** Gets a line for each step that takes time. */
  readonly progress?: (line: string) => void;
}

/** A client's namespace on the segment. */
export interface LabClient {
  readonly name: string;
  readonly namespace: string;
  /** `eth0`, on the segment. */
  readonly interface: string;
  exec(file: string, args?: readonly string[], options?: RunOptions): Promise<RunResult>;
}

const shortName = /^[a-z0-9][a-z0-9-]{0,10}$/;

function checkShortName(what: string, name: string): void {
  if (shortName.test(name)) return;
  throw pxeError("PXE_INPUT_INVALID", `"${name}" is not a ${what} name: use up to 11 of a-z, 0-9 and -`);
}

function newRecord(id: string, options: LabOptions): LabRecord {
  const owner = identify(process.pid);
  if (owner === undefined) throw pxeError("PXE_INTERNAL", "this process has no entry in /proc");
  return {
    version: 1,
    id,
    name: options.name ?? id,
    createdAt: new Date().toISOString(),
    bootId: bootId(),
    owner,
    keep: false,
    namespace: `pxe-${id}`,
    segment: options.segment ?? "10.77.0.0/24",
    items: [],
    targets: [],
  };
}

/**
 * A throw-away provisioning network: a segment, targets to deploy to, machines to boot, client namespaces. All of it is gone
 * after `down()`, and when the process that made it ends, unless `keep()` was called.
 */
export class Lab {
  private accelerator: Promise<Accelerator> | undefined;
  private removal: Promise<void> | undefined;
  private withdrawGuard: () => void = () => undefined;
  private taps = 0;

  private constructor(
    private readonly ledger: Ledger,
    private readonly segment: Segment,
    private readonly progress: (line: string) => void,
  ) {}

  /** Makes the segment. Labs whose owner is gone are removed first. Throws PXE_TOOL_MISSING, PXE_LAB_FAILED. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    checkRequirements();
    network(options.segment ?? "10.77.0.0/24");
    const progress = options.progress ?? (() => undefined);
    for (const name of await sweep()) progress(`lab: removed ${name}, which its owner had left behind`);
    const id = [...crypto.randomBytes(6)].map((byte) => (byte % 36).toString(36)).join("");
    const ledger = new Ledger(newRecord(id, options));
    let lab: Lab | undefined;
    let removal: Promise<void> | undefined;
    // The guard stands before the first thing is made.
    const down = async (): Promise<void> => (lab === undefined ? (removal ??= dismantle(ledger)) : lab.down());
    const withdraw = guardLab(id, down);
    try {
      const segment = await Segment.create(ledger, ledger.record.namespace);
      lab = new Lab(ledger, segment, progress);
      lab.withdrawGuard = withdraw;
      return lab;
    } catch (error) {
      await down().finally(withdraw);
      throw error;
    }
  }

  get id(): string {
    return this.ledger.record.id;
  }
  get name(): string {
    return this.ledger.record.name;
  }
  /** The segment's namespace; it holds the bridge `br0`. */
  get namespace(): string {
    return this.ledger.record.namespace;
  }
  /** The segment's network, such as 10.77.0.0/24. */
  get network(): string {
    return this.ledger.record.segment;
  }
  /** The lab's own folder: keys, logs, consoles, disks; gone after `down()`. */
  get folder(): string {
    return labFolder(this.id);
  }

  private segmentAddress(index: number): string {
    const { first, prefix } = network(this.network);
    return `${formatIpv4(first + index)}/${prefix}`;
  }

  /** Boots a target and waits until its sshd answers. The first one ever made on a machine makes the root (some 25 s). */
  async target(options: TargetOptions = {}): Promise<Target> {
    const { ledger } = this;
    const name = options.name ?? "target";
    checkShortName("target", name);
    const index = ledger.record.targets.length;
    if (ledger.record.targets.some((target) => target.name === name)) throw pxeError("PXE_INPUT_INVALID", `there is a target ${name} in this lab already`);
    const address = options.address ?? this.segmentAddress(1 + index);
    const folder = path.join(this.folder, "targets", name);
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const buildGroup = `pxe-lab-${this.id}/build`;
    const lower = await ledger.make([{ kind: "cgroup", name: `pxe-lab-${this.id}` }], () => targetRoot(ledger, makeCgroup(buildGroup), this.progress, options.packages));
    const started = Date.now();
    const root = await mountOverlay(ledger, lower, path.join(folder, "disk"));
    const hostKey = await makeKeyPair(path.join(folder, "host-key"), name);
    const key = await makeKeyPair(path.join(folder, "client-key"), "lab");
    const passwords = makePasswords();
    await personalise(root, { hostname: name, hostKey, clientKey: key, passwords });
    const namespace = `${this.namespace}-${name}`;
    await this.segment.attach(namespace, { name: "prov0", port: `t${index}`, address });
    const host = await addManagementLink(ledger, namespace, `pxe-${this.id}-m${index}`);
    const knownHostsPath = path.join(folder, "known_hosts");
    fs.writeFileSync(knownHostsPath, `${host} ${hostKey.publicKey}\n`);
    const access: TargetAccess = {
      ...{ name, host, port: 22, user: "root", namespace, knownHostsPath },
      ...{ privateKeyPath: key.privateKeyPath, hostKeyFingerprint: hostKey.fingerprint },
    };
    const machine = `pxe-${this.id}-${name}`;
    const container = new Container(ledger, {
      ...{ machine, hostname: name, root, namespace },
      ...{ cgroup: `pxe-lab-${this.id}/${name}`, log: path.join(folder, "console.log") },
    });
    const target = new Target(ledger, { access, address: address.split("/")[0] ?? address, passwords, key, container, root });
    await target.start();
    ledger.change({ targets: [...ledger.record.targets, access] });
    this.progress(`lab: target ${name} up in ${((Date.now() - started) / 1000).toFixed(1)} s, ssh at ${host}`);
    return target;
  }

  /** Makes a virtual machine, switched off. */
  async machine(options: MachineOptions): Promise<Machine> {
    const { ledger, segment } = this;
    const group = `pxe-lab-${this.id}`;
    const socketFolder = `/run/${group}`;
    const tap = `tap${this.taps++}`;
    return ledger.make([{ kind: "cgroup", name: group }, { kind: "folder", path: socketFolder }], async () => {
      const cgroupFolders = makeCgroup(`${group}/machines`);
      fs.mkdirSync(socketFolder, { recursive: true, mode: 0o700 });
      const folder = path.join(this.folder, "machines");
      const accelerator = (): Promise<Accelerator> => (this.accelerator ??= probeAccelerator(folder, cgroupFolders));
      return Machine.create({ ledger, segment, folder, socketFolder, tap, cgroupFolders, accelerator }, options);
    });
  }

  /**
   * Makes a client's namespace with `eth0` on the segment, without an address unless one is given. A dhclient there wants
   * `-sf /bin/true`: its script would write this machine's own /etc/resolv.conf.
   */
  async netns(name: string, address?: string, mac?: string): Promise<LabClient> {
    checkShortName("client", name);
    const namespace = `${this.namespace}-${name}`;
    await this.segment.attach(namespace, {
      ...{ name: "eth0", port: `c-${name}` },
      ...(address === undefined ? {} : { address }),
      ...(mac === undefined ? {} : { mac }),
    });
    return { name, namespace, interface: "eth0", exec: (file, args = [], options = {}) => this.exec(namespace, file, args, options) };
  }

  /** Runs a command in one of the lab's namespaces, given by its full name or a client's short one. */
  async exec(namespace: string, file: string, args: readonly string[] = [], options: RunOptions = {}): Promise<RunResult> {
    const full = namespace.startsWith(this.namespace) ? namespace : `${this.namespace}-${namespace}`;
    return runInNamespace(full, file, args, { abort: this.ledger.abort, ...options });
  }

  /** Lets the lab outlive this process: from now on only `pxe lab down` or `down()` removes it. */
  keep(): void {
    this.ledger.change({ keep: true });
    this.withdrawGuard();
  }

  /** Removes everything; a second call waits for the first, and repeats it if it failed. */
  async down(): Promise<void> {
    this.removal ??= dismantle(this.ledger).then(
      () => this.withdrawGuard(),
      (error: unknown) => {
        this.removal = undefined;
        throw error;
      },
    );
    return this.removal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}

async function dismantle(ledger: Ledger): Promise<void> {
  await ledger.close();
  await removeLab(ledger.record);
}

/** Whether a kept lab's target still runs. */
export function hasRunningTarget(record: LabRecord): boolean {
  return record.bootId === bootId() && record.items.some((item) => item.kind === "process" && item.role.startsWith("container ") && isRunning(item));
}
