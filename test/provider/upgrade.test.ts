import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot } from "../../lab/project";
import { localFile } from "../../provider/deploy/payload";
import { bundleCopy } from "../support/bundle-copy";
import { asking, db1, db2, ended, withRack, type Rack } from "../support/rack";

/** `npm i pulumi-pxe@VERSION`: the same code, with another agent. */
async function install(rack: Rack, version: string, first = ""): Promise<string> {
  const there = join(rack.folder, "node_modules", "pulumi-pxe");
  rmSync(there, { recursive: true, force: true });
  for (const folder of ["sdk", "provider"]) cpSync(join(packageRoot, "dist", folder), join(there, "dist", folder), { recursive: true });
  const description = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { dependencies: object };
  writeFileSync(join(there, "package.json"), JSON.stringify({ ...description, version }));
  mkdirSync(join(there, "node_modules", "@pulumi"), { recursive: true });
  for (const name of [...Object.keys(description.dependencies), "@pulumi/pulumi"]) symlinkSync(join(packageRoot, "node_modules", name), join(there, "node_modules", name));
  return (await localFile(join(bundleCopy(join(there, "dist", "agent"), version, first), "pxe-agent.cjs"))).sha256;
}

const running = (rack: Rack): { pid: number; bundle: string } =>
  JSON.parse(readFileSync(join(rack.stateHome, "pulumi-pxe", "agent", "agent.json"), "utf8")) as { pid: number; bundle: string };

test("a newer package: the plan shows version and bundle, up has it take over and arms nothing; a broken one leaves the old one; an older one is refused", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [db1, { ...db2, more: 'install: "never"' }] });
    const first = await install(rack, "7.0.0");
    ended(await rack.up());
    await asking(rack, (agent) => agent.installed("db1"));
    ended(await rack.refresh());
    const before = running(rack);
    assert.equal(before.bundle, first);
    const generations = async (): Promise<unknown> => asking(rack, async (agent) => Promise.all(["db1", "db2"].map(async (name) => {
      const { state, nextBoot, since } = await agent.host(name);
      return { state, action: nextBoot.action, since };
    })));
    const hosts = await generations();

    const second = await install(rack, "7.1.0");
    const plan = ended(await rack.preview());
    assert.match(plan, /version\s*: "7\.0\.0" => "7\.1\.0"/);
    assert.match(plan, new RegExp(`bundle\\s*: "${first}" => "${second}"`));
    assert.match(plan, /~ 1 to update\n\s+5 unchanged/);
    const said = ended(await rack.up());
    assert.match(said, /~ 1 updated\n\s+5 unchanged/);
    const after = running(rack);
    assert.equal(after.bundle, second);
    assert.notEqual(after.pid, before.pid);
    assert.match(readFileSync(join(rack.stateHome, "pulumi-pxe", "agent", "agent.log"), "utf8"), /another agent has taken over: this one ends when its transfers have/);
    assert.equal(rack.state().get("rack1")?.outputs["agentVersion"], "7.1.0");
    assert.deepEqual(await generations(), hosts);

    await install(rack, "7.2.0", "throw new Error('the new one is broken');");
    const broken = await rack.up();
    assert.notEqual(broken.status, 0);
    assert.match(broken.text, /PXE_AGENT_DIED.*\n?[^]*the new one is broken/);
    assert.match(broken.text, /was not stopped, and serves on/);
    assert.deepEqual(running(rack), after);

    await install(rack, "6.9.0");
    assert.match((await rack.up()).text, /PXE_AGENT_NEWER/);
    assert.deepEqual(running(rack), after);
  });
});
