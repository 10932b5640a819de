import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import * as ts from "typescript";
import { packageRoot } from "../../lab/project";

/** Members whose name says all: keys and wiring that a program doesn't write. */
const silent = new Set(["constructor", "prototype"]);

test("everything that a program can name is documented", () => {
  const config = ts.readConfigFile(join(packageRoot, "tsconfig.json"), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, packageRoot);
  const program = ts.createProgram([join(packageRoot, "sdk", "index.ts")], options);
  const checker = program.getTypeChecker();
  const entry = program.getSourceFile(join(packageRoot, "sdk", "index.ts"));
  assert.ok(entry !== undefined);
  const undocumented: string[] = [];
  const ours = (symbol: ts.Symbol): boolean => (symbol.declarations ?? []).some((node) => node.getSourceFile().fileName.startsWith(join(packageRoot, "sdk")));
  const look = (symbol: ts.Symbol, path: string): void => {
    const real = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    if (real.flags & ts.SymbolFlags.Module) {
      for (const each of checker.getExportsOfModule(real)) look(each, `${path}.${each.name}`);
      return;
    }
    if (real.getDocumentationComment(checker).length === 0) undocumented.push(path);
    if (!(real.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.Class))) return;
    for (const member of checker.getDeclaredTypeOfSymbol(real).getProperties()) {
      if (!ours(member) || silent.has(member.name) || isPrivate(member)) continue;
      if (member.getDocumentationComment(checker).length === 0) undocumented.push(`${path}.${member.name}`);
    }
  };
  for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(entry) ?? assert.fail("no module"))) look(symbol, symbol.name);
  assert.deepEqual(undocumented, []);
});

function isPrivate(member: ts.Symbol): boolean {
  return (member.declarations ?? []).some((node) => (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Private) !== 0);
}
