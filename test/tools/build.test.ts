import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { loadTool, root } from "./load";

interface Files {
  fingerprint: (root: string) => string;
  compiledMissing: (root: string) => boolean;
  removeStale: (root: string) => void;
}
interface Schema {
  documentsSchema: (compiled: string) => string;
}

const scratch = mkdtempSync(join(tmpdir(), "pxe-build-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

function write(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(scratch, path)), { recursive: true });
    writeFileSync(join(scratch, path), "");
  }
}

test("compiled files go with their source, the bundle and the compiler's notes stay", async () => {
  const { removeStale } = await loadTool<Files>("build/files.mjs");
  write("sdk/a.ts", "dist/sdk/a.js", "dist/sdk/a.js.map", "dist/sdk/a.d.ts");
  write("dist/sdk/b.js", "dist/sdk/b.js.map", "dist/sdk/b.d.ts", "dist/gone/c.js", "dist/agent/pxe-agent.cjs", "dist/.tsbuildinfo");
  removeStale(scratch);
  const left = ["dist/sdk/a.js", "dist/sdk/a.js.map", "dist/sdk/a.d.ts", "dist/agent/pxe-agent.cjs", "dist/.tsbuildinfo"];
  for (const path of left) assert.ok(existsSync(join(scratch, path)), path);
  for (const path of ["dist/sdk/b.js", "dist/sdk/b.js.map", "dist/sdk/b.d.ts", "dist/gone"]) assert.ok(!existsSync(join(scratch, path)), path);
});

test("a new or changed source changes the fingerprint, and a source without output is seen", async () => {
  const { fingerprint, compiledMissing } = await loadTool<Files>("build/files.mjs");
  writeFileSync(join(scratch, "tsconfig.json"), JSON.stringify({ include: ["sdk"] }));
  const first = fingerprint(scratch);
  assert.equal(fingerprint(scratch), first);
  assert.equal(compiledMissing(scratch), false);
  write("sdk/new.ts");
  assert.notEqual(fingerprint(scratch), first);
  assert.equal(compiledMissing(scratch), true);
});

test("documents.schema.json is the model's", async () => {
  const { documentsSchema } = await loadTool<Schema>("schema.mjs");
  const committed = readFileSync(join(root, "provider", "model", "documents.schema.json"), "utf8");
  assert.equal(committed, documentsSchema(dirname(dirname(__dirname))), "run `npm run build`, and commit what it wrote");
});

test("the lock file names no registry", () => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, { resolved?: string }> };
  assert.deepEqual(Object.entries(lock.packages).filter(([, { resolved }]) => resolved !== undefined), []);
});
