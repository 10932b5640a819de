import net from "node:net";
import { errorText, pxeError } from "../provider/errors";

/** Sends one command over QEMU's machine protocol (docs/interop/qmp-spec) and returns its answer. */
export function qmp(socketPath: string, command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (reason: unknown): void => reject(pxeError("PXE_LAB_FAILED", `QEMU did not take ${command}: ${errorText(reason)}`, { cause: reason }));
    const socket = net.connect({ path: socketPath, timeout: 10_000 });
    const send = (execute: string, words: object): boolean => socket.write(`${JSON.stringify({ execute, arguments: words })}\n`);
    let buffered = "";
    let negotiated = false;
    const take = (line: string): void => {
      const message = JSON.parse(line) as { QMP?: unknown; event?: string; return?: unknown; error?: { desc: string } };
      if (message.QMP !== undefined) send("qmp_capabilities", {});
      else if (message.error !== undefined) fail(message.error.desc);
      else if (message.event !== undefined) return;
      else if (negotiated) {
        resolve(message.return);
        socket.end();
      } else {
        negotiated = true;
        send(command, args);
      }
    };
    socket.setEncoding("utf8").on("data", (text: string) => {
      const lines = (buffered + text).split("\n");
      buffered = lines.pop() ?? "";
      try {
        lines.filter((line) => line.trim() !== "").forEach(take);
      } catch (error) {
        fail(error);
      }
    });
    socket.on("timeout", () => {
      fail("no answer within 10 s");
      socket.destroy();
    });
    socket.on("error", fail);
    socket.on("close", () => fail("the connection closed"));
  });
}
