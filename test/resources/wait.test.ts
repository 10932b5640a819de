import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pxeError } from "../../provider/errors";
import type { HostStatus } from "../../provider/model/control";
import { adapt } from "../../provider/resources/adapter";
import { Connections } from "../../provider/resources/connections";
import type { Plain } from "../../provider/resources/definition";
import { Waiting } from "../../provider/resources/wait-hosts";
import { knownHosts } from "../../provider/resources/wait-known-hosts";
import { HostWatch } from "../../provider/resources/wait-watch";
import { resources } from "../../provider/resources/wiring";
import { FakeDeploy } from "../support/fake-deploy";
import { hostStatus } from "../support/host-status";
import { hostInputs, InstallerFiles, Operation, serverInputs, subnetInputs } from "../support/operation";

const local = { server: "PxeServer::rack1", connection: { kind: "local" }, controlKey: "key" } as const;

/** What each look gives, in turn; the last one for ever. */
type Looks = readonly (readonly HostStatus[] | Error)[];

interface Setting {
  readonly hosts?: readonly string[];
  readonly until?: "installed" | "up";
  readonly timeout?: number;
  readonly cancelled?: AbortSignal;
}

async function waited(looks: Looks, { hosts = ["db1"], until = "installed", timeout = 60_000, cancelled = new AbortController().signal }: Setting = {}): Promise<string[]> {
  const lines: string[] = [];
  let next = 0;
  const look = async (): Promise<readonly HostStatus[]> => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const given = looks[Math.min(next++, looks.length - 1)];
    if (given instanceof Error) throw given;
    return given ?? [];
  };
  await new Waiting({ owner: "lab/dev", name: "racked", servers: [{ ...local, hosts }], until, timeout }, { look }, (line) => lines.push(line)).end(cancelled);
  return lines;
}

const armed = hostStatus("db1", "armed");
const installed = hostStatus("db1", "installed");

describe("a wait", () => {
  test("ends when all its hosts are installed, or up", async () => {
    await waited([[armed], [installed]]);
    await waited([[hostStatus("db1", "up")]]);
    await waited([[armed, hostStatus("db2", "installed")], [installed, hostStatus("db2", "up")]], { hosts: ["db1", "db2"] });
    const lines = await waited([[installed], [hostStatus("db1", "up", { since: 3000 })]], { until: "up" });
    assert.deepEqual(lines, ["db1: installed → up after 2 s"]);
  });

  test("goes on while the agent can't be reached, and says so once", async () => {
    const gone = pxeError("PXE_AGENT_UNREACHABLE", "nothing answers");
    const lost = pxeError("PXE_CONNECTION_LOST", "broken");
    const lines = await waited([[armed], gone, lost, gone, [armed], [installed]]);
    assert.equal(lines.filter((line) => /rack1 doesn't answer/.test(line)).length, 1, lines.join("\n"));
    assert.equal(lines.filter((line) => line === "rack1 answers again").length, 1);
  });

  test("ends with what no patience mends", async () => {
    await assert.rejects(waited([[armed], pxeError("PXE_HOST_KEY_CHANGED", "another key")]), /PXE_HOST_KEY_CHANGED/);
    await assert.rejects(waited([new TypeError("a defect")]), TypeError);
  });

  test("ends at once with the reason when a host failed, though others are under way", async () => {
    const failed = hostStatus("db2", "failed", { reason: "rebooted in mid-install" });
    await assert.rejects(waited([[armed, failed]], { hosts: ["db1", "db2"] }), /PXE_INSTALL_FAILED: db2 failed: rebooted in mid-install \(host\/db2\)\. .*reinstall/);
  });

  test("ends when a host will never be installed as it is", async () => {
    const superseded = hostStatus("db1", "armed", { nextBoot: { action: "ignore", reason: "host/db2 took over one of its MACs" } });
    await assert.rejects(waited([[superseded]]), /db1 is not served: host\/db2 took over/);
    const expired = hostStatus("db1", "armed", { nextBoot: { action: "local", reason: "its arming has expired" } });
    await assert.rejects(waited([[expired]]), /its arming has expired/);
    await assert.rejects(waited([[]]), /PXE_NOT_FOUND: db1 is no longer declared/);
    await assert.rejects(waited([[hostStatus("db1", "installed", { owner: "other/dev" })]]), /PXE_NOT_FOUND/, "another owner's host is another host");
  });

  test("takes an adopted host as it is, and says so", async () => {
    const lines = await waited([[hostStatus("db1", "adopted", { reason: 'declared with install: "never"' })]], { until: "up" });
    assert.match(lines.join(), /db1 is not being installed: declared with install: "never"/);
  });

  test("that takes too long names each host that isn't there", async () => {
    const since = Date.now() - 60_000;
    const looks = [[hostStatus("db1", "armed", { since }), hostStatus("db2", "installed"), hostStatus("db3", "wiping", { since })]];
    const error = waited(looks, { hosts: ["db1", "db2", "db3"], timeout: 50 });
    await assert.rejects(error, /PXE_WAIT_TIMEOUT: 2 of 3 hosts not installed after 0 s: db1 is armed for 1 min \(it installs at its next network boot\); db3 is wiping for 1 min \(its installer goes on\) \(wait\/racked timeout\)/);
    await assert.rejects(waited([pxeError("PXE_HOST_UNREACHABLE", "no route")], { timeout: 50 }), /db1 \(its server never answered\)/);
  });

  test("ends at once when the operation is cancelled, also before it began", async () => {
    const controller = new AbortController();
    const wait = waited([[armed]], { cancelled: controller.signal });
    setTimeout(() => { controller.abort(); }, 20);
    await assert.rejects(wait, /PXE_INTERRUPTED: stopped waiting after 0 s: 0 of 1 installed, 1 armed/);
    await assert.rejects(waited([[armed]], { cancelled: controller.signal }), /PXE_INTERRUPTED/);
  });
});

test("known_hosts lines name the machine's address and name; complete ones stay as they are", () => {
  const sshHostKeys = ["ssh-ed25519 AAAA root@db1", "db1.example ssh-rsa BBBB"];
  assert.deepEqual(knownHosts({ name: "db1", address: "10.0.0.1", sshHostKeys }), ["10.0.0.1,db1 ssh-ed25519 AAAA", "db1.example ssh-rsa BBBB"]);
  assert.deepEqual(knownHosts({ name: "db1", address: null, sshHostKeys: ["ssh-rsa CCCC"] }), ["db1 ssh-rsa CCCC"]);
});

const inputs = (more: Plain = {}): Plain => ({
  __provider: "text", owner: "lab/dev", self: "InstallWait::racked", controlKeys: ["a key"],
  servers: [{ server: "PxeServer::rack1", connection: { kind: "local" }, orders: { db1: "" } }], ...more,
});

/** An agent that holds db1, which its first installation is ordered of. */
async function declared(work: (deploy: FakeDeploy, run: Operation) => Promise<void>): Promise<void> {
  const files = new InstallerFiles();
  const deploy = new FakeDeploy();
  const run = new Operation(deploy);
  try {
    await run.created("server", serverInputs());
    await run.created("subnet", subnetInputs());
    await run.created("profile", files.profile());
    await run.created("host", hostInputs());
    await work(deploy, run);
  } finally {
    files.remove();
  }
}

function settle(deploy: FakeDeploy, state: "installed" | "failed"): void {
  deploy.facts = deploy.facts.map((facts) => ({ ...facts, state, reason: "no disk", sshHostKeys: ["ssh-ed25519 AAAA"] }));
}

describe("InstallWait", () => {
  test("refuses what it can't wait for, naming the property", async () => {
    const { check } = adapt(resources(new FakeDeploy()).wait);
    const reasons = async (more: Plain): Promise<string> => (await check({}, inputs(more))).failures.map((item) => item.reason).join("\n");
    assert.equal(await reasons({}), "");
    assert.match(await reasons({ until: "up" }), /PXE_INPUT_INVALID: until "up" can't be waited for yet.*wait\/racked until.*Wait for "installed"/);
    assert.match(await reasons({ timeout: "soon" }), /PXE_INPUT_INVALID: timeout is neither.*wait\/racked timeout/);
    assert.match(await reasons({ timeout: "3w" }), /longer than two weeks/);
    assert.match(await reasons({ until: "booted" }), /wait\/racked until/);
    const [server] = inputs()["servers"] as [Plain];
    assert.match(await reasons({ servers: [server, { ...server, server: "PxeServer::rack2" }] }), /PXE_DUPLICATE: two of the hosts, on different servers, are called db1/);
    assert.equal(await reasons({ servers: "04da6b54-80e4-46f7-96ec-b56ff0331ba9", controlKeys: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" }), "");
  });

  test("returns what is known of its hosts, little of it, and all that a refresh needs", async () => {
    await declared(async (deploy) => {
      settle(deploy, "installed");
      const { outs, id } = await adapt(resources(deploy).wait).create(inputs());
      assert.equal(id, "wait/racked");
      assert.deepEqual(outs["sshHostKeys"], ["10.77.0.11,db1 ssh-ed25519 AAAA"]);
      assert.deepEqual(outs["hosts"], { db1: { state: "installed", address: "10.77.0.11", installedAt: null, sshHostKeys: ["ssh-ed25519 AAAA"] } });
      const { props } = await adapt(resources(deploy).wait).read("wait/racked", outs);
      assert.deepEqual(props, outs);
      assert.deepEqual(await adapt(resources(deploy).wait).diff("", outs, inputs()), { replaces: [] });
    });
  });

  test("that failed is kept unfinished, also through a refresh, and goes on at the next up", async () => {
    await declared(async (deploy) => {
      settle(deploy, "failed");
      const failure = await adapt(resources(deploy).wait).create(inputs()).then(() => assert.fail("it ended well"), (error: unknown) => error as { id: string; properties: Plain });
      assert.equal(failure.id, "wait/racked");
      assert.equal(failure.properties["__provider"], "text");
      const { props } = await adapt(resources(deploy).wait).read("wait/racked", failure.properties);
      const next = adapt(resources(deploy).wait);
      assert.equal((await next.diff("", props, inputs())).changes, true);
      const armings = deploy.armings();
      settle(deploy, "installed");
      const { outs } = await next.update("", props, inputs());
      assert.deepEqual(await next.diff("", outs, inputs()), { replaces: [] });
      assert.deepEqual(deploy.armings(), armings, "a wait orders nothing");
    });
  });

  test("is deleted without a word to the agent, and refreshed only where it can be reached", async () => {
    await declared(async (deploy) => {
      settle(deploy, "installed");
      const { outs } = await adapt(resources(deploy).wait).create(inputs());
      deploy.failure = pxeError("PXE_HOST_UNREACHABLE", "no route");
      const { clients } = deploy;
      await adapt(resources(deploy).wait).delete("", outs);
      assert.equal(deploy.clients, clients);
      await assert.rejects(adapt(resources(deploy).wait).read("", outs), /PXE_HOST_UNREACHABLE/);
      deploy.failure = pxeError("PXE_AGENT_UNREACHABLE", "it doesn't run");
      assert.deepEqual((await adapt(resources(deploy).wait).read("", outs)).props, outs, "its server's refresh tells that");
    });
  });

  test("is not ended by what was so before an order: it looks after it began, and waits share a look", async () => {
    await declared(async (deploy) => {
      settle(deploy, "installed");
      const watch = new HostWatch(new Connections(deploy));
      const [one, two] = [watch.look(local, true), watch.look(local, true)];
      assert.equal(one, two);
      deploy.facts = deploy.facts.map((facts) => ({ ...facts, state: "armed" }));
      assert.equal((await one)[0]?.state, "armed");
    });
  });
});
