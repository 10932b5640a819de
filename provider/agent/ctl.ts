import { connect } from "node:net";
import { pipeline } from "node:stream/promises";
import { errorText, pxeError } from "../errors";

/**
 * Joins standard input and output to the control socket: what the forced command of the control key runs. It passes bytes and
 * understands none of them.
 */
export async function bridge(socketPath: string): Promise<void> {
  const socket = connect(socketPath);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", (error) => {
      reject(pxeError("PXE_AGENT_UNREACHABLE", `nothing answers at ${socketPath}: ${errorText(error)}`, { cause: error }));
    });
  });
  // The caller ends by closing standard input; the agent by closing the socket. Either way the other direction has nothing to do.
  void pipeline(process.stdin, socket).catch(() => socket.destroy());
  await pipeline(socket, process.stdout, { end: false });
}
