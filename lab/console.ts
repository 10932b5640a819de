import fs from "node:fs";
import { pxeError } from "../provider/errors";
import { tail, waitFor } from "./process";

// ECMA-48 control sequences and the two-character escapes that firmware and installers draw with.
const escapes = /\u001b(?:\[[0-?]*[ -/]*[@-~]|[()#][0-9A-Za-z]|[ -~])|[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

/** Console output as lines of text: without colours, cursor movements and other control characters. */
export function plainText(output: string): string {
  return output.replace(escapes, "").replace(/\r+\n?/g, "\n");
}

export interface ConsoleWait {
  /** 60 s by default. */
  readonly timeoutMs?: number;
  /** `power-on` (default) looks at what was printed since the machine was last switched on, `start` at everything. */
  readonly since?: "power-on" | "start";
}

/** A machine's serial console: a file that grows over all its power cycles. */
export class SerialConsole {
  private offset = 0;

  constructor(readonly file: string) {}

  private get size(): number {
    return fs.existsSync(this.file) ? fs.statSync(this.file).size : 0;
  }

  /** Marks the moment when the machine is switched on. */
  mark(): void {
    this.offset = this.size;
  }

  text(since: "power-on" | "start" = "power-on"): string {
    if (!fs.existsSync(this.file)) return "";
    return plainText(fs.readFileSync(this.file).subarray(since === "start" ? 0 : this.offset).toString("utf8"));
  }

  /** Waits for a text. Throws PXE_TIMEOUT with the last lines, or PXE_LAB_FAILED as soon as `stopped` says why none can come. */
  waitFor(pattern: RegExp, options: ConsoleWait & { name: string; stopped: () => string | undefined; abort: AbortSignal }): Promise<RegExpExecArray> {
    const search = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
    let seen = -1;
    return waitFor(
      () => {
        // Asked first: what a machine printed before it stopped still counts.
        const reason = options.stopped();
        if (this.size !== seen || reason !== undefined) {
          seen = this.size;
          const match = search.exec(this.text(options.since));
          if (match !== null) return match;
        }
        if (reason === undefined) return undefined;
        throw pxeError("PXE_LAB_FAILED", `${options.name} stopped before its console said ${String(pattern)}: ${reason}; the last lines were:\n${tail(this.text())}\n`);
      },
      {
        what: `${String(pattern)} on the console of ${options.name}`,
        timeoutMs: options.timeoutMs ?? 60_000,
        intervalMs: 100,
        evidence: () => tail(this.text(options.since)),
        abort: options.abort,
      },
    );
  }
}
