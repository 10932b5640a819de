import { readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import ts from "typescript";
import { filesUnder } from "../build/files.mjs";
import { gap } from "../test/results.mjs";

const calls = new Set(["test", "it", "describe", "suite"]);

/**
 * The tests that name an id, in order of file and line. A `describe` counts as one: its result is that of all in it.
 * @returns {{ file: string, name: string, ids: string[] }[]} `file` without `test/`
 */
export function namedTests(root) {
  return filesUnder(join(root, "test"))
    .filter((path) => /(?<!\.d)\.ts$/.test(path))
    .flatMap((path) => {
      const file = relative(join(root, "test"), path).split(sep).join("/");
      return titles(readFileSync(path, "utf8"), file).flatMap((name) => {
        const found = idsOf(name);
        return found.length === 0 ? [] : [{ file, name, ids: found }];
      });
    });
}

/** The ids at the beginning of a name: "A31 F8 a datagram …", "property: F13 …". */
export function idsOf(name) {
  const [, tokens] = /^(?:property: )?((?:[A-F][1-9]\d?\b[ ,:]*)+)/.exec(name) ?? [];
  return tokens === undefined ? [] : [...new Set(tokens.match(/[A-F]\d+/g))];
}

/** First arguments of `test(…)`, `describe(…)`, `t.test(…)`, with a gap for each expression in them. */
function titles(text, file) {
  const found = [];
  const visit = (node) => {
    if (ts.isCallExpression(node) && isTest(node.expression)) {
      const title = textOf(node.arguments[0]);
      if (title !== undefined) found.push(title);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest));
  return found;
}

function isTest(callee) {
  if (ts.isIdentifier(callee)) return calls.has(callee.text);
  return ts.isPropertyAccessExpression(callee) && callee.name.text === "test" && ts.isIdentifier(callee.expression) && callee.expression.text === "t";
}

function textOf(node) {
  if (node === undefined) return undefined;
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node)) return node.head.text + node.templateSpans.map(({ literal }) => gap + literal.text).join("");
  return undefined;
}
