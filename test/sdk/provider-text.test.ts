import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { providerText, type ProviderName } from "../../sdk/provider-text";

const names: readonly ProviderName[] = ["server", "subnet", "profile", "host", "group", "wait"];

/** Never edit these to make the test pass: state files in the field hold them. */
const text = (name: string): string =>
  'exports.handler=()=>{let p=process,c=p.cwd();for(let d of[p.env.PULUMI_PXE_ROOT||c,c])try{return require("module").createRequire(d+"/")' +
  '("pulumi-pxe/provider").' + name + "}catch(e){if(!/'pulumi-pxe/.test(e))throw e}" +
  'throw Error("npm i pulumi-pxe in "+c)}';

/** What version 0.1.0 wrote. */
const firstText = (name: string): string =>
  'exports.handler=()=>{for(const d of[process.env.PULUMI_PXE_ROOT,process.cwd()])if(d){const r=require("module").createRequire(d+"/_");let p;' +
  'try{p=r.resolve("pulumi-pxe/provider")}catch(e){if(e.code!=="MODULE_NOT_FOUND")throw e;continue}return r(p).' + name + "}" +
  'throw Error("pulumi-pxe is not installed beside the program: run `npm install pulumi-pxe` there, or set PULUMI_PXE_ROOT")}';

/** Runs the text as the engine's dynamic provider does, in a folder. */
function run(code: string, cwd: string, env: NodeJS.ProcessEnv = {}): { status: number | null; stdout: string; stderr: string } {
  const script = `const m={exports:{}};new Function("exports","require",process.argv[1])(m.exports,require);console.log(JSON.stringify(m.exports.handler()))`;
  return spawnSync(process.execPath, ["-e", script, code], { cwd, encoding: "utf8", env: { PATH: process.env["PATH"], ...env } });
}

/** A folder in which the package is installed, its provider entry being this code. */
function withPackage(code: string, work: (folder: string, empty: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "pxe-text-"));
  try {
    const home = join(folder, "program", "node_modules", "pulumi-pxe");
    mkdirSync(home, { recursive: true });
    mkdirSync(join(folder, "empty"));
    writeFileSync(join(home, "package.json"), JSON.stringify({ name: "pulumi-pxe", exports: { "./provider": "./provider.js" } }));
    writeFileSync(join(home, "provider.js"), code);
    work(join(folder, "program"), join(folder, "empty"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("the text that state files hold", () => {
  for (const name of names) {
    test(`of ${name} is this, to the letter`, () => {
      assert.equal(providerText(name), text(name));
      assert.ok(!providerText(name).includes("\n"));
    });
  }
});

for (const [version, host] of [["now", text("host")], ["0.1.0", firstText("host")]] as const) describe(`the text of ${version}`, () => {
  test("finds the package beside the program", () => {
    withPackage("exports.host={is:'host'}", (program) => {
      assert.equal(run(host, program).stdout, '{"is":"host"}\n');
    });
  });

  test("finds it where PULUMI_PXE_ROOT says, and beside the program when it isn't there", () => {
    withPackage("exports.host={is:'host'}", (program, empty) => {
      assert.equal(run(host, empty, { PULUMI_PXE_ROOT: program }).stdout, '{"is":"host"}\n');
      assert.equal(run(host, program, { PULUMI_PXE_ROOT: empty }).stdout, '{"is":"host"}\n');
    });
  });

  test("says what to do when the package is not installed", () => {
    withPackage("", (_program, empty) => {
      const result = run(host, empty);
      assert.notEqual(result.status, 0);
      assert.match(result.stderr, /npm i pulumi-pxe in \/|run `npm install pulumi-pxe` there, or set PULUMI_PXE_ROOT/);
    });
  });

  test("lets an error inside the package through, even one about a missing module", () => {
    withPackage('require("not-to-be-found")', (program) => {
      const result = run(host, program);
      assert.match(result.stderr, /Cannot find module 'not-to-be-found'/);
      assert.doesNotMatch(result.stderr, /^Error: .*npm i/m);
    });
  });

  test("finds the package from inside its own repository", () => {
    const result = run(host, join(__dirname, ".."), {});
    assert.equal(result.status, 0, result.stderr);
  });
});
