import { readFileSync } from "node:fs";
import { pxeError } from "../errors";
import type { LocalPaths } from "./local-paths";
import { isAlive, type ProcessMark } from "./process-mark";

/** What stands in the state file. */
export interface AgentMark extends ProcessMark {
  readonly bundle: string;
  readonly version: string;
  /** Those before it that have handed over, and end when their transfers have. */
  readonly draining?: readonly ProcessMark[];
}

/** The running process that the state file tells of; undefined when there is none. */
export function readMark(paths: LocalPaths): AgentMark | undefined {
  let text: string;
  try {
    text = readFileSync(paths.state, "utf8");
  } catch {
    return undefined;
  }
  try {
    const mark = JSON.parse(text) as AgentMark;
    return isAlive(mark) ? mark : undefined;
  } catch (cause) {
    throw pxeError("PXE_COMMAND_FAILED", `${paths.state} can't be read as JSON`, { cause, fix: "End the agent by hand, and delete the file." });
  }
}
