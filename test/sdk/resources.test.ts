import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import * as pxe from "../../sdk";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

const registered: Registered[] = [];

/** The marks that the engine keeps on a secret when mocks see it. */
function isSecret(value: unknown): boolean {
  return typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value;
}

function inputsOf(name: string): Record<string, unknown> {
  const found = registered.find((item) => item.name === name);
  assert.ok(found !== undefined, `${name} was not registered`);
  return found.inputs;
}

function known<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply((value) => resolve(value));
  });
}

describe("the classes that a program imports", () => {
  let server: pxe.PxeServer;
  let host: pxe.KickstartHost;

  before(async () => {
    await pulumi.runtime.setMocks(
      {
        newResource(args) {
          registered.push({ type: args.type, name: args.name, inputs: args.inputs as Record<string, unknown> });
          const computed = { controlKey: "the control key", connection: { kind: "local" }, state: "armed" };
          return { id: `${args.name}-id`, state: { ...(args.inputs as Record<string, unknown>), ...computed } };
        },
        call: (args) => args.inputs as Record<string, unknown>,
      },
      "lab", "dev",
    );
    server = new pxe.PxeServer("rack1", { target: { host: "10.77.0.1", privateKey: "a private key", password: "a password" }, interfaces: ["eth1"] });
    const subnet = new pxe.DhcpSubnet("net", { server, cidr: "10.77.0.0/24", leaseTime: "1h" });
    const profile = new pxe.BootProfile("debian", {
      server, ...pxe.distro.debian(12, { mirror: "http://10.77.0.1/debian" }), answer: pxe.preseed({ template: "d-i x", vars: { a: 1 } }),
    });
    host = new pxe.KickstartHost("db1", { server, subnet, profile, macs: ["52:54:00:12:34:56"], secrets: { root: "a secret" } });
    await known(host.id);
  });

  test("have the types that state files name for ever", () => {
    const expected = ["PxeServer", "DhcpSubnet", "BootProfile", "KickstartHost"].map((type) => `pulumi-nodejs:dynamic/pxe:${type}`);
    assert.deepEqual(registered.map((item) => item.type), expected);
  });

  test("say whose they are, and what they are called", () => {
    assert.equal(inputsOf("db1")["owner"], "lab/dev");
    assert.equal(inputsOf("db1")["self"], "KickstartHost::db1");
    assert.equal(inputsOf("rack1")["self"], "PxeServer::rack1");
  });

  test("keep credentials secret even when they are given plain", () => {
    // Mocks see an object that holds a secret as a secret; the engine keeps the mark where it was put.
    assert.ok(isSecret(inputsOf("rack1")["target"]));
    assert.ok(isSecret(inputsOf("rack1")["controlKey"]));
    assert.ok(isSecret(inputsOf("db1")["secrets"]));
    assert.ok(!isSecret(inputsOf("db1")["rendered"]));
  });

  test("reach children by name, with the server's connection and nothing of its credentials", () => {
    const inputs = inputsOf("db1");
    assert.equal(inputs["server"], "PxeServer::rack1");
    assert.equal(inputs["subnet"], "net");
    assert.equal(inputs["profile"], "debian");
    assert.deepEqual(inputs["connection"], { kind: "local" });
    assert.ok(!JSON.stringify(inputs).includes("a private key"));
  });

  test("name a host after its resource", () => {
    assert.equal(inputsOf("db1")["hostname"], "db1");
  });

  test("make a host's plan a secret when its template's variables hold one", async () => {
    const profile = new pxe.BootProfile("secretive", {
      server, ...pxe.distro.debian(12, { mirror: "http://10.77.0.1/debian" }), answer: pxe.preseed({ template: "", vars: { a: pulumi.secret("x") } }),
    });
    const subnet = new pxe.DhcpSubnet("net2", { server, cidr: "10.78.0.0/24" });
    const other = new pxe.KickstartHost("db2", { server, subnet, profile, macs: ["52:54:00:12:34:57"] });
    await known(other.id);
    assert.ok(isSecret(inputsOf("db2")["rendered"]));
  });

  test("refuse what is no server, for programs that no compiler checks", () => {
    for (const wrong of ["rack1", undefined, null]) {
      const args = { server: wrong, cidr: "10.77.0.0/24" } as unknown as pxe.DhcpSubnetArgs;
      assert.throws(() => new pxe.DhcpSubnet("net3", args), /DhcpSubnet "net3": server must be a PxeServer/);
    }
  });
});
