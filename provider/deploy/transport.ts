import { existsSync } from "node:fs";
import { connect } from "node:net";
import { PxeError, errorText, pxeError } from "../errors";
import type { SshConnectionAddress } from "./connection";
import { systemUser } from "./layout";
import { channelLine, type Line } from "./line";
import { sshPool } from "./pool";
import { controlIdentity } from "./route";
import type { Shell } from "./shell";
import { controlCommand } from "./systemd";

/** Opens streams to one agent's control socket. */
export interface Transport {
  readonly label: string;
  open(): Promise<Line>;
}

/** Over SSH as the agent's own user, whose key is tied to `pxe-agent ctl`. */
export function sshTransport(connection: SshConnectionAddress, controlKey: string): Transport {
  const label = `${connection.host}:${String(connection.port)}`;
  return {
    label,
    async open() {
      try {
        // sshd runs the command that stands beside the key, whatever is asked for here.
        const { connection: ssh, channel } = await sshPool.exec(await controlIdentity(connection, controlKey), "pxe-agent ctl");
        return channelLine(channel, ssh);
      } catch (error) {
        throw controlRefused(error, label);
      }
    },
  };
}

function controlRefused(error: unknown, label: string): unknown {
  if (!(error instanceof PxeError) || error.code !== "PXE_AUTH_FAILED") return error;
  return pxeError("PXE_CONTROL_KEY_REFUSED", `sshd on ${label} refuses the control key for the user ${systemUser}`, {
    fix: `If no agent was deployed there, run \`pulumi up\` of its PxeServer; else let sshd accept public keys for ${systemUser} (AllowUsers, AllowGroups, PubkeyAuthentication, AuthorizedKeysFile).`,
    cause: error,
  });
}

/** Over the deployment's own shell, as root. */
export function shellTransport(shell: Shell): Transport {
  return {
    label: shell.label,
    open: () => shell.line(controlCommand),
  };
}

/** The unix socket itself. */
export function socketTransport(path: string): Transport {
  return {
    label: "this machine",
    open() {
      return new Promise((resolve, reject) => {
        const socket = connect(path);
        socket.once("error", (cause) => {
          const why = existsSync(path) ? errorText(cause) : "there is no such socket";
          reject(pxeError("PXE_AGENT_UNREACHABLE", `nothing answers at ${path}: ${why}`, { cause }));
        });
        socket.once("connect", () => {
          socket.removeAllListeners("error");
          resolve({ stream: socket, complaint: () => "" });
        });
      });
    },
  };
}
