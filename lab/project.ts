import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { isAlive, type ProcessMark } from "../provider/deploy/process-mark";

/** The folder of this package's package.json, seen from dist/lab. */
export const packageRoot = join(__dirname, "..", "..");

export interface CommandResult {
  readonly status: number | null;
  /** Both outputs as they came. */
  readonly text: string;
}

/** A resource as the state file has it. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly parent?: string;
  readonly deletedWith?: string;
  readonly inputs: Record<string, unknown>;
  readonly outputs: Record<string, unknown>;
}

/** A command that runs meanwhile. */
export interface RunningCommand {
  readonly done: Promise<CommandResult>;
  /** Ends it and all that it started, as a power cut would: nothing is tidied up. */
  kill(): void;
}

/** Milliseconds that one command may take by default. */
const commandLimit = 180_000;

/**
 * A Pulumi project of its own in a temporary folder: program, backend, home, and the state folder of a local agent. The program
 * is plain JavaScript that finds the package by its name, as a user's does.
 */
export class PulumiProject {
  private readonly base = mkdtempSync(join(tmpdir(), "pxe-up-"));
  /** The folder that holds backend, home and agent: another project's, beside which this one stands. */
  private readonly shared: string;
  /** The program's folder. */
  readonly folder = join(this.base, "program");
  /** Where the target "local" keeps its agent. */
  readonly stateHome: string;
  readonly env: NodeJS.ProcessEnv;

  /**
   * @param name of the project; documents are owned by `<name>/dev`
   * @param layOut puts Pulumi.yaml and what it needs into the folder
   * @param beside a project whose backend, home and local agent it shares, as a second program of the same people; close it first
   * @param limit milliseconds that one command may take
   */
  constructor(
    readonly name = "lab", layOut: (folder: string, name: string) => void = userProgram, beside?: PulumiProject, private readonly limit = commandLimit,
  ) {
    this.shared = beside?.base ?? this.base;
    this.stateHome = join(this.shared, "state");
    for (const folder of [this.folder, join(this.shared, "backend")]) mkdirSync(folder, { recursive: true });
    layOut(this.folder, name);
    this.env = pulumiEnv(this.shared);
    const init = spawnSync("pulumi", ["stack", "init", "dev", "--non-interactive"], { cwd: this.folder, env: this.env, encoding: "utf8" });
    if (init.error === undefined && init.status === 0) return;
    rmSync(this.base, { recursive: true });
    throw new Error(`pulumi must be on the PATH: ${init.error?.message ?? init.stderr}`);
  }

  /** @param source body of index.js; `pulumi` and `pxe` are there already */
  program(source: string): void {
    writeFileSync(join(this.folder, "index.js"), `const pulumi = require("@pulumi/pulumi");\nconst pxe = require("pulumi-pxe");\n${source}\n`);
  }

  file(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  run(...args: string[]): Promise<CommandResult> {
    return this.start(...args).done;
  }

  start(...args: string[]): RunningCommand {
    return startCommand("pulumi", [...args, "--non-interactive", "--color", "never"], this.folder, this.env, this.limit);
  }

  up(...args: string[]): Promise<CommandResult> {
    return this.run("up", "--yes", "--skip-preview", ...args);
  }

  preview(...args: string[]): Promise<CommandResult> {
    return this.run("preview", "--diff", ...args);
  }

  refresh(): Promise<CommandResult> {
    return this.run("refresh", "--yes", "--skip-preview");
  }

  destroy(): Promise<CommandResult> {
    return this.run("destroy", "--yes", "--skip-preview");
  }

  /** The state file as it lies on the disk: what anybody sees who gets hold of it. */
  get stateFile(): string {
    return join(this.shared, "backend", ".pulumi", "stacks", this.name, "dev.json");
  }

  /** The state's resources, by their names. */
  state(): Map<string, StateResource> {
    const { checkpoint } = JSON.parse(readFileSync(this.stateFile, "utf8")) as { checkpoint: { latest?: { resources?: StateResource[] } } };
    const resources = checkpoint.latest?.resources ?? [];
    return new Map(resources.map((resource) => [resource.urn.slice(resource.urn.lastIndexOf("::") + 2), resource]));
  }

  /** A resource's URN, for `--target`. */
  urn(name: string): string {
    const resource = this.state().get(name);
    if (resource === undefined) throw new Error(`the state has no ${name}`);
    return resource.urn;
  }

  /** The stack as `pulumi stack export` has it. */
  async exported(): Promise<string> {
    const file = join(this.base, "export.json");
    const { status, text } = await this.run("stack", "export", "--file", file);
    if (status !== 0) throw new Error(text);
    return readFileSync(file, "utf8");
  }

  async imported(deployment: string): Promise<void> {
    const file = join(this.base, "import.json");
    writeFileSync(file, deployment);
    const { status, text } = await this.run("stack", "import", "--file", file);
    if (status !== 0) throw new Error(text);
  }

  /** As when the state file was lost. */
  async loseState(): Promise<void> {
    await this.run("stack", "rm", "dev", "--yes", "--force");
    await this.run("stack", "init", "dev");
  }

  /** Ends the local agent, if one is left, and removes everything. */
  close(): void {
    if (this.shared === this.base) endAgent(this.stateHome);
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** A folder as a user has it: a program, with this package and Pulumi's installed beside it. */
export function userProgram(folder: string, name: string): void {
  const modules = join(folder, "node_modules");
  for (const name of ["@pulumi", "pulumi-pxe"]) mkdirSync(join(modules, name), { recursive: true });
  // Not the repository itself, whose own node_modules the language host would look through: it tries to download a plugin for each
  // of Pulumi's packages there.
  copyFileSync(join(packageRoot, "package.json"), join(modules, "pulumi-pxe", "package.json"));
  symlinkSync(join(packageRoot, "dist"), join(modules, "pulumi-pxe", "dist"));
  symlinkSync(join(packageRoot, "node_modules", "@pulumi", "pulumi"), join(modules, "@pulumi", "pulumi"));
  writeFileSync(join(folder, "Pulumi.yaml"), `name: ${name}\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n`);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "program", private: true, main: "index.js" }));
}

/** The repository as it is run by `pulumi up` at its root, with another stack's settings beside it. */
export function repository(folder: string): void {
  copyFileSync(join(packageRoot, "Pulumi.yaml"), join(folder, "Pulumi.yaml"));
  symlinkSync(join(packageRoot, "dist"), join(folder, "dist"));
}

/** What `pulumi` needs in its environment to touch nothing of this machine's own. */
function pulumiEnv(base: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: [join(packageRoot, "node_modules", "@pulumi", "pulumi"), process.env["PATH"] ?? ""].join(delimiter),
    PULUMI_BACKEND_URL: `file://${join(base, "backend")}`,
    PULUMI_CONFIG_PASSPHRASE: "x",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_HOME: join(base, "home"),
    XDG_STATE_HOME: join(base, "state"),
    XDG_CACHE_HOME: join(base, "cache"),
    // Its agent is a plain process, also where root runs it on a machine with systemd.
    PXE_LOCAL_PROCESS: "1",
  };
}

/** Runs a command to its end, or kills it when it takes too long. */
export function runCommand(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<CommandResult> {
  return startCommand(command, args, cwd, env).done;
}

function startCommand(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv, time = commandLimit): RunningCommand {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const done = new Promise<CommandResult>((resolve, reject) => {
    let text = "";
    const limit = setTimeout(() => {
      text += `\n(killed after ${String(time / 1000)} s)\n`;
      child.kill("SIGKILL");
    }, time);
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    child.once("error", reject);
    child.once("close", (status) => {
      clearTimeout(limit);
      resolve({ status, text });
    });
  });
  return { done, kill: () => { if (child.pid !== undefined) killTree(child.pid); } };
}

/** Pulumi gives each plugin a process group of its own, so the group isn't enough. */
function killTree(root: number): void {
  const parents = new Map<number, number>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)) {
    try {
      // Field 2 of proc_pid_stat(5), in brackets, may hold anything.
      parents.set(pid, Number(/^.*\) \S (\d+)/s.exec(readFileSync(`/proc/${String(pid)}/stat`, "utf8"))?.[1]));
    } catch {
      // It has ended meanwhile.
    }
  }
  const isOurs = (pid: number): boolean => pid === root || (parents.has(pid) && isOurs(parents.get(pid) ?? 0));
  for (const pid of [...parents.keys()].filter(isOurs)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // As above.
    }
  }
}

/** Kills the local agent that is noted in a state folder, if it still runs. */
export function endAgent(stateHome: string): void {
  const note = join(stateHome, "pulumi-pxe", "agent", "agent.json");
  if (!existsSync(note)) return;
  const mark = JSON.parse(readFileSync(note, "utf8")) as ProcessMark;
  if (isAlive(mark)) process.kill(mark.pid, "SIGKILL");
}
