import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import type { Container } from "./container";
import { forgetSettings } from "./network";
import { run, tailOfFile, waitFor, type RunOptions, type RunResult } from "./process";
import type { Ledger, TargetAccess } from "./registry";
import type { KeyPair } from "./sshkeys";

export interface TargetOptions {
  /** Names the target inside its lab and is its host name; `target` by default. */
  readonly name?: string;
  /** Address and prefix on the segment; the segment's first address by default. */
  readonly address?: string;
  /** Debian packages that it has besides the usual ones, their services switched off. Kept like the plain root, for each choice of them. */
  readonly packages?: readonly string[];
}

/** The users of a target: `root` by key, `deploy` by key or password with passwordless sudo, `nosudo` by key or password. */
export interface TargetPasswords {
  readonly deploy: string;
  readonly nosudo: string;
}

/** What a running target is made of; the lab puts it together. */
export interface TargetParts {
  readonly access: TargetAccess;
  readonly address: string;
  readonly passwords: TargetPasswords;
  readonly key: KeyPair;
  readonly container: Container;
  readonly root: string;
}

/** Random, and safe in a URL, a shell and chpasswd(8). */
export function makePasswords(): TargetPasswords {
  const password = (): string => crypto.randomBytes(12).toString("base64url");
  return { deploy: password(), nosudo: password() };
}

/** Writes into an unbooted root what belongs to this run: host key, client key, passwords, names. */
export async function personalise(root: string, parts: { hostname: string; hostKey: KeyPair; clientKey: KeyPair; passwords: TargetPasswords }): Promise<void> {
  const { hostname, hostKey, clientKey, passwords } = parts;
  const ssh = path.join(root, "etc/ssh/ssh_host_ed25519_key");
  fs.writeFileSync(ssh, hostKey.privateKey, { mode: 0o600 });
  fs.writeFileSync(`${ssh}.pub`, `${hostKey.publicKey}\n`);
  fs.writeFileSync(path.join(root, "etc/hostname"), `${hostname}\n`);
  fs.writeFileSync(path.join(root, "etc/hosts"), `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n`);
  for (const home of ["root", "home/deploy", "home/nosudo"]) {
    const { uid, gid } = fs.statSync(path.join(root, home));
    const folder = path.join(root, home, ".ssh");
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    fs.writeFileSync(path.join(folder, "authorized_keys"), `${clientKey.publicKey}\n`, { mode: 0o600 });
    for (const each of [folder, path.join(folder, "authorized_keys")]) fs.chownSync(each, uid, gid);
  }
  await run("chroot", [root, "chpasswd"], { input: `deploy:${passwords.deploy}\nnosudo:${passwords.nosudo}\n` });
}

/** Resolves to true when an SSH server at this address says its name (RFC 4253 section 4.2). */
function answersSsh(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: 1000 });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("data", (data) => finish(data.toString("latin1").startsWith("SSH-2.0")));
    for (const event of ["error", "timeout", "close"]) socket.once(event, () => finish(false));
  });
}

/** A machine to deploy to: real systemd and sshd, reachable from the operator by its management address. */
export class Target {
  constructor(
    private readonly ledger: Ledger,
    private readonly parts: TargetParts,
  ) {}

  get name(): string {
    return this.parts.access.name;
  }
  /** The management address: reachable from the host's own namespace. */
  get host(): string {
    return this.parts.access.host;
  }
  get port(): number {
    return this.parts.access.port;
  }
  get user(): string {
    return this.parts.access.user;
  }
  get privateKeyPath(): string {
    return this.parts.key.privateKeyPath;
  }
  get privateKey(): string {
    return this.parts.key.privateKey;
  }
  get knownHostsPath(): string {
    return this.parts.access.knownHostsPath;
  }
  get hostKeyFingerprint(): string {
    return this.parts.access.hostKeyFingerprint;
  }
  get passwords(): TargetPasswords {
    return this.parts.passwords;
  }
  /** Its network namespace, with `prov0` on the segment and `mgmt0` towards the host. */
  get namespace(): string {
    return this.parts.access.namespace;
  }
  /** Its address on the segment, without the prefix. */
  get address(): string {
    return this.parts.address;
  }
  /** The interface on the segment. */
  readonly interface = "prov0";

  get running(): boolean {
    return this.parts.container.running;
  }
  /** The console's log. */
  get log(): string {
    return this.parts.container.plan.log;
  }
  /** Its root filesystem as the host sees it. */
  get root(): string {
    return this.parts.root;
  }

  /** Boots it and waits until sshd answers. */
  async start(): Promise<void> {
    if (!this.running) await forgetSettings(this.ledger, this.namespace);
    await this.parts.container.start();
    await this.waitForSsh();
  }

  /** `poweroff` as a person would, `kill` as a power cut; its disk stays. */
  async stop(how: "poweroff" | "kill" = "poweroff"): Promise<void> {
    await this.parts.container.stop(how);
  }

  async waitForSsh(timeoutMs = 30_000): Promise<void> {
    await waitFor(() => answersSsh(this.host, this.port), {
      what: `sshd of ${this.name} at ${this.host}:${this.port}`,
      timeoutMs,
      intervalMs: 20,
      evidence: () => tailOfFile(this.log),
      abort: this.ledger.abort,
    });
  }

  /** Runs a command inside as root, past sshd: a text is given to the shell. Throws when it fails, unless `allowFailure`. */
  async exec(command: string | readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.parts.container.exec(typeof command === "string" ? ["/bin/sh", "-c", command] : command, options);
  }

  /** Reads a file inside as root. */
  async readFile(file: string): Promise<string> {
    return (await this.exec(["cat", file])).stdout;
  }

  /** Writes a file inside as root. */
  async writeFile(file: string, text: string): Promise<void> {
    await this.exec(["tee", file], { input: text });
  }

  /** The words of an ssh command that logs in, without asking anything. */
  sshCommand(user = this.user): string[] {
    return sshCommand({ ...this.parts.access, user });
  }

  /** Runs a command through the real ssh client. */
  async ssh(command: string, options: RunOptions & { readonly user?: string } = {}): Promise<RunResult> {
    const { user, ...rest } = options;
    const [file = "ssh", ...args] = this.sshCommand(user);
    return run(file, [...args, command], { abort: this.ledger.abort, ...rest });
  }

  /** Puts a small filesystem over a folder, to have it full. */
  async mountSmall(folder: string, kilobytes: number): Promise<void> {
    await this.exec(["mkdir", "-p", folder]);
    await this.exec(["mount", "-t", "tmpfs", "-o", `size=${kilobytes}k,mode=0755`, "tmpfs", folder]);
  }

  async unmountSmall(folder: string): Promise<void> {
    await this.exec(["umount", folder]);
  }
}

/** The words of an ssh command line for a target. */
export function sshCommand(access: TargetAccess): string[] {
  const options = ["BatchMode=yes", "IdentitiesOnly=yes", `UserKnownHostsFile=${access.knownHostsPath}`, "LogLevel=ERROR"];
  return [
    ...["ssh", "-F", "none", "-i", access.privateKeyPath, "-p", String(access.port)],
    ...options.flatMap((option) => ["-o", option]),
    `${access.user}@${access.host}`,
  ];
}
