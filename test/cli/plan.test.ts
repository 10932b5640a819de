import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { planSummary } from "../../cli/plan";
import { runCommand, type CommandResult } from "../../lab/project";

const will = "WILL INSTALL at its next network boot: first declaration";
const host = (name: string, more: object = {}) => ({ server: "rack1", host: name, change: "unchanged" as const, files: [], folder: `/plan/rack1/${name}`, ...more });

describe("the summary of a plan", () => {
  test("installations come first, what doesn't change is only counted", () => {
    const hosts = [
      host("db1", { change: "changed" }), host("db2"), host("db3"), host("database4", { change: "new", arming: will }),
      host("db5", { arming: "MAY INSTALL AGAIN at its next network boot" }), host("db6", { change: "unknown" }), host("db7", { change: "new" }),
    ];
    assert.equal(planSummary(hosts, "/plan"), `database4  ${will}
db5        MAY INSTALL AGAIN at its next network boot
db1        no installation: it is served other files from now on
db6        no installation; what it is served is known after apply
db7        no installation: it is newly declared
2 hosts: no installation, the same files

This plan installs 2 hosts.
The files as they would be served: /plan/rack1/HOST`);
  });

  test("says so where there is nothing to say", () => {
    assert.equal(planSummary([host("db1")], "/plan"), "1 host: no installation, the same files\n\nThis plan installs nothing.\nThe files as they would be served: /plan/rack1/HOST");
    assert.equal(planSummary([], "/plan"), "The plan has no hosts.");
  });

  test("hosts of several servers carry their server's name", () => {
    const text = planSummary([host("db1", { arming: will }), host("db1", { server: "rack2", arming: will })], "/plan");
    assert.match(text, /^rack1\/db1 {2}WILL[^]*\nrack2\/db1 {2}WILL[^]*SERVER\/HOST$/);
  });
});

/** A `pulumi` that notes its arguments, plans as told and ends with a status. */
class FakePulumi {
  readonly folder = mkdtempSync(join(tmpdir(), "pxe-cli-plan-"));
  readonly out = join(this.folder, "out");
  private readonly program = join(this.folder, "pulumi");

  constructor(t: TestContext) {
    t.after(() => { rmSync(this.folder, { recursive: true, force: true }); });
  }

  plans(hosts: readonly object[], status = 0): void {
    const writer = require.resolve("../../provider/resources/plan-folder");
    writeFileSync(this.program, `#!${process.execPath}
require("node:fs").writeFileSync(${JSON.stringify(join(this.folder, "arguments"))}, JSON.stringify(process.argv.slice(2)));
for (const host of ${JSON.stringify(hosts)}) require(${JSON.stringify(writer)}).writePlan(process.env, host);
console.log("Previewing update");
process.exitCode = ${String(status)};
`);
    chmodSync(this.program, 0o755);
  }

  get arguments(): unknown {
    return JSON.parse(readFileSync(join(this.folder, "arguments"), "utf8")) as unknown;
  }

  pxe(...args: string[]): Promise<CommandResult> {
    const env = { ...process.env, PXE_PULUMI: this.program, TMPDIR: this.folder };
    return runCommand(process.execPath, [require.resolve("../../cli/pxe"), "plan", ...args], this.folder, env);
  }
}

const planned = { server: "PxeServer::rack1", host: "db1", rendered: { "bios/pxelinux.cfg": "install\n" }, arming: will };

describe("pxe plan", () => {
  test("passes arguments on, shows the preview, then what it means, and keeps the files in a folder of its own", async (t) => {
    const pulumi = new FakePulumi(t);
    pulumi.plans([planned]);
    const { status, text } = await pulumi.pxe("--stack", "dev", "--target", "urn:x", "-c", "a=b", "--parallel=1");
    assert.equal(status, 0, text);
    assert.deepEqual(pulumi.arguments, ["preview", "--diff", "--stack", "dev", "--target", "urn:x", "-c", "a=b", "--parallel=1"]);
    assert.match(text, /^Previewing update\n\ndb1 {2}WILL INSTALL at its next network boot: first declaration\n\nThis plan installs 1 host\.\n/);
    const folder = /served: (.*)\/HOST\n$/.exec(text)?.[1] ?? "";
    assert.equal(readFileSync(join(folder, "db1", "bios", "pxelinux.cfg"), "utf8"), "install\n");
  });

  test("--json prints one value, and ends as the preview does", async (t) => {
    const pulumi = new FakePulumi(t);
    pulumi.plans([planned], 3);
    const { status, text } = await pulumi.pxe("--json", "--out", "out");
    assert.equal(status, 3);
    // Both outputs are caught together; Pulumi's own is on the other one.
    assert.deepEqual(JSON.parse(text.replace("Previewing update\n", "")), {
      status: 3, folder: pulumi.out,
      hosts: [{ host: "db1", server: "rack1", change: "new", arming: will, files: ["bios/pxelinux.cfg"], folder: join(pulumi.out, "rack1", "db1") }],
    });
  });

  test("a preview that fails is said to have failed", async (t) => {
    const pulumi = new FakePulumi(t);
    pulumi.plans([], 1);
    const { status, text } = await pulumi.pxe();
    assert.equal(status, 1);
    assert.match(text, /The preview failed \(exit status 1\); this is how far it came:\nThe plan has no hosts\.\n$/);
  });

  test("a folder used before holds only this plan; what no plan wrote stays", async (t) => {
    const pulumi = new FakePulumi(t);
    pulumi.plans([planned, { ...planned, host: "db2" }]);
    await pulumi.pxe("--out", "out");
    writeFileSync(join(pulumi.out, "rack1", "db1", "mine"), "");
    mkdirSync(join(pulumi.out, "mine"));
    pulumi.plans([{ ...planned, host: "db3" }]);
    const { text } = await pulumi.pxe("--out", "out");
    assert.match(text, /db3 {2}WILL INSTALL/);
    assert.ok(!/db[12]/.test(text), text);
    assert.deepEqual(readdirSync(pulumi.out).sort(), ["mine", "rack1"]);
    assert.deepEqual(readdirSync(join(pulumi.out, "rack1")).sort(), ["db1", "db3"]);
    assert.deepEqual(readdirSync(join(pulumi.out, "rack1", "db1")), ["mine"]);
  });

  test("without Pulumi it says what is needed", async (t) => {
    const pulumi = new FakePulumi(t);
    const { status, text } = await pulumi.pxe();
    assert.equal(status, 1);
    assert.match(text, /PXE_TOOL_MISSING: .*can't be run\. Install the Pulumi CLI, or name it in PXE_PULUMI\./);
    assert.ok(!existsSync(pulumi.out));
  });
});
