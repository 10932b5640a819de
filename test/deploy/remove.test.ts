import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { layout, networkUnit } from "../../provider/deploy/layout";
import { lockScript } from "../../provider/deploy/lock";
import { removeNetworkScript } from "../../provider/deploy/network";
import { parseReport, type Observation } from "../../provider/deploy/observe";
import { forgetScript, hasAnything } from "../../provider/deploy/remove";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pxe-remove-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function report(lines: Record<string, string>): Observation {
  return parseReport(`${Object.entries(lines).map(([key, value]) => `${key}\t${value}`).join("\n")}\nend\t1\n`, undefined, "rack1");
}

describe("what a removal finds", () => {
  test("is nothing on a fresh target, and where only the database was kept", () => {
    assert.ok(!hasAnything(report({})));
    assert.ok(!hasAnything(report({ stat: `${layout.home} 755 root:root`, kept: "yes" })));
  });

  test("is anything that a deployment or a removal left when it was interrupted", () => {
    const remains: Record<string, string>[] = [
      { stat: `${layout.root} 755 root:root` }, { stat: `${layout.root} 755 root:root`, kept: "yes" }, { stat: `${layout.unit} 644 root:root` },
      { stat: `${layout.home} 755 root:root` }, { account: "pulumi-pxe:x:9:9::/:/bin/sh" }, { group: "pulumi-pxe:x:9:" },
      { enabled: "pulumi-pxe@0123456789ab.service" }, { unit: "pulumi-pxe@0123456789ab.service 55 active" },
    ];
    for (const lines of remains) assert.ok(hasAnything(report(lines)), JSON.stringify(lines));
  });
});

test("of network settings nothing stays, also where their unit was deleted by hand, which its links outlive", () => {
  const system = join(folder, "etc", "systemd", "system");
  for (const path of ["multi-user.target.wants", "nftables.service.wants"]) {
    mkdirSync(join(system, path), { recursive: true });
    symlinkSync(layout.networkUnit, join(system, path, networkUnit));
  }
  symlinkSync("/lib/systemd/system/ssh.service", join(system, "multi-user.target.wants", "ssh.service"));
  mkdirSync(join(folder, "bin"));
  writeFileSync(join(folder, "bin", "systemctl"), "#!/bin/sh\n", { mode: 0o755 });
  const script = removeNetworkScript.replaceAll(/\/(etc|opt)\//g, `${folder}/$1/`);
  execFileSync("sh", ["-c", script], { env: { PATH: `${join(folder, "bin")}:/usr/bin:/bin` } });
  assert.deepEqual(readdirSync(system, { recursive: true }).toSorted(), ["multi-user.target.wants", "multi-user.target.wants/ssh.service", "nftables.service.wants"]);
});

describe("the word left for the next agent", () => {
  const leave = (owner: string): void => { execFileSync("sh", ["-c", `set -u\n${forgetScript(owner, folder)}`]); };

  test("names each owner once, for the database's own user alone", () => {
    writeFileSync(join(folder, "agent.db"), "");
    for (const owner of ["demo/dev", "de'mo/x*", "demo/dev"]) leave(owner);
    const file = join(folder, "forget");
    assert.equal(readFileSync(file, "utf8"), "demo/dev\nde'mo/x*\n");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(statSync(file).uid, statSync(folder).uid);
  });

  test("is not left where there is no database, and never through a link", () => {
    leave("demo/dev");
    assert.throws(() => statSync(join(folder, "forget")));
    mkdirSync(join(folder, "elsewhere"));
    symlinkSync(join(folder, "elsewhere", "file"), join(folder, "forget"));
    leave("demo/dev");
    assert.throws(() => statSync(join(folder, "elsewhere", "file")));
  });
});

test("scripts with the lock run one after another", async () => {
  const script = lockScript.replaceAll("/etc/systemd/system", folder).replaceAll("/run/systemd/inaccessible/dir", folder);
  const first = spawn("sh", ["-c", `${script}\necho held; read line; echo first >>'${folder}/order'`], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => first.once("close", resolve));
  await new Promise((resolve) => first.stdout.once("data", resolve));
  const second = spawn("sh", ["-c", `${script}\necho second >>'${folder}/order'`], { stdio: ["ignore", "ignore", "inherit"] });
  const alsoEnded = new Promise((resolve) => second.once("close", resolve));
  assert.throws(() => execFileSync("sh", ["-c", script.replace("-w 60", "-n")], { stdio: "ignore" }));
  first.stdin.end("\n");
  await Promise.all([ended, alsoEnded]);
  assert.equal(readFileSync(join(folder, "order"), "utf8"), "first\nsecond\n");
});
