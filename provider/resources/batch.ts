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

/** How long the first push of a batch waits for company, in milliseconds. */
const gatherTime = 10;

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
  const own = new Map(batch.map((item) => [item, findings.filter((entry) => names(entry, owners, item.push))]));
  const faulty = batch.filter((item) => (own.get(item) ?? []).length > 0);
  if (faulty.length === 0) {
    for (const item of batch) item.reject(error);
    return [];
  }
  for (const item of faulty) {
    const [first, ...rest] = own.get(item) ?? [];
    item.reject(first === undefined ? error : new PxeError([first, ...rest], { cause: error }));
  }
  return batch.filter((item) => !faulty.includes(item));
}

/** A place of another owner may bear the same name. */
function names(entry: Finding, { owner, previousOwner }: Owners, push: Push): boolean {
  const labels = [...(push.put ?? []), ...(push.delete ?? [])].map(documentLabel);
  return entry.where.some((place) => labels.includes(place.document) && [undefined, owner, previousOwner].includes(place.owner));
}
