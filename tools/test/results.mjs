import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";

/** Stands in a test's name for what is only known when it runs. */
export const gap = "…";

const place = [".state", "test-results.json"];

/** A reporter for node:test that writes what became of each test and suite, a line of JSON each. */
export default async function* results(events) {
  for await (const { type, data } of events) {
    if ((type === "test:pass" || type === "test:fail") && data.file !== undefined) {
      const passed = type === "test:pass" && data.skip === undefined && data.todo === undefined;
      yield `${JSON.stringify({ file: data.file, name: data.name, result: passed ? "passed" : "failed" })}\n`;
    }
  }
}

/** The last results by the test's file (without `test/`): what its tests are called and how they ended. Empty when there was no run. */
export function readResults(root) {
  try {
    return JSON.parse(readFileSync(join(root, ...place), "utf8"));
  } catch {
    return {};
  }
}

/** Puts what a run wrote in the place of what earlier runs said of the same files. */
export function recordResults(root, lines) {
  const fresh = {};
  for (const line of lines.split("\n").filter((each) => each !== "")) {
    const { file, name, result } = JSON.parse(line);
    (fresh[sourceOf(root, file)] ??= []).push({ name, result });
  }
  const path = join(root, ...place);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, `${JSON.stringify({ ...readResults(root), ...fresh }, undefined, 1)}\n`);
  renameSync(`${path}.new`, path);
}

/** How the runs of a test ended, whose name may have gaps. */
export function outcomesIn(all) {
  return ({ file, name }) => {
    const pattern = new RegExp(`^${name.split(gap).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("[^]*")}$`);
    return (all[file] ?? []).filter((each) => pattern.test(each.name)).map(({ result }) => result);
  };
}

/** Node names the source where there is a source map, else what was compiled. */
function sourceOf(root, file) {
  return relative(root, file).split(sep).join("/").replace(/^dist\//, "").replace(/^test\//, "").replace(/\.js$/, ".ts");
}
