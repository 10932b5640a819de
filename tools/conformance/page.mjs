import { gap } from "../test/results.mjs";
import { ids, sections } from "./ids.mjs";

const head = `# Conformance

What the agent does on the wire, and the tests that show it. This page is made by \`node tools/conformance.mjs --write\`: the tests
from their names in \`test/\`, the results from the last runs of \`npm test\` on the machine that made it. An id without a test has its
reason in the last column.
`;

/**
 * @param tests of `namedTests`
 * @param {(test: { file: string, name: string }) => string[]} outcomes what the runs of a test said: "passed" or "failed"
 */
export function page(tests, outcomes) {
  const parts = sections.map(({ letter, title }) => {
    const rows = ids.filter(({ section }) => section === letter).flatMap((line) => rowsOf(line, tests, outcomes));
    return rows.length === 0 ? "" : [`\n## ${letter}. ${title}\n`, "| id | behaviour | tests | result |", "|---|---|---|---|", ...rows, ""].join("\n");
  });
  return head + parts.join("");
}

/** The page without its last column, in which two machines may differ. */
export function withoutResults(text) {
  return text.replace(/^(\| .*) \| [^|]*\|$/gm, "$1 |");
}

/** What is wrong with the names of tests: ids that need a test and have neither that nor a reason, and ids that aren't in the list. */
export function findings(tests) {
  const named = new Set(tests.flatMap((test) => test.ids));
  const known = new Set(ids.map(({ id }) => id));
  return {
    missing: ids.filter(({ id, required, cannot }) => required && cannot === undefined && !named.has(id)).map(({ id }) => id),
    unknown: tests.flatMap(({ file, name, ids: own }) => own.filter((id) => !known.has(id)).map((id) => `${id} in ${file}: ${name}`)),
  };
}

function rowsOf({ id, line, cannot, required }, tests, outcomes) {
  const own = tests.filter((test) => test.ids.includes(id));
  if (own.length === 0 && !required) return [];
  const names = own.map(({ file, name }) => `${file}: ${cell(name)}`).join("<br>");
  const result = own.length > 0 ? verdict(own.map(outcomes)) : (cannot ?? "no test yet");
  return [`| ${id} | ${line} | ${names === "" ? "–" : names} | ${result} |`];
}

function verdict(outcomes) {
  if (outcomes.some((each) => each.includes("failed"))) return "**failed**";
  const notRun = outcomes.filter((each) => each.length === 0).length;
  if (notRun === outcomes.length) return "not run";
  return notRun === 0 ? "passed" : `passed; ${notRun} of ${outcomes.length} not run`;
}

function cell(text) {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replace(new RegExp(`${gap}+`, "g"), gap);
}
