import assert from "node:assert/strict";
import { test } from "node:test";
import { freePorts } from "../../lab/ports";
import { PulumiProject, repository } from "../../lab/project";
import { asking, ended } from "../support/rack";

test("examples/lab, as `pulumi up` at the root runs it", async () => {
  const project = new PulumiProject("pulumi-pxe-lab", repository);
  try {
    const settings = { cidr: "127.77.0.0/24", installer: project.folder, ...(await freePorts()) };
    for (const name of ["linux", "initrd.gz"]) project.file(name, name);
    for (const [key, value] of Object.entries(settings)) {
      ended(await project.run("config", "set", `lab:${key}`, String(value)));
    }
    assert.match(ended(await project.up()), /\+ 6 created/);
    const hosts = await asking(project, async (agent) => ({ fresh: await agent.host("fresh"), settled: await agent.host("settled") }));
    assert.equal(hosts.fresh.nextBoot.action, "install");
    assert.equal(hosts.settled.nextBoot.action, "local");
    const document = await asking(project, (agent) => agent.document("host", "fresh"));
    const preseed = document.kind === "host" ? document.spec.rendered["preseed.cfg"] : undefined;
    assert.match(preseed ?? "", /^d-i preseed\/early_command string wget .*stage=installing/m);
    assert.match(preseed ?? "", /^d-i passwd\/root-password-crypted password ‹secret:rootPasswordHash\|preseed›$/m);
    assert.match(preseed ?? "", /^d-i preseed\/late_command string .*\/done\/‹token›/m);
    assert.ok(!preseed?.includes("mirror/http"));
    assert.match(ended(await project.up()), /6 unchanged/);
    ended(await project.destroy());
  } finally {
    project.close();
  }
});
