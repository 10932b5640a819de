import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as pxe from "../../sdk";

const registered = new Map<string, Record<string, unknown>>();
const signature = "4dabf18193072939515e22adb298388d";

function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && signature in value;
}

function inputsOf(name: string): Record<string, unknown> {
  return registered.get(name) ?? assert.fail(`${name} was not registered`);
}

function known<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply((value) => resolve(value));
  });
}

describe("a group in a program", () => {
  let server: pxe.PxeServer;
  let subnet: pxe.DhcpSubnet;
  let profile: pxe.BootProfile;

  before(async () => {
    await pulumi.runtime.setMocks(
      {
        newResource(args) {
          registered.set(args.name, args.inputs as Record<string, unknown>);
          const status = { db1: { rev: 3, state: "installed", address: "10.77.0.11", installedAt: 5, sshHostKeys: ["key"], consumed: ["1"] } };
          const computed = { controlKey: "the control key", connection: { kind: "local" }, status };
          return { id: `${args.name}-id`, state: { ...(args.inputs as Record<string, unknown>), ...computed } };
        },
        call: (args) => args.inputs as Record<string, unknown>,
      },
      "lab", "dev",
    );
    server = new pxe.PxeServer("rack1", { target: "local", interfaces: ["eth1"] });
    subnet = new pxe.DhcpSubnet("net", { server, cidr: "10.77.0.0/24" });
    profile = new pxe.BootProfile("debian", { server, ...pxe.distro.debian(12, { installer: "." }), answer: pxe.preseed({ template: "" }) });
  });

  const group = async (name: string, more: Partial<pxe.KickstartHostGroupArgs>): Promise<pxe.KickstartHostGroup> => {
    const made = new pxe.KickstartHostGroup(name, { server, subnet, profile, hosts: {}, ...more });
    await known(made.id);
    return made;
  };

  test("gives hosts by name, with profiles by theirs and secrets kept", async () => {
    const rocky = new pxe.BootProfile("rocky", { server, ...pxe.distro.rocky(9, { mirror: "http://10.77.0.1/rocky" }) });
    const made = await group("g1", {
      secrets: { root: "a secret" },
      hosts: { db1: { macs: ["52:54:00:00:00:01"], reinstall: "2" }, db2: { macs: ["52:54:00:00:00:02"], profile: rocky, secrets: { root: "another" } } },
    });
    const inputs = inputsOf("g1");
    // Mocks see an object that holds a secret as a secret; the engine keeps the mark where it was put.
    const { value: hosts } = inputs["hosts"] as { value: Record<string, Record<string, unknown>> };
    assert.deepEqual(hosts["db1"], { macs: ["52:54:00:00:00:01"], reinstall: "2" });
    assert.equal(hosts["db2"]?.["profile"], "rocky");
    assert.deepEqual([inputs["profile"], inputs["subnet"], inputs["self"]], ["debian", "net", "KickstartHostGroup::g1"]);
    assert.ok(isSecret(inputs["secrets"]) && !isSecret(inputs["rendered"]));
    assert.deepEqual(await known(made.orders), { db1: "2", db2: "" });
    assert.deepEqual(await known(made.hosts), { db1: { state: "installed", address: "10.77.0.11", installedAt: 5, sshHostKeys: ["key"] } });
  });

  test("keeps the plan of all a secret where anything in it is one", async () => {
    await group("g2", { hosts: { db1: { macs: ["52:54:00:00:00:01"], hostname: pulumi.secret("hidden") } } });
    assert.ok(isSecret(inputsOf("g2")["rendered"]));
  });

  test("takes hosts from an inventory, and those that are known later", async () => {
    await group("g3", { hosts: pxe.inventory.csv("name,mac\ndb1,52:54:00:00:00:01\n") });
    assert.deepEqual(inputsOf("g3")["hosts"], { db1: { macs: ["52:54:00:00:00:01"] } });
    const made = await group("g4", { hosts: pulumi.output({ db1: { macs: ["52:54:00:00:00:01"], reinstall: "1" } }) });
    assert.deepEqual(inputsOf("g4")["hosts"], { db1: { macs: ["52:54:00:00:00:01"], reinstall: "1" } });
    assert.deepEqual(await known(made.orders), { db1: "1" });
  });

  test("an inventory's hosts are declared one by one too", async () => {
    for (const [name, host] of Object.entries(pxe.inventory.yaml("db7: { mac: 52:54:00:00:00:07, ip: 10.77.0.17 }"))) {
      await known(new pxe.KickstartHost(name, { server, subnet, profile, ...host }).id);
    }
    assert.deepEqual([inputsOf("db7")["macs"], inputsOf("db7")["ip"]], [["52:54:00:00:00:07"], "10.77.0.17"]);
  });

  test("says what is no profile, for programs that no compiler checks", () => {
    const hosts = { db1: { macs: ["52:54:00:00:00:01"], profile: "debian" } } as unknown as Record<string, pxe.GroupHostArgs>;
    assert.throws(() => new pxe.KickstartHostGroup("g5", { server, subnet, profile, hosts }), /KickstartHostGroup "g5": hosts\.db1\.profile must be a BootProfile/);
  });
});
