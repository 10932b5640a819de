import { readFileSync } from "node:fs";
import { freePorts } from "../lab/ports";
import { PulumiProject, type StateResource } from "../lab/project";
import { bareBytes, groupProgram, hostsProgram, noopProgram, type FleetShape, type Padding } from "./fleet-programs";


/** What is compared: our resources, and dynamic resources that do nothing. */
export const subjects = ["hosts", "equal", "digest", "bare", "group", "group digest"] as const;
export type Subject = (typeof subjects)[number];

/** In the order in which each subject does them. */
export const steps = ["first up", "no change", "refresh", "preview of all", "change of all", "change of one", "destroy"] as const;
export type Step = (typeof steps)[number];

/** Milliseconds that one command on a thousand resources may take. */
const commandLimit = 20 * 60_000;

/** One fleet in a stack of its own. */
export class Fleet {
  readonly times = new Map<Step, number>();
  /** In the state for each host: of the compact export, and of the file on the disk. */
  bytes: { readonly compact: number; readonly file: number } | undefined;
  private readonly project = new PulumiProject("fleet", undefined, undefined, commandLimit);
  private shape: FleetShape;

  private constructor(readonly subject: Subject, hosts: number, ports: string, private readonly padding: Padding) {
    this.shape = { hosts, edition: 1, moved: false, ports };
    for (const file of ["linux", "initrd.gz", "pxelinux.0", "ldlinux.c32"]) this.project.file(file, `stands in for ${file}\n`);
  }

  static async make(subject: Subject, hosts: number, padding: Padding): Promise<Fleet> {
    return new Fleet(subject, hosts, JSON.stringify(await freePorts()), padding);
  }

  async take(step: Step): Promise<void> {
    if (step === "preview of all" || step === "change of all") this.shape = { ...this.shape, edition: 2 };
    if (step === "change of one") this.shape = { ...this.shape, moved: true };
    this.project.program(this.source());
    const started = performance.now();
    const { status, text } = await this.project.run(...commands[step]);
    this.times.set(step, (performance.now() - started) / 1000);
    if (status !== 0) throw new Error(`${this.subject}, ${step}:\n${text}`);
    if (!this.expected(step).test(text)) throw new Error(`${this.subject}, ${step} did something else:\n${text}`);
    if (step === "first up") this.bytes = await this.weigh();
  }

  /** What one host's resource weighs in the state. */
  weight(): Padding {
    const host = this.project.state().get("host1");
    if (host === undefined) throw new Error("there is no host1 in the state");
    const { inputs, outputs } = host;
    // What the engine notes of links to other resources, a no-op has as text.
    const links = ["dependencies", "propertyDependencies", "deletedWith"].reduce((sum, key) => sum + length({ [key]: (host as unknown as Record<string, unknown>)[key] }), 0);
    return { inputs: Math.max(0, length(inputs) + links - bareBytes.inputs), outputs: Math.max(0, length(outputs) - bareBytes.outputs) };
  }

  /** Bytes of one host's properties in the state. */
  weights(): { readonly inputs: Record<string, number>; readonly outputs: Record<string, number>; readonly around: number } {
    const host = this.project.state().get("host1") as StateResource;
    const each = (values: Record<string, unknown>): Record<string, number> => Object.fromEntries(Object.entries(values).map(([key, value]) => [key, length({ [key]: value }) - 1]));
    return { inputs: each(host.inputs), outputs: each(host.outputs), around: length(host) - length(host.inputs) - length(host.outputs) };
  }

  close(): void {
    this.project.close();
  }

  private source(): string {
    switch (this.subject) {
      case "hosts":
        return hostsProgram(this.shape, "full");
      case "digest":
        return hostsProgram(this.shape, "digest");
      case "group":
        return groupProgram(this.shape, "full");
      case "group digest":
        return groupProgram(this.shape, "digest");
      case "equal":
      case "bare":
        return noopProgram(this.shape, this.padding);
    }
  }

  /** The engine's summary of a step that did what is measured. */
  private expected(step: Step): RegExp {
    const grouped = this.subject.startsWith("group");
    const hosts = grouped ? 1 : this.shape.hosts;
    const ours = ["hosts", "digest"].includes(this.subject) || grouped;
    // The stack itself, and our server, subnet and profile.
    const beside = ours ? 4 : 1;
    switch (step) {
      case "first up":
        return new RegExp(`\\+ ${String(hosts + beside)} created`);
      case "no change":
      case "refresh":
        return new RegExp(`${String(hosts + beside)} unchanged`);
      case "preview of all":
        return new RegExp(`~ ${String(hosts + (ours ? 1 : 0))} to update`);
      case "change of all":
        return new RegExp(`~ ${String(hosts + (ours ? 1 : 0))} updated`);
      case "change of one":
        return /~ 1 updated/;
      case "destroy":
        return new RegExp(`- ${String(hosts + beside)} deleted`);
    }
  }

  private async weigh(): Promise<{ compact: number; file: number }> {
    const exported = JSON.parse(await this.project.exported()) as unknown;
    const { hosts } = this.shape;
    return { compact: length(exported) / hosts, file: readFileSync(this.project.stateFile).length / hosts };
  }
}

function length(value: unknown): number {
  return JSON.stringify(value).length;
}

const quick = ["--yes", "--skip-preview"];
const commands: Readonly<Record<Step, readonly string[]>> = {
  "first up": ["up", ...quick], "no change": ["up", ...quick], refresh: ["refresh", ...quick], "preview of all": ["preview"],
  "change of all": ["up", ...quick], "change of one": ["up", ...quick], destroy: ["destroy", ...quick],
};
