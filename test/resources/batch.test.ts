import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { finding, PxeError, pxeError } from "../../provider/errors";
import type { ApplyInput, ApplyResult } from "../../provider/model/control";
import { Batcher, type Push } from "../../provider/resources/batch";
import { subnetDocument } from "../support/documents";

const push = (name: string): Push => ({ put: [subnetDocument({}, name, "lab/dev")] });
const names = (input: ApplyInput): string[] => (input.put ?? []).map((doc) => doc.name);
const result: ApplyResult = { revision: 1, documents: [], hosts: [] };

/** A batcher whose agent answers what `answer` says; `sent` are the batches. */
function batcher(answer: (input: ApplyInput) => Promise<ApplyResult>): { batches: string[][]; push: (name: string) => Promise<ApplyResult> } {
  const batches: string[][] = [];
  const made = new Batcher({ owner: "lab/dev" }, (input) => {
    batches.push(names(input));
    return answer(input);
  });
  return { batches, push: (name) => made.push(push(name)) };
}

describe("pushes of one owner to one agent", () => {
  test("travel together when they come together, and while a batch is under way", async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { batches, push: send } = batcher(async (input) => {
      if (names(input).includes("a")) {
        late.push(send("c"), send("d"));
        await held;
      }
      return result;
    });
    const late: Promise<ApplyResult>[] = [];
    const early = [send("a"), send("b")];
    setTimeout(release, 5);
    await Promise.all(early);
    await Promise.all(late);
    assert.deepEqual(batches, [["a", "b"], ["c", "d"]]);
  });

  test("fail one by one: those that the refusal names, with their own findings", async () => {
    const { batches, push: send } = batcher(async (input) => {
      const bad = names(input).filter((name) => name.startsWith("bad"));
      const findings = bad.map((name) => finding("PXE_OVERLAP", `${name} overlaps`, { where: [{ document: `subnet/${name}` }] }));
      const [first, ...rest] = findings;
      if (first !== undefined) throw new PxeError([first, ...rest]);
      return result;
    });
    const outcomes = await Promise.allSettled(["good1", "bad1", "good2", "bad2"].map(send));
    assert.deepEqual(outcomes.map((item) => item.status), ["fulfilled", "rejected", "fulfilled", "rejected"]);
    assert.deepEqual(outcomes.map((item) => (item.status === "rejected" ? (item.reason as PxeError).findings.map((entry) => entry.what) : [])), [[], ["bad1 overlaps"], [], ["bad2 overlaps"]]);
    assert.deepEqual(batches, [["good1", "bad1", "good2", "bad2"], ["good1", "good2"]]);
  });

  test("are not mistaken for another owner's of the same name", async () => {
    const { push: send } = batcher(async (input) => {
      if (!names(input).includes("bad")) return result;
      const where = [{ document: "subnet/bad" }, { document: "subnet/good", owner: "other/prod" }];
      throw new PxeError([finding("PXE_OVERLAP", "both overlap", { where })]);
    });
    const outcomes = await Promise.allSettled(["good", "bad"].map(send));
    assert.deepEqual(outcomes.map((item) => item.status), ["fulfilled", "rejected"]);
  });

  test("all fail when the connection does, and the next one starts anew", async () => {
    let broken = true;
    const { push: send } = batcher(() => (broken ? Promise.reject(pxeError("PXE_CONNECTION_LOST", "cut")) : Promise.resolve(result)));
    const outcomes = await Promise.allSettled([send("a"), send("b")]);
    assert.ok(outcomes.every((item) => item.status === "rejected" && (item.reason as PxeError).code === "PXE_CONNECTION_LOST"));
    broken = false;
    assert.equal(await send("c"), result);
  });
});
