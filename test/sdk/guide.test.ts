import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot } from "../../lab/project";

const guide = join(packageRoot, "docs", "guide");
const quoting = ["testing.md", "policies.md", "stacks.md", "fleets.md"];

test("code in the guide stands in the file that it names, word for word: a test or an example runs it", () => {
  for (const page of readdirSync(guide).filter((name) => quoting.includes(name))) {
    const text = readFileSync(join(guide, page), "utf8");
    const named = [...text.matchAll(/<!-- (\S+\.ts) -->\n```ts\n([\s\S]*?)```/g)];
    assert.equal(named.length, text.split("```ts\n").length - 1, `${page}: a block of code names no file`);
    assert.ok(named.length > 0, `${page} has no code`);
    for (const [, file = "", code = ""] of named) {
      assert.ok(readFileSync(join(packageRoot, file), "utf8").includes(code), `${page}: this is not in ${file}:\n${code}`);
    }
  }
});
