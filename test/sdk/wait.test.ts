import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as pxe from "../../sdk";
import type { DeclaresHosts } from "../../sdk/identity";
import { waitForHosts } from "../../sdk/wait";

interface Registered {
  readonly inputs: Record<string, unknown>;
  readonly type: string;
}

const registered = new Map<string, Registered>();

/** What mocks see, without the marks of secrets. */
function open(value: unknown): unknown {
  return typeof value === "object" && value !== null && "value" in value && "4dabf18193072939515e22adb298388d" in value ? value.value : value;
}

function known<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply((value) => { resolve(value); });
  });
}

async function inputsOf(wait: pxe.InstallWait | undefined, name: string): Promise<Record<string, unknown>> {
  assert.ok(wait !== undefined);
  await known(wait.id);
  const found = registered.get(`pulumi-nodejs:dynamic/pxe:InstallWait ${name}`);
  assert.ok(found !== undefined, `${name} was not registered`);
  return found.inputs;
}

describe("InstallWait in a program", () => {
  const hosts = new Map<string, pxe.KickstartHost>();

  before(async () => {
    await pulumi.runtime.setMocks(
      {
        newResource({ type, name, inputs }) {
          registered.set(`${type} ${name}`, { type, inputs: inputs as Record<string, unknown> });
          const place = name.startsWith("rack") ? { connection: { kind: "ssh", host: name, port: 22 }, controlKey: `key of ${name}` } : {};
          return { id: `${name}-id`, state: { ...(inputs as Record<string, unknown>), ...place } };
        },
        call: (args) => args.inputs as Record<string, unknown>,
      },
      "lab", "dev",
    );
    for (const rack of ["rack1", "rack2"]) {
      const server = new pxe.PxeServer(rack, { target: { host: rack, privateKey: "k" }, interfaces: ["eth1"] });
      const subnet = new pxe.DhcpSubnet(`${rack}-net`, { server, cidr: "10.77.0.0/24" });
      const profile = new pxe.BootProfile(`${rack}-debian`, { server, ...pxe.distro.debian(12, { mirror: "http://10.77.0.1/debian" }) });
      for (const name of [`${rack}-a`, `${rack}-b`]) {
        hosts.set(name, new pxe.KickstartHost(name, { server, subnet, profile, macs: ["52:54:00:12:34:56"], reinstall: name === "rack1-b" ? "2026-11" : undefined }));
      }
    }
  });

  const host = (name: string): pxe.KickstartHost => hosts.get(name) ?? assert.fail(name);

  test("names each server once, with the orders of its hosts, and its key apart, as a secret", async () => {
    const wait = new pxe.InstallWait("racked", { hosts: [host("rack1-a"), host("rack2-a"), host("rack1-b")], timeout: "3h" });
    const inputs = await inputsOf(wait, "racked");
    assert.deepEqual(inputs["servers"], [
      { server: "PxeServer::rack1", connection: { kind: "ssh", host: "rack1", port: 22 }, orders: { "rack1-a": "", "rack1-b": "2026-11" } },
      { server: "PxeServer::rack2", connection: { kind: "ssh", host: "rack2", port: 22 }, orders: { "rack2-a": "" } },
    ]);
    assert.deepEqual(open(inputs["controlKeys"]), ["key of rack1", "key of rack2"]);
    assert.notEqual(open(inputs["controlKeys"]), inputs["controlKeys"], "it is a secret");
    assert.equal(inputs["timeout"], "3h");
    assert.equal(inputs["self"], "InstallWait::racked");
    assert.ok(!("until" in inputs), "defaults are not written into the state");
  });

  test("is made by waitFor, as a child of the host's name", async () => {
    const wait = waitForHosts("rack1-a", host("rack1-a"), { until: "up", timeout: 60 });
    const inputs = await inputsOf(wait, "rack1-a");
    assert.deepEqual([inputs["until"], inputs["timeout"]], ["up", 60]);
    assert.match(await known(wait?.urn ?? assert.fail()), /KickstartHost\$pulumi-nodejs:dynamic\/pxe:InstallWait::rack1-a$/);
    assert.equal(waitForHosts("rack1-b", host("rack1-b"), undefined), undefined);
  });

  test("refuses what declares no hosts, for programs that no compiler checks", () => {
    assert.throws(() => new pxe.InstallWait("w", { hosts: [] }), /InstallWait "w": hosts must be a list of hosts, one at least/);
    assert.throws(() => new pxe.InstallWait("w", { hosts: ["db1"] as unknown as DeclaresHosts[] }), /InstallWait "w": hosts must be KickstartHosts/);
    const other = new pulumi.ComponentResource("a:b:C", "c") as unknown as DeclaresHosts;
    assert.throws(() => new pxe.InstallWait("w", { hosts: [other] }), /InstallWait "w": hosts must be KickstartHosts/);
  });
});
