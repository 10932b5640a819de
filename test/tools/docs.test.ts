import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(__dirname, "..", "..", "..");
const tracked = execFileSync("git", ["ls-files", "*.md"], { cwd: root, encoding: "utf8" }).trim().split("\n");

test("every path that ARCHITECTURE.md names exists", () => {
  const named = [...readFileSync(join(root, "ARCHITECTURE.md"), "utf8").matchAll(/`([a-z][a-z-]*\/[\w./-]*)`/g)].map((match) => match[1] ?? "");
  assert.ok(named.length > 20);
  assert.deepEqual(named.filter((path) => !existsSync(join(root, path))), []);
});

test("every link between the documents leads somewhere", () => {
  const broken = tracked.flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map((match) => join(root, file, "..", match[1] ?? ""))
      .filter((path) => !existsSync(path)),
  );
  assert.deepEqual(broken, []);
});
