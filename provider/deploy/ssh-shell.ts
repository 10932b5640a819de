import type { ClientChannel } from "ssh2";
import type { RemoteTarget } from "../model/target";
import { targetLabel } from "./connection";
import { credentialsOf } from "./credentials";
import { channelLine, type Line } from "./line";
import { sshPool } from "./pool";
import { drive } from "./run-stream";
import { commandLine, type RunOptions, type RunResult, type Shell } from "./shell";
import type { SshConnection, SshIdentity } from "./ssh";

/** Who connects for a deployment. */
export function deployIdentity(target: RemoteTarget): SshIdentity {
  return {
    host: target.host,
    port: target.port ?? 22,
    user: target.user ?? "root",
    credentials: credentialsOf(target, process.env),
    hostKey: target.hostKey,
  };
}

/** A shell over the process's shared SSH connection to the target. */
export async function openSshShell(target: RemoteTarget): Promise<Shell> {
  const connection = await sshPool.get(deployIdentity(target));
  return new SshShell(connection, targetLabel(target), target.sudo === true);
}

class SshShell implements Shell {
  readonly label: string;
  readonly hostKey: string;
  readonly #connection: SshConnection;
  readonly #sudo: boolean;

  constructor(connection: SshConnection, label: string, sudo: boolean) {
    this.#connection = connection;
    this.#sudo = sudo;
    this.label = label;
    this.hostKey = connection.hostKey;
  }

  run(script: string, options: RunOptions = {}): Promise<RunResult> {
    return this.#connection.use(async () => {
      const channel = await this.#connection.exec(commandLine(script, this.#sudo && options.plain !== true));
      return drive(
        {
          stdin: channel.stdin,
          stdout: channel,
          stderr: channel.stderr,
          ended: channelEnd(channel),
          kill: () => {
            this.#connection.close();
          },
        },
        this.label,
        options,
      );
    });
  }

  async line(script: string): Promise<Line> {
    return channelLine(await this.#connection.exec(commandLine(script, this.#sudo)), this.#connection);
  }
}

/** The exit code that came before the channel closed, if any came. */
function channelEnd(channel: ClientChannel): Promise<number | null | undefined> {
  return new Promise((resolve) => {
    let code: number | null | undefined;
    channel.on("exit", (value: number | null) => (code = value));
    channel.on("close", () => {
      resolve(code);
    });
  });
}
