import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ESLint } from "eslint";
import { root } from "./load";

const eslint = new ESLint({ cwd: root });

/** The text is linted under the name of a file that exists, since type-aware linting asks the compiler about it. */
function anyFile(folder: string): string {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const shallow = files.sort((a, b) => a.split("/").length - b.split("/").length || (a < b ? -1 : 1))[0];
  assert.ok(shallow !== undefined, `${folder} has no source`);
  return join(folder, shallow);
}

async function refusals(file: string, text: string): Promise<string[]> {
  const results = await eslint.lintText(text, { filePath: join(root, file) });
  const messages = results.flatMap((result) => result.messages);
  assert.deepEqual(messages.filter((message) => message.fatal === true), []);
  return messages.filter((message) => /^pxe\/import-directions$|^no-restricted/.test(message.ruleId ?? "")).map((message) => message.message);
}

/** `../` as often as it takes from `file` to the root. */
function up(file: string): string {
  return "../".repeat(file.split("/").length - 1);
}

const refused: readonly (readonly [folder: string, target: string])[] = [
  ["provider/engine", "provider/agent/state"],
  ["provider/engine", "provider/render/host"],
  ["provider/engine", "node:dgram"],
  ["provider/engine", "node:crypto"],
  ["provider/wire", "provider/model/ip"],
  ["provider/wire", "node:net"],
  ["provider/wire", "zod"],
  ["provider/model", "@pulumi/pulumi"],
  ["provider/model", "provider/wire/dhcp/packet"],
  ["provider/model", "node:fs"],
  ["provider/render", "node:http"],
  ["provider/render", "provider/engine/boot"],
  ["provider/deploy", "@pulumi/pulumi"],
  ["provider/deploy", "@pulumi/pulumi/automation"],
  ["provider/deploy", "provider/agent/main"],
  ["provider/agent", "provider/deploy/ssh"],
  ["provider/agent", "ssh2"],
  ["provider/resources", "provider/agent/state"],
  ["provider/resources", "@pulumi/pulumi"],
  ["sdk", "provider/deploy/ssh"],
  ["sdk", "provider/resources/table"],
  ["sdk", "provider/agent/main"],
  ["sdk", "ssh2"],
  ["sdk", "koffi"],
  ["lab", "provider/resources/table"],
];

const allowed: readonly (readonly [folder: string, target: string])[] = [
  ["provider/engine", "provider/wire/dhcp/packet"],
  ["provider/engine", "provider/model/documents"],
  ["provider/engine", "provider/errors"],
  ["provider/wire", "provider/errors"],
  ["provider/model", "zod"],
  ["provider/render", "ejs"],
  ["provider/render", "provider/model/documents"],
  ["provider/deploy", "ssh2"],
  ["provider/deploy", "provider/model/control"],
  ["provider/agent", "provider/engine/boot"],
  ["provider/agent", "node:dgram"],
  ["provider/resources", "provider/deploy/ssh"],
  ["provider/resources", "provider/engine/boot"],
  ["sdk", "@pulumi/pulumi"],
  ["sdk", "provider/model/documents"],
  ["sdk", "provider/render/host"],
  ["lab", "provider/deploy/ssh"],
];

function specifierFrom(file: string, target: string): string {
  return existsSync(join(root, target.split("/")[0] ?? "")) && !target.startsWith("node:") ? `${up(file)}${target}` : target;
}

describe("which folder may import which", () => {
  for (const [folder, target] of refused) {
    test(`${folder} → ${target} is refused`, async () => {
      const file = anyFile(folder);
      const specifier = specifierFrom(file, target);
      assert.equal((await refusals(file, `import * as x from "${specifier}";\nexport const y = x;\n`)).length, 1);
    });
  }

  for (const [folder, target] of allowed) {
    test(`${folder} → ${target} is allowed`, async () => {
      const file = anyFile(folder);
      const specifier = specifierFrom(file, target);
      assert.deepEqual(await refusals(file, `import * as x from "${specifier}";\nexport const y = x;\n`), []);
    });
  }

  test("every form of import counts", async () => {
    const file = anyFile("provider/wire");
    const target = `${up(file)}provider/agent/state`;
    const forms = [
      `export * from "${target}";`,
      `export { a } from "${target}";`,
      `export const a = import("${target}");`,
      `export const a = require("${target}");`,
      `export type A = import("${target}").A;`,
      `import a = require("${target}"); export { a };`,
      `import type { A } from "${target}"; export type B = A;`,
    ];
    for (const form of forms) assert.equal((await refusals(file, `${form}\n`)).length, 1, form);
  });

  test("the entry that state files name imports resources only", async () => {
    assert.deepEqual(await refusals("provider/index.ts", `export { server } from "./resources/server";\n`), []);
    assert.equal((await refusals("provider/index.ts", `export { x } from "./deploy/ssh";\n`)).length, 1);
  });

  test("pure folders are handed time and chance", async () => {
    const file = anyFile("provider/engine");
    for (const text of ["Date.now()", "Math.random()", "process.pid", "setTimeout"]) {
      assert.equal((await refusals(file, `export const x = ${text};\n`)).length, 1, text);
    }
    assert.deepEqual(await refusals(anyFile("provider/agent"), "export const x = Date.now();\n"), []);
  });
});

test("a promise that nobody waits for is an error", async () => {
  const file = anyFile("provider/agent");
  const results = await eslint.lintText("export function f(g: () => Promise<void>): void {\n  g();\n}\n", { filePath: join(root, file) });
  assert.deepEqual(results.flatMap((result) => result.messages.map((message) => message.ruleId)), ["@typescript-eslint/no-floating-promises"]);
});
