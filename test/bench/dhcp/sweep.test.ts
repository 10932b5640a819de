import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { highestRate, rates } from "../../../bench/dhcp/sweep";

describe("the highest rate", () => {
  test("is found wherever it lies, and is 0 where the lowest is too much", async () => {
    for (const limit of [0, ...rates]) {
      assert.equal(await highestRate(rates, (rate) => Promise.resolve(rate <= limit)), limit);
    }
  });

  test("a rate that fails once is tried again, one that fails twice is too much", async () => {
    const tried = new Map<number, number>();
    const holdsAt = (from: number) => (rate: number): Promise<boolean> => {
      const count = (tried.get(rate) ?? 0) + 1;
      tried.set(rate, count);
      return Promise.resolve(rate <= 1000 && count >= from);
    };
    assert.equal(await highestRate(rates, holdsAt(2)), 1000);
    tried.clear();
    assert.equal(await highestRate(rates, holdsAt(3)), 0);
  });

  test("takes few tries", async () => {
    let tries = 0;
    await highestRate(rates, (rate) => {
      tries += 1;
      return Promise.resolve(rate <= 5000);
    });
    assert.ok(tries <= 10, String(tries));
  });
});
