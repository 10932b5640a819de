/**
 * `node tools/conformance.mjs [--write]`: makes docs/conformance.md of the ids in the tests' names and the results of the last runs.
 * Without `--write` it only says what is missing. Exits 1 while an id has neither a test nor a reason.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { findings, page } from "./conformance/page.mjs";
import { namedTests } from "./conformance/sources.mjs";
import { root } from "./setup.mjs";
import { outcomesIn, readResults } from "./test/results.mjs";

const tests = namedTests(root);
if (process.argv.includes("--write")) writeFileSync(join(root, "docs", "conformance.md"), page(tests, outcomesIn(readResults(root))));
const { missing, unknown } = findings(tests);
console.log(`${new Set(tests.flatMap(({ ids }) => ids)).size} ids in ${tests.length} tests.`);
if (missing.length > 0) console.error(`Neither a test nor a reason: ${missing.join(" ")}`);
if (unknown.length > 0) console.error(`Not an id of tools/conformance/ids.mjs: ${unknown.join("; ")}`);
process.exitCode = missing.length + unknown.length === 0 ? 0 : 1;
