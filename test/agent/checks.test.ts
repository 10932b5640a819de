import assert from "node:assert/strict";
import type { networkInterfaces } from "node:os";
import { describe, test } from "node:test";
import { checkHere } from "../../provider/agent/checks";
import { applyRequest } from "../../provider/model/control";
import type { Document, ServerDocument } from "../../provider/model/documents";
import { hostDocument, owner, serverDocument, subnetDocument } from "../support/documents";

type Interfaces = ReturnType<typeof networkInterfaces>;

function inet(address: string, prefix: number): NonNullable<Interfaces[string]>[number] {
  return { address, netmask: "", family: "IPv4", mac: "00:00:00:00:00:00", internal: false, cidr: `${address}/${String(prefix)}` };
}

const machine: Interfaces = { lo: [inet("127.0.0.1", 8)], eth1: [inet("10.77.0.2", 24)], eth2: [inet("10.78.0.2", 16)], tun0: [inet("10.99.0.1", 32)] };

function check(put: readonly Document[], server: ServerDocument | undefined, there: () => Interfaces = () => machine): string[] {
  const held = server === undefined ? undefined : { ...server, rev: 1 };
  return checkHere(applyRequest.parse({ owner, put }), { state: { server: held }, assets: { missing: () => [] } }, there)
    .map((item) => `${item.code} ${item.where.map((place) => `${place.document} ${place.property ?? ""}`).join("; ")}`);
}

const on = (...interfaces: string[]): ServerDocument => serverDocument({ interfaces });
const net = (cidr: string): Document => subnetDocument({ cidr, pools: [], routers: [], dnsServers: [] });
const refused = ["PXE_SUBNET_NOT_SERVED subnet/provisioning cidr; server/rack1 interfaces"];

describe("what only the agent's machine can check", () => {
  test("a subnet has to lie on an interface that is served", () => {
    assert.deepEqual(check([net("10.77.0.0/24")], on("eth1")), []);
    assert.deepEqual(check([net("10.77.0.0/24")], on("eth2")), refused);
    assert.deepEqual(check([net("10.78.3.0/24")], on("eth1", "eth2")), []);
    assert.deepEqual(check([net("10.99.0.0/24")], on("tun0")), []);
    assert.deepEqual(check([net("127.77.0.0/24")], on("lo")), []);
    assert.deepEqual(check([net("10.77.0.0/24")], on("lo")), refused);
  });

  test("a subnet that is reached through relays lies on none", () => {
    assert.deepEqual(check([subnetDocument({ cidr: "10.99.7.0/24", pools: [], routers: [], relays: ["10.99.7.254"] })], on("eth1")), []);
  });

  test("whoever is named as a router has to route", () => {
    const routed = (spec: Parameters<typeof subnetDocument>[0]): Document => subnetDocument({ pools: [], routers: [], ...spec });
    const gateway = (nat: boolean): ServerDocument => serverDocument({ interfaces: ["eth1"], gateway: { nat } });
    const own = routed({ routers: ["10.77.0.254", "10.77.0.2"] });
    assert.deepEqual(check([own], on("eth1")), ["PXE_NOT_GATEWAY subnet/provisioning routers[1]; server/rack1 gateway"]);
    assert.deepEqual(check([own], gateway(false)), []);
    assert.deepEqual(check([own, gateway(true)], on("eth1")), []);
    assert.deepEqual(check([own], undefined), []);
    assert.deepEqual(check([routed({ routers: ["10.77.0.254"] })], on("eth1")), []);
    const options = { routers: ["10.77.0.2"] };
    assert.deepEqual(check([routed({ classes: [{ name: "ipxe", match: { userClass: "iPXE" }, options }] })], on("eth1")), ["PXE_NOT_GATEWAY subnet/provisioning classes[0].options.routers[0]; server/rack1 gateway"]);
    assert.deepEqual(check([hostDocument({ options })], on("eth1")), ["PXE_NOT_GATEWAY host/db1 options.routers[0]; server/rack1 gateway"]);
  });

  test("the server of the batch counts before the one held; without any there is nothing to say", () => {
    assert.deepEqual(check([on("eth1"), net("10.77.0.0/24")], on("eth2")), []);
    assert.deepEqual(check([net("10.77.0.0/24")], undefined), []);
  });

  test("an interface that has no address yet, and a system that can't tell, refuse nothing", () => {
    assert.deepEqual(check([net("10.77.0.0/24")], on("eth2", "eth9")), []);
    assert.deepEqual(check([net("10.77.0.0/24")], on("eth2"), () => { throw new Error("EMFILE"); }), []);
  });

  test("a host can't have the agent's own address", () => {
    assert.deepEqual(check([hostDocument({ ip: "10.77.0.2" })], undefined), ["PXE_OUTSIDE_SUBNET host/db1 ip"]);
    assert.deepEqual(check([hostDocument({ ip: "10.77.0.3" })], undefined), []);
  });

  test("a text that this host's secrets can't fill is refused before a machine asks for it", () => {
    const host = (secrets: Record<string, string>): Document => hostDocument({ ip: undefined, rendered: { "ks.cfg": "rootpw --iscrypted ‹secret:root›" }, secrets });
    assert.deepEqual(check([host({ root: "$6$salt$hash" })], undefined), []);
    assert.deepEqual(check([host({ root: "a;reboot" })], undefined), ['PXE_TEMPLATE_UNSAFE host/db1 rendered["ks.cfg"]']);
    assert.deepEqual(check([host({})], undefined), ['PXE_TEMPLATE_UNSAFE host/db1 rendered["ks.cfg"]']);
  });
});
