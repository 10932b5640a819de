import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, describe, test } from "node:test";
import { loadTool } from "./load";

interface Package {
  name: string;
  probe: string;
  onlyOn?: string;
}
interface System {
  linux: boolean;
  root: boolean;
  debian: boolean;
  release: string;
  title: string;
}
interface Setup {
  setup: (wanted: { lab?: boolean }, here: { report: object; system: System; env: NodeJS.ProcessEnv }) => Promise<unknown>;
}
interface Reports {
  Report: new (options: { write: (text: string) => void; clock?: () => number }) => {
    step(title: string, work: () => Promise<unknown>): Promise<unknown>;
    note(text: string): void;
    done(summary: string): void;
    findings(): string;
  };
  elapsed: (milliseconds: number) => string;
}
interface Systems {
  planPackages: (missing: Package[], system: System) => { install: string[]; findings: { message: string; fix: string }[] };
  missingPackages: (packages: Package[], system: System) => Promise<Package[]>;
}
interface Dependencies {
  dependenciesInstalled: (root: string) => boolean;
  installDependencies: (root: string, env: NodeJS.ProcessEnv) => Promise<void>;
}
interface Pulumi {
  findPulumi: (env: NodeJS.ProcessEnv) => Promise<{ path: string; version: string } | undefined>;
}

const scratch = mkdtempSync(join(tmpdir(), "pxe-setup-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

const debian: System = { linux: true, root: true, debian: true, release: "debian 12", title: "Debian GNU/Linux 12 (bookworm)" };
const fedora: System = { linux: true, root: false, debian: false, release: "fedora 42", title: "Fedora Linux 42" };
const wanted: Package[] = [
  { name: "qemu-system-x86", probe: "qemu-system-x86_64" },
  { name: "debian-installer-12-netboot-amd64", probe: "/usr/lib/debian-installer/linux", onlyOn: "debian 12" },
];

describe("the system's packages", () => {
  test("root on Debian 12 gets them from apt", async () => {
    const { planPackages } = await loadTool<Systems>("setup/system.mjs");
    assert.deepEqual(planPackages(wanted, debian), { install: ["qemu-system-x86", "debian-installer-12-netboot-amd64"], findings: [] });
  });

  test("another user is told the command", async () => {
    const { planPackages } = await loadTool<Systems>("setup/system.mjs");
    const { install, findings } = planPackages(wanted, { ...debian, root: false });
    assert.deepEqual(install, []);
    assert.deepEqual(findings.map(({ fix }) => fix), ["As root: apt-get install --no-install-recommends qemu-system-x86 debian-installer-12-netboot-amd64"]);
  });

  test("a package that only Debian 12 has is named as such on Debian 13", async () => {
    const { planPackages } = await loadTool<Systems>("setup/system.mjs");
    const { install, findings } = planPackages(wanted, { ...debian, release: "debian 13", title: "Debian GNU/Linux 13 (trixie)" });
    assert.deepEqual(install, ["qemu-system-x86"]);
    assert.match(findings[0]?.message ?? "", /exists only on Debian 12, and this is Debian GNU\/Linux 13/);
  });

  test("elsewhere each is looked for by its command or file, and all are named at once", async () => {
    const { missingPackages, planPackages } = await loadTool<Systems>("setup/system.mjs");
    const packages = [{ name: "nodejs", probe: process.execPath }, { name: "a", probe: "pxe-no-such-command" }, { name: "b", probe: "/nonexistent/file" }];
    const missing = await missingPackages(packages, fedora);
    assert.deepEqual(missing.map(({ name }) => name), ["a", "b"]);
    assert.match(planPackages(missing, fedora).findings[0]?.message ?? "", /pxe-no-such-command, \/nonexistent\/file/);
  });
});

test("everything missing is named at once, before anything is done", async () => {
  const { setup } = await loadTool<Setup>("setup.mjs");
  const { Report } = await loadTool<Reports>("setup/report.mjs");
  const written: string[] = [];
  const env = { PATH: scratch, PXE_PULUMI: "/nonexistent/pulumi" };
  const run = setup({ lab: true }, { report: new Report({ write: (text) => written.push(text) }), system: fedora, env });
  await assert.rejects(run, (error: Error) => {
    assert.match(error.message, /^Set-up can't go on\. \w+ things are missing:/);
    assert.match(error.message, /The lab needs root on Linux, and this is an ordinary user on Fedora Linux 42/);
    assert.match(error.message, /PXE_PULUMI names \/nonexistent\/pulumi, which is not a program/);
    return true;
  });
  assert.deepEqual(written, []);
});

describe("the report", () => {
  test("a step is one line with its time, and a failure is a finding", async () => {
    const { Report } = await loadTool<Reports>("setup/report.mjs");
    const lines: string[] = [];
    let now = 0;
    const report = new Report({ write: (text) => lines.push(text), clock: () => now });
    await report.step("one thing", async () => (now += 1_200));
    await report.step("another", async () => {
      now += 100;
      throw new Error("no route\nto host");
    });
    await report.step("a third", async () => report.note("the slow way"));
    report.done("all of it");
    assert.equal(
      lines.join(""),
      "set-up: one thing … 1.2 s\nset-up: another … failed after 0.1 s: no route\nset-up: a third …\nset-up: the slow way\nset-up: a third: 0.0 s\nset-up: all of it: ready (1.3 s)\n",
    );
    assert.match(report.findings(), /One thing is missing:\n {2}1\. no route\nto host/);
  });

  test("times are short", async () => {
    const { elapsed } = await loadTool<Reports>("setup/report.mjs");
    assert.deepEqual([400, 12_400, 372_000].map(elapsed), ["0.4 s", "12 s", "6 min 12 s"]);
  });
});

describe("the dependencies", () => {
  const held = { "": {}, "node_modules/a": { version: "1.0.0", integrity: "sha512-a" }, "node_modules/b": { version: "2.0.0", integrity: "sha512-b", optional: true } };
  const tree = (name: string, installed?: object, lock: object = held): string => {
    const folder = join(scratch, name);
    mkdirSync(join(folder, "node_modules"), { recursive: true });
    writeFileSync(join(folder, "package-lock.json"), JSON.stringify({ packages: lock }));
    if (installed !== undefined) writeFileSync(join(folder, "node_modules", ".package-lock.json"), JSON.stringify({ packages: installed }));
    return folder;
  };
  const { "": _root, ...all } = held;

  test("are installed when npm's record of the install says so", async () => {
    const { dependenciesInstalled } = await loadTool<Dependencies>("setup/dependencies.mjs");
    assert.equal(dependenciesInstalled(tree("same", all)), true);
    assert.equal(dependenciesInstalled(tree("other-platform", { "node_modules/a": all["node_modules/a"] })), true);
    assert.equal(dependenciesInstalled(tree("interrupted")), false);
    assert.equal(dependenciesInstalled(tree("missing", { "node_modules/b": all["node_modules/b"] })), false);
    assert.equal(dependenciesInstalled(tree("older", { ...all, "node_modules/a": { version: "0.9.0", integrity: "sha512-0" } })), false);
    assert.equal(dependenciesInstalled(tree("left over", { ...all, "node_modules/c": { version: "1.0.0" } })), false);
  });

  test("are not installed through a link, which would empty another tree's", async () => {
    const { installDependencies } = await loadTool<Dependencies>("setup/dependencies.mjs");
    const other = tree("other", {});
    const linked = tree("linked", {});
    rmSync(join(linked, "node_modules"), { recursive: true });
    symlinkSync(join(other, "node_modules"), join(linked, "node_modules"));
    await assert.rejects(installDependencies(linked, process.env), /node_modules is a link/);
    assert.ok(existsSync(join(other, "node_modules", ".package-lock.json")));
  });
});

describe("the Pulumi CLI", () => {
  const fake = (name: string, version: string, host = true): string => {
    const folder = join(scratch, name);
    mkdirSync(folder, { recursive: true });
    for (const program of host ? ["pulumi", "pulumi-language-nodejs"] : ["pulumi"]) {
      writeFileSync(join(folder, program), `#!/bin/sh\necho v${version}\n`);
      chmodSync(join(folder, program), 0o755);
    }
    return folder;
  };
  const base = { PULUMI_HOME: join(scratch, "no-home"), XDG_CACHE_HOME: join(scratch, "no-cache") };

  test("the first usable one on PATH wins: an old one is passed over", async () => {
    const { findPulumi } = await loadTool<Pulumi>("setup/pulumi.mjs");
    const path = [fake("old", "3.199.0"), fake("good", "3.200.1"), fake("newer", "3.250.0")].join(delimiter);
    assert.equal((await findPulumi({ ...base, PATH: path }))?.version, "3.200.1");
    assert.equal((await findPulumi({ ...base, PATH: path, PXE_PULUMI: join(scratch, "newer", "pulumi") }))?.version, "3.250.0");
  });

  test("the language host may stand beside it or on PATH", async () => {
    const { findPulumi } = await loadTool<Pulumi>("setup/pulumi.mjs");
    const alone = fake("alone", "3.300.0", false);
    assert.equal((await findPulumi({ ...base, PATH: [alone, fake("good", "3.200.1")].join(delimiter) }))?.version, "3.300.0");
    assert.equal(await findPulumi({ ...base, PATH: alone }), undefined);
  });

  test("Pulumi's own folder: the newest version first", async () => {
    const { findPulumi } = await loadTool<Pulumi>("setup/pulumi.mjs");
    fake("home/versions/3.209.0/bin", "3.209.0");
    fake("home/versions/3.210.0/bin", "3.210.0");
    assert.equal((await findPulumi({ ...base, PATH: "", PULUMI_HOME: join(scratch, "home") }))?.version, "3.210.0");
  });

  test("an override that can't be used is an error, not passed over", async () => {
    const { findPulumi } = await loadTool<Pulumi>("setup/pulumi.mjs");
    await assert.rejects(findPulumi({ ...base, PATH: "", PXE_PULUMI: join(fake("old", "3.199.0"), "pulumi") }), /which is 3\.199\.0; 3\.200\.0 or later is needed/);
    await assert.rejects(findPulumi({ ...base, PATH: "", PXE_PULUMI: join(fake("alone", "3.300.0", false), "pulumi") }), /has no pulumi-language-nodejs beside it or on PATH/);
  });
});
