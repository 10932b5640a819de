import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { pxeError } from "../../provider/errors";
import type { Plain } from "../../provider/resources/definition";
import { unknownValue } from "../../provider/resources/unknown";
import { hostDocument } from "../support/documents";
import { FakeDeploy } from "../support/fake-deploy";
import { groupInputs, hostInputs, InstallerFiles, Operation, serverInputs, subnetInputs } from "../support/operation";

let files: InstallerFiles;
let deploy: FakeDeploy;

before(() => {
  files = new InstallerFiles();
});
after(() => {
  files.remove();
});
beforeEach(() => {
  deploy = new FakeDeploy();
});

const machine = (index: number, more: Plain = {}): Plain => ({ macs: [`52:54:00:00:00:0${String(index)}`], ip: `10.77.0.1${String(index)}`, ...more });
const [db1, db2, db3] = [machine(1), machine(2), machine(3)];

/** A process in which subnet and profile are checked already, and on the agent. */
async function process(): Promise<Operation> {
  const run = new Operation(deploy);
  await run.accepted("server", serverInputs());
  await run.created("subnet", subnetInputs());
  await run.created("profile", files.profile());
  return run;
}

interface Left {
  readonly inputs: Plain;
  readonly outs: Plain;
}

async function declared(inputs: Plain): Promise<Left> {
  const run = await process();
  const checked = await run.accepted("group", inputs);
  return { inputs: checked, outs: (await run.provider.group.create({ ...checked, __provider: "text" })).outs };
}

async function changed(inputs: Plain, left: Left): Promise<Left> {
  const run = await process();
  const checked = await run.accepted("group", inputs, left.inputs);
  return { inputs: checked, outs: (await run.provider.group.update("group/rack", left.outs, { ...checked, __provider: "text" })).outs };
}

const statusOf = (outs: Plain, name: string): Plain | undefined => (outs["status"] as Record<string, Plain>)[name];
const armingOf = (inputs: Plain): Plain => (inputs["arming"] ?? {}) as Plain;

describe("a group of hosts", () => {
  test("puts and arms all in one batch, and keeps of each what a later operation needs", async () => {
    const { inputs, outs } = await declared(groupInputs({ db1, db2 }));
    const batch = deploy.batches.at(-1);
    assert.deepEqual(batch?.put?.map((doc) => doc.name), ["db1", "db2"]);
    assert.deepEqual(batch.claim, [{ kind: "host", name: "db1" }, { kind: "host", name: "db2" }]);
    assert.deepEqual(deploy.armings(), ["create db1", "create db2"]);
    assert.deepEqual(Object.keys(armingOf(inputs)), ["db1", "db2"]);
    assert.deepEqual(statusOf(outs, "db1"), { rev: 3, state: "armed", installedAt: null, address: "10.77.0.11", sshHostKeys: [] });
    assert.deepEqual(outs, JSON.parse(JSON.stringify(outs)));
    for (const doc of deploy.documents) if (doc.kind === "host") assert.ok(!("dhcp" in doc.spec.rendered) && "preseed.cfg" in doc.spec.rendered);
  });

  test("arms just the host that is added, and removes just the one that goes", async () => {
    const first = await declared(groupInputs({ db1, db2 }));
    const second = await changed(groupInputs({ db1, db3 }), first);
    assert.deepEqual(deploy.armings(), ["create db1", "create db2", "create db3"]);
    assert.deepEqual(deploy.batches.at(-1)?.delete, [{ kind: "host", name: "db2", rev: statusOf(first.outs, "db2")?.["rev"] }]);
    assert.deepEqual(Object.keys(armingOf(second.inputs)), ["db1", "db3"]);
    assert.equal(armingOf(second.inputs)["db1"], armingOf(first.inputs)["db1"], "what was said stays");
    assert.equal(statusOf(second.outs, "db1")?.["rev"], statusOf(first.outs, "db1")?.["rev"]);
    await new Operation(deploy).provider.group.delete("group/rack", second.outs);
    assert.deepEqual(deploy.held().filter((name) => name.startsWith("host/")), []);
  });

  test("is the same in the next run", async () => {
    const left = await declared(groupInputs({ db1, db2 }, { secrets: { root: "x" } }));
    assert.deepEqual((await changed(groupInputs({ db1, db2 }, { secrets: { root: "x" } }), left)).inputs, left.inputs);
  });

  test("renames a host with its facts, in one batch", async () => {
    const first = await declared(groupInputs({ db1 }));
    const { outs } = await changed(groupInputs({ db9: db1 }), first);
    assert.deepEqual(deploy.facts.map((facts) => [facts.name, facts.state]), [["db9", "armed"]]);
    assert.deepEqual(Object.keys(outs["status"] as object), ["db9"]);
  });

  test("moved from resources of their own and back, hosts keep documents and orders", async () => {
    const run = await process();
    const single = await run.created("host", hostInputs("db1", db1));
    const group = await declared(groupInputs({ db1 }));
    await new Operation(deploy).provider.host.delete("host/db1", single);
    assert.ok(deploy.held().includes("host/db1"));
    const again = await process();
    const back = await again.created("host", hostInputs("db1", db1));
    await new Operation(deploy).provider.group.delete("group/rack", group.outs);
    assert.ok(deploy.held().includes("host/db1"));
    assert.deepEqual(deploy.facts.map((facts) => facts.state), ["armed"]);
    await new Operation(deploy).provider.host.delete("host/db1", back);
    assert.ok(!deploy.held().includes("host/db1"));
  });

  test("doesn't delete what another resource of the run has taken over, though its own update comes first", async () => {
    const first = await declared(groupInputs({ db1, db2 }));
    const run = await process();
    const host = await run.accepted("host", hostInputs("db1", db1));
    const checked = await run.accepted("group", groupInputs({ db2 }), first.inputs);
    await run.provider.group.update("group/rack", first.outs, checked);
    assert.deepEqual(deploy.batches.at(-1)?.delete, []);
    await run.provider.host.create(host);
    assert.equal(deploy.facts.find((facts) => facts.name === "db1")?.state, "armed");
  });

  test("deletes what has left it for a resource that never came to be", async () => {
    const first = await declared(groupInputs({ db1, db2 }));
    const run = await process();
    await run.accepted("host", hostInputs("db1", db1));
    const checked = await run.accepted("group", groupInputs({ db2 }), first.inputs);
    const { outs } = await run.provider.group.update("group/rack", first.outs, checked);
    assert.ok(deploy.held().includes("host/db1"), "the order that it has goes on");

    const { props } = await new Operation(deploy).provider.group.read("group/rack", outs);
    assert.equal(props["drift"], "db1: it left the group, and nothing has taken it over");
    const mended = await changed(groupInputs({ db2 }), { inputs: checked, outs: props });
    assert.ok(!deploy.held().includes("host/db1"));
    assert.equal(deploy.facts.find((facts) => facts.name === "db1")?.state, "adopted");
    assert.equal(mended.outs["leaving"], undefined);
    await new Operation(deploy).provider.group.delete("group/rack", outs);
    assert.deepEqual(deploy.held().filter((name) => name.startsWith("host/")), []);
  });

  test("leaves alone what another resource took over when it left", async () => {
    const first = await declared(groupInputs({ db1, db2 }));
    const run = await process();
    const host = await run.accepted("host", hostInputs("db1", db1));
    const { outs } = await run.provider.group.update("group/rack", first.outs, await run.accepted("group", groupInputs({ db2 }), first.inputs));
    await run.provider.host.create(host);
    assert.equal((await new Operation(deploy).provider.group.read("group/rack", outs)).props["drift"], undefined);
    await new Operation(deploy).provider.group.delete("group/rack", outs);
    assert.deepEqual(deploy.held().filter((name) => name.startsWith("host/")), ["host/db1"]);
  });

  test("says which of its hosts are not installed though the plan spoke of it, and not all of a thousand", async (t) => {
    const said = t.mock.method(console, "warn", () => undefined);
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`n${String(index)}`, { macs: [`52:54:00:00:01:${String(10 + index)}`] }]));
    const pools = [{ from: "10.77.0.100", to: "10.77.0.199" }];
    const declare = async (hosts: Readonly<Record<string, Plain>>): Promise<Left> => {
      const run = new Operation(deploy);
      await run.created("subnet", subnetInputs({ pools }));
      await run.created("profile", files.profile());
      const inputs = await run.accepted("group", groupInputs(hosts));
      return { inputs, outs: (await run.provider.group.create(inputs)).outs };
    };
    const { outs } = await declare(many);
    assert.equal(said.mock.callCount(), 0);
    await new Operation(deploy).provider.group.delete("group/rack", outs);
    await declare(many);
    const lines = said.mock.calls.map((call) => String(call.arguments[0]));
    assert.equal(lines.length, 11);
    assert.equal(lines[0], "n0 is not going to be installed: its server has it as adopted (host/n0 was removed before it was installed); a new `reinstall` text installs it");
    assert.equal(lines[10], "and 2 more");
  });

  test("names hosts and properties of all that is wrong", async () => {
    const run = await process();
    await run.accepted("host", hostInputs("db7", machine(7)));
    const hosts = { db1: { ...db1, colour: "red" }, db2: { ...db1, ip: "10.78.0.1" }, db3: { ...db3, macs: machine(7)["macs"] }, "not a name": db2 };
    const text = (await run.refused("group", groupInputs(hosts, { size: 3 }))).join("\n");
    for (const part of [
      "colour is not a known property (host/db1 colour)", "size is not a known property (group/rack size)", "name is not a name",
      "10.78.0.1 is not in 10.77.0.0/24 (host/db2 ip; subnet/net cidr)", "host/db3 macs[0]; host/db7 macs[0]",
    ]) assert.ok(text.includes(part), `${part} in ${text}`);
  });

  test("refuses a host that has a resource of its own too", async () => {
    const run = await process();
    await run.accepted("host", hostInputs("db1", db1));
    const [failure] = await run.refused("group", groupInputs({ db1: db2 }));
    assert.match(failure ?? "", /PXE_DUPLICATE: two resources declare host\/db1: KickstartHost::db1 and KickstartHostGroup::rack/);
  });

  test("is refused as a whole, and leaves nothing", async () => {
    const run = await process();
    const checked = await run.accepted("group", groupInputs({ db1, db2 }));
    const taken = hostDocument({ macs: ["52:54:00:00:00:02"], ip: undefined, subnet: "s", profile: "p", install: "never", rendered: {} }, "taken", "other/prod");
    deploy.documents = [...deploy.documents, { ...taken, rev: 1 }];
    await assert.rejects(run.provider.group.create(checked), /PXE_OWNED_BY_OTHER: the MAC 52:54:00:00:00:02 belongs to host\/taken of other\/prod \(host\/db2 macs\[0\]; host\/taken macs\[0\]\)/);
    assert.ok(!deploy.held().includes("host/db1"));
  });

  test("sees which host has drifted, and mends it without arming it", async () => {
    const left = await declared(groupInputs({ db1, db2, db3 }));
    deploy.documents = deploy.documents.filter((doc) => doc.name !== "db1").map((doc) => (doc.name === "db3" ? { ...doc, rev: 50 } : doc));
    const { props } = await new Operation(deploy).provider.group.read("group/rack", left.outs);
    assert.equal(props["drift"], "db1: it is missing on the agent; db3: it was changed on the agent");
    assert.equal(statusOf(props, "db3")?.["observedRev"], 50);
    const armings = deploy.armings().length;
    const { outs } = await changed(groupInputs({ db1, db2, db3 }), { inputs: left.inputs, outs: props });
    assert.equal(outs["drift"], undefined);
    assert.equal(deploy.armings().length, armings);
    assert.deepEqual((await new Operation(deploy).provider.group.read("group/rack", outs)).props, outs);
    deploy.failure = pxeError("PXE_AGENT_UNREACHABLE", "nothing answers");
    assert.equal((await new Operation(deploy).provider.group.read("group/rack", outs)).props["drift"], "the agent doesn't answer");
    deploy.failure = pxeError("PXE_HOST_UNREACHABLE", "no route");
    await assert.rejects(new Operation(deploy).provider.group.read("group/rack", outs), /PXE_HOST_UNREACHABLE/);
  });

  test("returns inputs as the agent holds them where something has drifted, so that the next plan shows just that", async () => {
    const own = { ...db2, hostname: "second", install: "never" };
    const left = await declared(groupInputs({ db1, db2: own, db3 }, { secrets: { root: "x" } }));
    assert.ok(!("inputs" in (await new Operation(deploy).provider.group.read("group/rack", left.outs))));
    deploy.documents = deploy.documents
      .filter((doc) => doc.name !== "db3")
      .map((doc) => (doc.kind === "host" && doc.name === "db1" ? { ...doc, rev: 50, spec: { ...doc.spec, ip: "10.77.0.99" } } : doc));
    const { inputs = {}, props } = await new Operation(deploy).provider.group.read("group/rack", left.outs);
    assert.deepEqual(inputs["hosts"], { db1: { ...db1, ip: "10.77.0.99" }, db2: own, db3: {} });
    assert.equal(inputs["drift"], "db1: it was changed on the agent; db3: it is missing on the agent");
    for (const key of ["self", "server", "owner", "profile", "subnet"]) assert.equal(inputs[key], left.inputs[key], key);
    const rendered = [left.inputs, inputs].map((item) => item["rendered"] as Record<string, unknown>);
    assert.deepEqual(rendered[1]?.["db2"], rendered[0]?.["db2"]);
    assert.equal(rendered[1]?.["db3"], undefined);
    const mended = await changed(groupInputs({ db1, db2: own, db3 }, { secrets: { root: "x" } }), { inputs, outs: props });
    assert.equal(armingOf(mended.inputs)["db3"], undefined, "what is missing is no first declaration");
    assert.deepEqual(deploy.armings().filter((arming) => arming.endsWith("db3")), ["create db3"]);
    assert.deepEqual(deploy.documents.flatMap((doc) => (doc.kind === "host" ? [doc.spec.secrets] : [])), [{ root: "x" }, { root: "x" }, { root: "x" }]);
  });

  test("moves to another stack's name as a whole, also what leaves it at the same time", async () => {
    const left = await declared(groupInputs({ db1, db2 }));
    const run = new Operation(deploy);
    const owner = { owner: "lab/prod" };
    await run.created("subnet", subnetInputs({ ...owner, cidr: "10.77.0.0/24" })).catch(() => undefined);
    deploy.documents = deploy.documents.map((doc) => (doc.kind === "host" ? doc : { ...doc, owner: "lab/prod" }));
    await run.created("profile", files.profile(owner));
    const checked = await run.accepted("group", groupInputs({ db1 }, owner), left.inputs);
    await run.provider.group.update("group/rack", left.outs, checked);
    assert.deepEqual(deploy.documents.filter((doc) => doc.kind === "host").map((doc) => [doc.owner, doc.name]), [["lab/prod", "db1"]]);
    assert.deepEqual(deploy.facts.filter((facts) => facts.owner === "lab/prod").map((facts) => facts.state), ["armed"]);
  });

  test("shares secrets, and keeps a digest of each where it stands", async () => {
    const hosts = { db1, db2: { ...db2, secrets: { root: "own", disk: "more" } } };
    const { inputs } = await declared(groupInputs(hosts, { secrets: { root: "shared" } }));
    assert.deepEqual(Object.keys(inputs["secretDigests"] as object), ["root"]);
    assert.deepEqual(Object.keys((inputs["hostSecretDigests"] as { db2: object }).db2), ["root", "disk"]);
    const secrets = deploy.documents.flatMap((doc) => (doc.kind === "host" ? [doc.spec.secrets] : []));
    assert.deepEqual(secrets, [{ root: "shared" }, { root: "own", disk: "more" }]);
  });

  test("keeps digests only where that is asked for, and pushes the texts nevertheless", async () => {
    const { inputs } = await declared(groupInputs({ db1 }, { renderedDetail: "digest" }));
    const rendered = (inputs["rendered"] as { db1: Record<string, string> }).db1;
    assert.deepEqual(Object.keys(rendered).sort(), ["bios/pxelinux.cfg", "bios/pxelinux.local.cfg", "dhcp", "preseed.cfg"]);
    for (const value of Object.values(rendered)) assert.match(value, /^sha256:[0-9a-f]{16} \d+ bytes$/);
    const host = deploy.documents.find((doc) => doc.kind === "host");
    assert.equal(host?.spec.rendered["preseed.cfg"], "d-i netcfg/get_hostname string db1\n");
    // Without the profile in this process there is nothing that could be pushed.
    await assert.rejects(new Operation(deploy).provider.group.create({ ...groupInputs({ db1 }, inputs), link: undefined }), /PXE_UNKNOWN_REFERENCE: host\/db1 can't be declared/);
  });

  test("plans what is known where a host or all of them are not", async () => {
    const run = await process();
    const part = await run.accepted("group", groupInputs({ db1, db2: unknownValue as unknown as Plain }));
    assert.equal((part["rendered"] as Plain)["db2"], unknownValue);
    assert.match(String(armingOf(part)["db2"]), /^MAY INSTALL at its next network boot: what it is declared as is ‹known after apply›/);
    assert.equal(typeof (part["rendered"] as { db1: Plain }).db1["preseed.cfg"], "string");
    const none = await (await process()).accepted("group", { ...groupInputs({}), hosts: unknownValue });
    assert.equal(none["rendered"], unknownValue);
    assert.match(String(armingOf(none)["rack"]), /^MAY INSTALL at its next network boot: its hosts are ‹known after apply›/);
  });

  test("doesn't push digests where whole texts are asked for again and its profile is left out of the run", async () => {
    const digest = await declared(groupInputs({ db1 }, { renderedDetail: "digest" }));
    const run = new Operation(deploy);
    const checked = await run.accepted("group", groupInputs({ db1 }), digest.inputs);
    await assert.rejects(run.provider.group.update("group/rack", digest.outs, checked), /PXE_UNKNOWN_REFERENCE: host\/db1 can't be declared/);
  });
});
