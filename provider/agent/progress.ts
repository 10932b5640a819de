import type { Progress as ProgressKind } from "../engine/lifecycle";
import { isStoreFailure } from "./store/failure";
import type { ProgressAnswer, ProgressPort } from "./context";
import type { AgentState } from "./state";

/** Machines' POSTs, decided by the life cycle. */
export class Progress implements ProgressPort {
  constructor(private readonly state: AgentState) {}

  report(token: string, stage: string, text: string): Promise<ProgressAnswer> {
    return this.post(token, { kind: "stage", stage, text });
  }

  done(token: string, sshHostKeys: readonly string[]): Promise<ProgressAnswer> {
    return this.post(token, { kind: "done", sshHostKeys });
  }

  private async post(token: string, progress: ProgressKind): Promise<ProgressAnswer> {
    try {
      const change = await this.state.progress(token, progress);
      return change === undefined ? { ok: false, status: 404, reason: "no install has this token" } : { ok: true };
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
      return { ok: false, status: 503, reason: "it could not be stored: ask again" };
    }
  }
}
