import type { RemoteTarget } from "../model/target";
import { targetLabel } from "./connection";
import { channelLine, type Line } from "./line";
import { sshPool } from "./pool";
import { drive } from "./run-stream";
import { deployIdentity } from "./route";
import { commandLine, type RunOptions, type RunResult, type Shell } from "./shell";
import type { SshIdentity } from "./ssh";

/**
 * A shell over the process's shared SSH connection to the target.
 * @param allowFirst whether a `trust-first` target may show a host key that was never recorded
 */
export async function openSshShell(target: RemoteTarget, { allowFirst = false }: { readonly allowFirst?: boolean } = {}): Promise<Shell> {
  const identity = await deployIdentity(target, allowFirst);
  const { hostKey } = await sshPool.get(identity);
  return new SshShell(identity, hostKey, targetLabel(target), target.sudo === true);
}

class SshShell implements Shell {
  readonly label: string;
  readonly hostKey: string;
  readonly #identity: SshIdentity;
  readonly #sudo: boolean;

  constructor(identity: SshIdentity, hostKey: string, label: string, sudo: boolean) {
    this.#identity = identity;
    this.#sudo = sudo;
    this.label = label;
    this.hostKey = hostKey;
  }

  async run(script: string, options: RunOptions = {}): Promise<RunResult> {
    const { connection, channel, ended } = await sshPool.exec(this.#identity, commandLine(script, this.#sudo && options.plain !== true));
    const running = {
      stdin: channel.stdin,
      stdout: channel,
      stderr: channel.stderr,
      ended,
      kill: () => {
        connection.close();
      },
      lost: () => connection.lost,
    };
    return connection.use(() => drive(running, this.label, options));
  }

  async line(script: string): Promise<Line> {
    const { connection, channel } = await sshPool.exec(this.#identity, commandLine(script, this.#sudo));
    return channelLine(channel, connection);
  }
}
