import type { NewEvent } from "../model/control";
import type { ProgressAnswer, ProgressPort } from "./context";

/** Who stores what machines report and what happens. */
export interface Recorder extends ProgressPort {
  emit(event: NewEvent): void;
}

/**
 * Where transfers and requests under way tell what happens: to their own agent, and once that has handed over to the one that
 * serves then. In between it waits.
 */
export class Outlet implements Recorder {
  private recorder: Recorder;
  private waiting: { readonly promise: Promise<undefined>; readonly resolve: (value: undefined) => void } | undefined;
  private held: NewEvent[] = [];

  constructor(own: Recorder) {
    this.recorder = own;
  }

  /** What comes from now on waits for `pass`. */
  hold(): void {
    this.waiting ??= Promise.withResolvers<undefined>();
  }

  pass(recorder: Recorder): void {
    this.recorder = recorder;
    for (const event of this.held.splice(0)) recorder.emit(event);
    this.waiting?.resolve(undefined);
    this.waiting = undefined;
  }

  emit(event: NewEvent): void {
    if (this.waiting === undefined) this.recorder.emit(event);
    else this.held.push(event);
  }

  async report(token: string, stage: string, text: string): Promise<ProgressAnswer> {
    if (this.waiting !== undefined) await this.waiting.promise;
    return this.recorder.report(token, stage, text);
  }

  async done(token: string, sshHostKeys: readonly string[]): Promise<ProgressAnswer> {
    if (this.waiting !== undefined) await this.waiting.promise;
    return this.recorder.done(token, sshHostKeys);
  }
}
