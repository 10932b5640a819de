import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../support/eventually";
import { Installer } from "../support/installer";
import { asking, db1, db2, ended, withRack, type Rack, type RackHost } from "../support/rack";
import { whileUp } from "../support/running";

const racked = `new pxe.InstallWait("racked", { hosts: [db1, db2], timeout: "5m" });`;

/** Two hosts with more arguments, and more statements. */
function shape(rack: Rack, args: { readonly db1?: string; readonly db2?: string; readonly more?: string }): void {
  const host = ({ name, mac, ip }: RackHost, more = ""): string =>
    `const ${name} = new pxe.KickstartHost("${name}", { server, subnet, profile, macs: ["${mac}"], ip: "${ip ?? ""}", ${more} });`;
  rack.shape({ hosts: [], more: `${host(db1, args.db1)}\n${host(db2, args.db2)}\n${args.more ?? racked}` });
}

async function install(rack: Rack, ...names: readonly string[]): Promise<void> {
  await asking(rack, async (agent) => {
    for (const name of names) await agent.installed(name);
  });
}

/** In the state that an interrupted creation left as in any other. */
function assertKeysSecret(rack: Rack): void {
  const { inputs, outputs } = rack.state().get("racked") ?? assert.fail("no racked in the state");
  for (const values of [inputs, outputs]) assert.match(JSON.stringify(values["controlKeys"]), /^\{"4dabf18193072939515e22adb298388d":"[0-9a-f]+","ciphertext":"[^"]+"\}$/);
}

function agentPid(rack: Rack): number {
  return (JSON.parse(readFileSync(join(rack.stateHome, "pulumi-pxe", "agent", "agent.json"), "utf8")) as { pid: number }).pid;
}

/** The agent takes what it is sent, and does nothing about it. */
async function whileStopped(rack: Rack, work: () => Promise<void>): Promise<void> {
  const pid = agentPid(rack);
  process.kill(pid, "SIGSTOP");
  try {
    await work();
  } finally {
    process.kill(pid, "SIGCONT");
  }
}

/** The agent dies and comes again, as at an upgrade; it runs for the time of `work` then. */
async function whileAgentRestarts(rack: Rack, whenGone: () => Promise<void>, work: () => Promise<void>): Promise<void> {
  const pid = agentPid(rack);
  const [program = "", ...args] = readFileSync(`/proc/${String(pid)}/cmdline`, "utf8").split("\0").slice(0, -1);
  process.kill(pid, "SIGKILL");
  await whenGone();
  const again = spawn(program, args, { stdio: "ignore" });
  try {
    await work();
  } finally {
    again.kill("SIGKILL");
  }
}

test("up waits for its hosts, stops at Ctrl-C, goes on at the next one, and waits again for a reinstall", async () => {
  await withRack(async (rack) => {
    shape(rack, { db1: 'waitFor: "installed"' });
    await whileUp(rack, async (up) => {
      await up.says("db2: armed (it installs at its next network boot)");
      await up.says("db1: armed");
      const from = Date.now();
      up.interrupt();
      const { status, text } = await up.ended;
      assert.ok(Date.now() - from < 10_000, "Ctrl-C ends it quickly");
      assert.notEqual(status, 0);
      assert.match(text, /PXE_INTERRUPTED: stopped waiting after .*: 0 of 2 installed, 2 armed/);
    });
    assertKeysSecret(rack);
    const armedAt = (await asking(rack, (agent) => agent.host("db1"))).since;

    await whileUp(rack, async (up) => {
      await up.says("db2: armed");
      await up.says("db1: armed");
      assert.equal((await asking(rack, (agent) => agent.host("db1"))).since, armedAt, "it was not armed anew");
      await install(rack, "db1", "db2");
      const text = ended(await up.ended);
      assert.match(text, /db2: armed → installed after \d+ s/);
      assert.match(text, /~ 2 updated\n\s+6 unchanged/);
    });
    assertKeysSecret(rack);
    const { outputs } = rack.state().get("racked") ?? assert.fail("no racked in the state");
    assert.deepEqual(Object.keys(outputs["hosts"] as object), ["db1", "db2"]);
    assert.match(ended(await rack.refresh()), /8 unchanged/);
    assert.match(ended(await rack.up()), /8 unchanged/);

    shape(rack, { db1: 'waitFor: "installed", reinstall: "2026-11"' });
    await whileUp(rack, async (up) => {
      await up.says("db1: armed");
      await whileAgentRestarts(rack, () => up.says("rack1 doesn't answer, its hosts go on by themselves"), async () => {
        await up.says("rack1 answers again");
        assert.ok(up.isRunning);
        await install(rack, "db1");
        assert.match(ended(await up.ended), /~ 3 updated\n\s+5 unchanged/);
      });
    });
  });
});

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKpJr1d3Vv9vqzZ1mQWgJm3c0mDPJq6GdYkJv0bq8wYt";

test("up tells each stage, ends at a failed host with its reason, says who is late, and goes on at the next one", async () => {
  await withRack(async (rack) => {
    const waitFor = (timeout: string): string => `new pxe.InstallWait("racked", { hosts: [db1, db2], timeout: ${timeout} });`;
    shape(rack, { more: waitFor('"5m"') });
    const [one, two] = [db1, db2].map(({ name, ip }) => new Installer(rack, rack.ports.httpPort, name, ip ?? ""));
    assert.ok(one !== undefined && two !== undefined);
    await whileUp(rack, async (up) => {
      await up.says("db2: armed (it installs at its next network boot)");
      await one.report("installing");
      await up.says(/db1: armed → installing after \d+ s/);
      await one.report("wiping");
      await up.says(/db1: installing → wiping after \d+ s/);
      await one.done(key);
      await up.says(/db1: wiping → installed after \d+ s/);
      assert.ok(up.isRunning, "db2 is not installed");
      await two.report("failed", "no disk has the serial S4EVNX0R");
      const { status, text } = await up.ended;
      assert.notEqual(status, 0);
      assert.match(text, /PXE_INSTALL_FAILED: db2 failed: no disk has the serial S4EVNX0R/);
      const [live = ""] = text.split("Diagnostics:");
      assert.equal(live.match(/db1: armed → installing/g)?.length, 1, "nothing is told twice");
    });
    assert.deepEqual(rack.state().get("racked")?.outputs["sshHostKeys"], [`127.77.0.11,db1 ${key}`]);
    assert.match((await rack.up()).text, /PXE_INSTALL_FAILED: db2 failed/);

    shape(rack, { db2: 'reinstall: "2026-11"', more: waitFor("3") });
    const late = await rack.up();
    assert.notEqual(late.status, 0);
    assert.match(late.text, /PXE_WAIT_TIMEOUT: 1 of 2 hosts not installed after 3 s: db2 is armed for \d+ s \(it installs at its next network boot\)/);
    await install(rack, "db2");
    assert.match(ended(await rack.up()), /~ 1 updated\n\s+6 unchanged/);
    assert.match(ended(await rack.up()), /7 unchanged/);
  });
});

const fleet = `
const mac = (n) => "52:54:00:77:00:" + (n + 16).toString(16);
for (let n = 1; n <= 30; n++) new pxe.KickstartHost("n" + n, { server, subnet, profile, macs: [mac(n)], waitFor: "installed" });
const hosts = {};
for (let n = 31; n <= 40; n++) hosts["n" + n] = { macs: [mac(n)] };
new pxe.KickstartHostGroup("group", { server, subnet, profile, hosts, waitFor: { until: "installed", timeout: "10m" } });`;

test("forty hosts that are waited for are all declared before the first is installed", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [], subnet: 'pools: [{ from: "127.77.0.100", to: "127.77.0.199" }]', more: fleet });
    await whileUp(rack, async (up) => {
      await up.says(/n\d+: armed/, 100_000);
      const names = await asking(rack, async (agent) => (await agent.documents()).filter((name) => name.startsWith("host/")));
      assert.equal(names.length, 40);
      await install(rack, ...names.map((name) => name.slice("host/".length)));
      assert.match(ended(await up.ended), /\+ 66 created/);
    });
  });
});

test("Ctrl-C during a push to an agent that doesn't answer: the next up goes on, and arms nothing anew", async () => {
  await withRack(async (rack) => {
    rack.shape({ hosts: [] });
    ended(await rack.up());
    rack.shape();
    await whileStopped(rack, () =>
      whileUp(rack, async (up) => {
        await up.says("KickstartHost db1 creating");
        const from = Date.now();
        up.interrupt();
        const { status, text } = await up.ended;
        assert.notEqual(status, 0);
        assert.match(text, /PXE_INTERRUPTED: stopped waiting for the agent's answer/);
        assert.ok(Date.now() - from < 15_000, "it ends quickly");
      }));
    const has = (name: string): Promise<boolean> => asking(rack, async (agent) => (await agent.documents()).includes(`host/${name}`));
    await eventually(() => has("db1"), () => "the agent takes what was sent");
    const { since } = await asking(rack, (agent) => agent.host("db1"));

    rack.shape({ hosts: [db1, db2] });
    await whileStopped(rack, () =>
      whileUp(rack, async (up) => {
        await up.says("KickstartHost db2 creating");
        up.interrupt();
        await up.says("^C received; cancelling");
        up.interrupt();
        assert.notEqual((await up.ended).status, 0);
      }));
    // The second Ctrl-C ends the provider, before or after it has sent anything: the next up knows neither.
    ended(await rack.up());
    const host = await asking(rack, (agent) => agent.host("db1"));
    assert.deepEqual([host.state, host.since], ["armed", since]);
    assert.match(ended(await rack.up()), /6 unchanged/);
  });
});
