import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join, relative, sep } from "node:path";
import { test } from "node:test";
import { packageRoot } from "../../lab/project";

test("a program loads this package's classes and nothing else: no SSH, no parser, no provider, no agent", () => {
  const script = `
    require("@pulumi/pulumi");
    const before = new Set(Object.keys(require.cache));
    require("pulumi-pxe");
    console.log(JSON.stringify(Object.keys(require.cache).filter((path) => !before.has(path))));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { cwd: packageRoot, encoding: "utf8" });
  const loaded = (JSON.parse(stdout || "[]") as string[]).map((path) => relative(join(packageRoot, "dist"), path).split(sep).join("/"));
  assert.ok(loaded.includes("sdk/index.js"), stderr);
  assert.deepEqual(loaded.filter((path) => !path.startsWith("sdk/")), ["provider/errors.js"]);
});
