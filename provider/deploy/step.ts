import { createHash } from "node:crypto";
import type { Observation } from "./observe";
import { quote } from "./shell";

/** One thing that a target lacks, and the sh lines that mend it. */
export interface Step {
  readonly what: string;
  readonly script: string;
  /** Whether a running agent must start anew for it to take effect. */
  readonly restarts: boolean;
}

export function step(what: string, restarts: boolean, ...lines: string[]): Step {
  return { what, restarts, script: lines.join("\n") };
}

/** Whether a file stands there with this text and mode. */
export function standsWith(observation: Observation, path: string, text: string, mode: string): boolean {
  const sha256 = createHash("sha256").update(text).digest("hex");
  return observation.sums.get(path) === sha256 && observation.files.get(path)?.mode === mode;
}

/** sh lines that put a file there in one step. */
export function putText(path: string, text: string, mode: string): string {
  const part = `${path}.part`;
  return [`mkdir -p $(dirname ${path})`, `printf '%s' ${quote(text)} >${part}`, `chmod ${mode} ${part}`, `mv -f ${part} ${path}`].join("\n");
}
