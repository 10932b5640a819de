import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { changedTarget, ensureAgent, observeAgent, removeAgent, type DeployRequest } from "../../provider/deploy/agent";
import { controlClient } from "../../provider/deploy/control";
import { generateControlKey } from "../../provider/deploy/keys";
import { processLimits } from "../../provider/deploy/local-limits";
import { localPaths } from "../../provider/deploy/local-paths";
import { endProcess, isAlive, startedAt } from "../../provider/deploy/process-mark";
import { PxeError } from "../../provider/errors";
import { serverSpec } from "../../provider/model/documents";
import { fakeBundle } from "../support/fake-bundle";

const owner = "demo/dev";
const controlKey = generateControlKey();
const server = serverSpec.parse({ interfaces: ["lo"], dhcpPort: 6767, tftpPort: 6969, httpPort: 18080 });
let folder = "";
let lines: string[] = [];
const saved = { state: process.env["XDG_STATE_HOME"], form: process.env["PXE_LOCAL_PROCESS"] };

before(() => {
  process.env["PXE_LOCAL_PROCESS"] = "1";
});
after(() => {
  for (const [name, value] of [["XDG_STATE_HOME", saved.state], ["PXE_LOCAL_PROCESS", saved.form]] as const) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pxe-local-"));
  process.env["XDG_STATE_HOME"] = folder;
  lines = [];
});
afterEach(async () => {
  const mark = markOf();
  if (mark !== undefined) await endProcess(mark);
  rmSync(folder, { recursive: true, force: true });
});

function markOf(): { pid: number; startedAt: string; bundle: string } | undefined {
  const { state } = localPaths();
  return existsSync(state) ? (JSON.parse(readFileSync(state, "utf8")) as { pid: number; startedAt: string; bundle: string }) : undefined;
}

function request(bundle: { version?: string; behaviour?: "serve" | "die" } = {}, more: Partial<DeployRequest> = {}): DeployRequest {
  const bundleFolder = fakeBundle(join(folder, "dist", `${bundle.version ?? "1.0.0"}-${bundle.behaviour ?? "serve"}`), bundle);
  return { target: "local", owner, controlKey, server, bundleFolder, progress: (line) => lines.push(line), ...more };
}

/** Every path with its size and time, but the log. */
function listing(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.endsWith("agent.log"))
    .map((name) => `${name} ${statSync(join(root, name)).mtimeMs}`)
    .sort();
}

async function put(name: string, by: string): Promise<void> {
  const client = controlClient({ kind: "local" }, controlKey);
  await client.apply({ owner: by, put: [{ kind: "server", name, owner: by, spec: { interfaces: ["lo"] } }] });
  client.close();
}

async function names(): Promise<string[]> {
  const client = controlClient({ kind: "local" }, controlKey);
  const documents = await client.documents();
  client.close();
  return documents.map((document) => document.name);
}

describe("the agent as a plain process", () => {
  test("starts, is found again, and a second run changes nothing", async () => {
    const deployed = await ensureAgent(request());
    assert.equal(deployed.init, "process");
    assert.equal(deployed.hostKey, null);
    const before = listing(localPaths().root);
    lines = [];
    assert.deepEqual(await ensureAgent(request()), deployed);
    assert.deepEqual(lines, []);
    assert.deepEqual(listing(localPaths().root), before);
    const observed = await observeAgent({ target: "local", controlKey });
    assert.equal(observed.bundle, deployed.bundle);
    assert.equal(observed.running, true);
    assert.equal(statSync(localPaths().data).mode & 0o777, 0o700);
  });

  test("is refused what a plain process can't see to, before anything is made", async () => {
    const settings = { server: { ...server, gateway: { nat: true } }, firewall: "manage" } as const;
    await assert.rejects(ensureAgent(request({}, settings)), (error: unknown) => {
      assert.ok(error instanceof PxeError);
      assert.deepEqual(error.findings.map((item) => [item.code, item.where[0]?.property]), [["PXE_UNSUPPORTED_TARGET", "gateway.nat"], ["PXE_UNSUPPORTED_TARGET", "firewall"]]);
      return !changedTarget(error);
    });
    assert.equal(existsSync(localPaths().root), false);
    const judged = (forwards: boolean): unknown[] => processLimits({ gateway: { nat: false }, firewall: "check" }, "server", () => forwards).map((item) => item.where);
    assert.deepEqual([judged(true), judged(false)], [[], [[{ document: "server", property: "gateway" }]]]);
  });

  test("gets nothing of the operator's environment that may be a secret", async () => {
    process.env["PULUMI_CONFIG_PASSPHRASE"] = "hunter2";
    try {
      await ensureAgent(request());
      assert.ok(!readFileSync(`/proc/${String(markOf()?.pid)}/environ`, "utf8").includes("hunter2"));
    } finally {
      delete process.env["PULUMI_CONFIG_PASSPHRASE"];
    }
  });

  test("is started again after it was ended", async () => {
    await ensureAgent(request());
    const mark = markOf();
    assert.ok(mark !== undefined);
    await endProcess(mark);
    assert.equal((await observeAgent({ target: "local", controlKey })).running, false);
    await ensureAgent(request());
    assert.equal((await observeAgent({ target: "local", controlKey })).running, true);
  });

  test("an upgrade replaces it; one that dies at once gives its last lines and brings the old one back", async () => {
    const first = await ensureAgent(request({ version: "1.0.0" }));
    const second = await ensureAgent(request({ version: "1.1.0" }));
    assert.notEqual(first.bundle, second.bundle);
    await assert.rejects(ensureAgent(request({ version: "1.2.0", behaviour: "die" })), (error: unknown) => {
      assert.ok(error instanceof PxeError);
      assert.equal(error.code, "PXE_AGENT_DIED");
      assert.match(error.message, /the database is a teapot/);
      assert.ok(changedTarget(error));
      return true;
    });
    assert.equal((await observeAgent({ target: "local", controlKey })).bundle, second.bundle);
    assert.ok(lines.some((line) => line.includes("serves again")));
  });

  test("one that serves though the state file names the one before: it is kept, and a removal ends both", async () => {
    await ensureAgent(request());
    const mark = markOf() ?? assert.fail("nothing runs");
    // As a deployment leaves it that is cut off just after a hand-over: the one before drains.
    const before = spawn("sleep", ["60"]);
    try {
      const draining = { pid: before.pid ?? 0, startedAt: await startedAt(before.pid ?? 0) };
      writeFileSync(localPaths().state, JSON.stringify({ ...mark, ...draining, bundle: "0".repeat(64), version: "0.9.0" }));
      lines = [];
      await ensureAgent(request());
      assert.deepEqual([lines, markOf()?.pid, isAlive(mark)], [[], mark.pid, true]);
      writeFileSync(localPaths().state, JSON.stringify({ ...mark, ...draining, bundle: "0".repeat(64), version: "0.9.0" }));
      await removeAgent({ target: "local", owner, controlKey, progress: () => undefined });
      assert.deepEqual([isAlive(mark), isAlive(draining)], [false, false]);
    } finally {
      before.kill();
    }
  });

  test("an older package does not replace a newer agent unless it is told to", async () => {
    await ensureAgent(request({ version: "2.0.0" }));
    await assert.rejects(ensureAgent(request({ version: "1.9.0" })), { code: "PXE_AGENT_NEWER" });
    const deployed = await ensureAgent(request({ version: "1.9.0" }, { allowDowngrade: true }));
    assert.equal(deployed.agentVersion, "1.9.0");
  });

  test("all that is wrong is found at once and nothing is done", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    try {
      const address = taken.address();
      assert.ok(address !== null && typeof address !== "string");
      const wrong = serverSpec.parse({ interfaces: ["lo", "nosuch0"], dhcpPort: 6767, tftpPort: 6969, httpPort: address.port });
      await assert.rejects(ensureAgent(request({}, { server: wrong })), (error: unknown) => {
        assert.ok(error instanceof PxeError);
        assert.deepEqual(error.findings.map((item) => item.code).sort(), ["PXE_NO_INTERFACE", "PXE_PORT_TAKEN"]);
        assert.ok(error.message.includes(`pid ${String(process.pid)}`));
        assert.ok(!changedTarget(error));
        return true;
      });
      assert.ok(!existsSync(localPaths().root));
    } finally {
      taken.close();
    }
  });

  test("a state folder whose socket path is too long is refused, with what to set", async () => {
    process.env["XDG_STATE_HOME"] = join(folder, "x".repeat(100));
    await assert.rejects(ensureAgent(request()), /XDG_STATE_HOME/);
  });

  test("removal keeps the database and says why; what is gone is no error; the next deployment carries on", async () => {
    await ensureAgent(request());
    await put("rack1", owner);
    const mark = markOf();
    mkdirSync(localPaths().assets);
    writeFileSync(join(localPaths().assets, "a".repeat(64)), "kernel");
    const removal = { target: "local", owner, controlKey, progress: (line: string) => lines.push(line) } as const;
    await removeAgent(removal);
    assert.ok(mark !== undefined && !isAlive(mark));
    const { root, data, kept } = localPaths();
    assert.deepEqual(readdirSync(root).sort(), ["KEPT.txt", "data"]);
    assert.deepEqual(readdirSync(data), ["documents.json"]);
    assert.match(readFileSync(kept, "utf8"), /is not wiped/);
    assert.equal(readFileSync(join(data, "documents.json"), "utf8"), "[]");
    await removeAgent(removal);
    await ensureAgent(request());
    assert.ok(!existsSync(kept));
  });

  test("removal is refused while another owner has documents, and names them", async () => {
    await ensureAgent(request());
    await put("rack1", owner);
    await put("rack2", "other/prod");
    const removal = { target: "local", owner, controlKey, progress: () => undefined } as const;
    await assert.rejects(removeAgent(removal), (error: unknown) => error instanceof PxeError && error.code === "PXE_SERVER_SHARED" && /other\/prod \(server\/rack2\)/.test(error.message));
    assert.equal((await observeAgent({ target: "local", controlKey })).running, true);
  });

  test("removal of an agent that is silent leaves word for the next one, once", async () => {
    await ensureAgent(request());
    await put("rack1", owner);
    const { bundles, data, forget, kept, log } = localPaths();
    const removal = { target: "local", owner, controlKey, progress: (line: string) => lines.push(line) } as const;
    for (let round = 0; round < 2; round++) {
      const mark = markOf();
      if (mark !== undefined) await endProcess(mark);
      await removeAgent(removal);
      assert.equal(readFileSync(forget, "utf8"), `${owner}\n`);
      assert.equal(statSync(forget).mode & 0o777, 0o600);
      assert.deepEqual(readdirSync(data).sort(), ["documents.json", "forget"]);
      assert.ok(existsSync(kept) && !existsSync(bundles));
      // As if it had been interrupted near its end.
      writeFileSync(log, "");
      rmSync(kept);
    }
  });

  test("what another resource of the owner has taken over stays", async () => {
    await ensureAgent(request());
    await put("rack1", owner);
    await put("rack2", owner);
    const removal = { target: "local", owner, controlKey, progress: (line: string) => lines.push(line) } as const;
    await removeAgent({ ...removal, document: { name: "rack1", rev: 1 } });
    assert.deepEqual(await names(), ["rack2"]);
    assert.ok(lines.some((line) => line.includes("server/rack2")));
    await removeAgent({ ...removal, document: { name: "rack2", rev: 1 } });
    assert.deepEqual(await names(), ["rack2"]);
    await removeAgent({ ...removal, document: { name: "rack2", rev: 2 } });
    assert.equal((await observeAgent({ target: "local", controlKey })).running, false);
  });

  test("another owner's agent is neither replaced nor removed", async () => {
    await ensureAgent(request());
    await put("rack1", owner);
    const before = listing(localPaths().root);
    const other = { version: "2.0.0" };
    await assert.rejects(ensureAgent(request(other, { owner: "other/prod", document: { name: "rack9" } })), (error: unknown) => {
      assert.ok(error instanceof PxeError);
      assert.equal(error.code, "PXE_OWNED_BY_OTHER");
      assert.ok(!changedTarget(error));
      return true;
    });
    await removeAgent({ target: "local", owner: "other/prod", controlKey, progress: () => undefined });
    assert.deepEqual(listing(localPaths().root), before);
    assert.deepEqual(await names(), ["rack1"]);
  });

  test("it is found and removed by the form it was deployed in, whatever one would be chosen now", async () => {
    await ensureAgent(request());
    Reflect.deleteProperty(process.env, "PXE_LOCAL_PROCESS");
    try {
      assert.equal((await observeAgent({ target: "local", controlKey, init: "process" })).running, true);
      await removeAgent({ target: "local", owner, controlKey, init: "process", progress: () => undefined });
      assert.equal(markOf(), undefined);
    } finally {
      process.env["PXE_LOCAL_PROCESS"] = "1";
    }
  });
});

test("a process is not taken for a later one of the same id", async () => {
  const mark = { pid: process.pid, startedAt: await startedAt(process.pid) };
  assert.ok(isAlive(mark));
  assert.ok(!isAlive({ ...mark, startedAt: "1" }));
  assert.ok(!isAlive({ pid: 2 ** 22 + 1, startedAt: "1" }));
});
