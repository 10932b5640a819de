import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot, PulumiProject } from "../../lab/project";
import { asking, ended } from "../support/rack";

const folder = join(packageRoot, "test", "fixtures", "state");
const versions = readdirSync(folder).filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));

assert.ok(versions.includes("0.1.0"));

for (const version of versions) {
  test(`the state that version ${version} wrote is refreshed, updated and destroyed, nothing replaced and nothing armed`, async () => {
    const project = new PulumiProject();
    try {
      for (const name of ["linux", "initrd.gz", "pxelinux.0", "ldlinux.c32"]) project.file(name, `stands in for ${name}\n`);
      project.file("done", "");
      project.program(readFileSync(join(folder, `${version}.js`), "utf8"));
      await project.imported(readFileSync(join(folder, `${version}.json`), "utf8"));
      const declared = [...project.state().keys()].sort();

      const plan = ended(await project.preview());
      assert.ok(!/replace|to create|to delete/.test(plan), plan);
      // What a program doesn't say changes nothing: an upgrade brings another agent, and after 0.1.0 a shorter text of the provider.
      const changed = [...plan.matchAll(/^ +[~+-] (\w+) *:/gm)].map(([, property = ""]) => property);
      assert.deepEqual(changed.filter((property) => !["__provider", "agent", "bundle", "version"].includes(property)), [], plan);

      // The machine that it tells of is gone, its agent and all that it knew with it.
      ended(await project.refresh());
      assert.equal(project.state().get("rack1")?.outputs["drift"], "no agent is installed on the target");
      const mended = ended(await project.up());
      assert.ok(!/replaced|created|deleted/.test(mended.replace(/^@.*$/gm, "")), mended);
      assert.deepEqual([...project.state().keys()].sort(), declared);
      await asking(project, async (agent) => {
        assert.equal((await agent.host("installed")).state, "installed");
        for (const name of ["armed", "settled"]) assert.equal((await agent.host(name)).state, "adopted", `${name}: a fresh agent can't know whether its order was followed`);
        assert.deepEqual((await agent.host("installed")).consumed, ["first"]);
      });
      assert.match(ended(await project.refresh()), /unchanged/);
      const settled = ended(await project.up());
      assert.match(settled, /^ +\d+ unchanged$/m);

      ended(await project.destroy());
      assert.equal(project.state().size, 0);
    } finally {
      project.close();
    }
  });
}
