import { PxeError, type Finding } from "../errors";
import { documentLabel, type Document } from "../model/documents";
import type { ApplyInput, ApplyResult, Arming, KnownFact } from "../model/control";

type Deletion = NonNullable<ApplyInput["delete"]>[number];
type Claim = NonNullable<ApplyInput["claim"]>[number];

/** What one resource wants changed. */
export interface Push {
  readonly put?: readonly Document[];
  readonly claim?: readonly Claim[];
  readonly delete?: readonly Deletion[];
  readonly arm?: readonly Arming[];
  readonly facts?: readonly KnownFact[];
}

/** Whose documents a batch brings, and who had them before, where a stack or project was renamed. */
export interface Owners {
  readonly owner: string;
  readonly previousOwner?: string | undefined;
}

interface Waiting {
  readonly push: Push;
  resolve(result: ApplyResult): void;
  reject(error: unknown): void;
}

/**
 * How long the first push of a batch waits for company, in milliseconds. The engine writes its state before each creation, so that
 * they come one by one: what waits longer only waits.
 */
const gatherTime = 2;

/**
 * Lets the pushes of one owner to one agent travel together: those that arrive within a moment, or while a batch is on its way,
 * make the next one. A batch is refused as a whole; then those that the findings name fail, each with its own findings, and the
 * others go again.
 */
export class Batcher {
  private waiting: Waiting[] = [];
  private running = false;

  constructor(private readonly owners: Owners, private readonly apply: (input: ApplyInput) => Promise<ApplyResult>) {}

  push(push: Push): Promise<ApplyResult> {
    const result = new Promise<ApplyResult>((resolve, reject) => {
      this.waiting.push({ push, resolve, reject });
    });
    if (!this.running) {
      this.running = true;
      setTimeout(() => void this.drain(), gatherTime);
    }
    return result;
  }

  private async drain(): Promise<void> {
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      await this.send(batch);
    }
    this.running = false;
  }

  private async send(batch: readonly Waiting[]): Promise<void> {
    let left = batch;
    while (left.length > 0) {
      try {
        const result = await this.apply(merged(this.owners, left));
        for (const item of left) item.resolve(result);
        return;
      } catch (error) {
        left = rejectFaulty(this.owners, left, error);
      }
    }
  }
}

function merged({ owner, previousOwner }: Owners, batch: readonly Waiting[]): ApplyInput {
  return {
    owner,
    ...(previousOwner === undefined ? {} : { previousOwner }),
    put: batch.flatMap((item) => item.push.put ?? []),
    claim: batch.flatMap((item) => item.push.claim ?? []),
    delete: batch.flatMap((item) => item.push.delete ?? []),
    arm: batch.flatMap((item) => item.push.arm ?? []),
    facts: batch.flatMap((item) => item.push.facts ?? []),
  };
}

/** Rejects those that the error is about, all of them if it names none; returns the others. */
function rejectFaulty(owners: Owners, batch: readonly Waiting[], error: unknown): readonly Waiting[] {
  const findings = error instanceof PxeError ? error.findings : [];
  const named = findings.map((entry) => ({ entry, labels: labelsIn(entry, owners) }));
  const others: Waiting[] = [];
  for (const item of batch) {
    const labels = new Set([...(item.push.put ?? []), ...(item.push.delete ?? [])].map(documentLabel));
    const [first, ...rest] = named.filter((finding) => finding.labels.some((label) => labels.has(label))).map(({ entry }) => entry);
    if (first === undefined) others.push(item);
    else item.reject(new PxeError([first, ...rest], { cause: error }));
  }
  if (others.length < batch.length) return others;
  for (const item of batch) item.reject(error);
  return [];
}

/** The documents of these owners that a finding names: one of another owner may bear the same name. */
function labelsIn(entry: Finding, { owner, previousOwner }: Owners): string[] {
  return entry.where.filter((place) => [undefined, owner, previousOwner].includes(place.owner)).map((place) => place.document);
}
