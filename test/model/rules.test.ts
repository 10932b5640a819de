import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { contains, formatIpv4, network, parseIpv4, parseNetwork } from "../../provider/model/ip";
import { checkReferences, checkRules } from "../../provider/model/rules";
import { documentSchema } from "../../provider/model/documents";
import { validate } from "../../provider/model/validate";
import { hostDocument, profileDocument, subnetDocument } from "../support/documents";

const second = "52:54:00:00:00:02";

/** `CODE place; place` of each finding, in order. */
function told(documents: Parameters<typeof checkRules>[0], others: Parameters<typeof checkRules>[1] = []): string[] {
  return checkRules(documents, others).map((item) => `${item.code} ${item.where.map((place) => `${place.document} ${place.property ?? ""}`).join("; ")}`);
}

const mirrorAt = (server: string): ReturnType<typeof profileDocument> => profileDocument({ distro: { family: "rhel", release: "9", repository: `http://${server}/rocky/` } });

describe("rules across documents", () => {
  const good = [subnetDocument(), profileDocument(), hostDocument(), hostDocument({ macs: [second], ip: "10.77.0.12" }, "db2")];

  test("a right set has no finding", () => {
    assert.deepEqual(told(good), []);
  });

  test("a reservation inside a pool is allowed", () => {
    assert.deepEqual(told([subnetDocument(), profileDocument(), hostDocument({ ip: "10.77.0.150" })]), []);
  });

  const cases: [string, Parameters<typeof checkRules>[0], string[]][] = [
    ["a MAC used twice", [hostDocument({ ip: undefined }), hostDocument({ ip: undefined }, "db2")], ["PXE_DUPLICATE host/db1 macs[0]; host/db2 macs[0]"]],
    ["a MAC twice in one host", [hostDocument({ macs: [second, second], ip: undefined })], ["PXE_DUPLICATE host/db1 macs[0]; host/db1 macs[1]"]],
    ["an address used twice", [hostDocument(), hostDocument({ macs: [second] }, "db2")], ["PXE_DUPLICATE host/db1 ip; host/db2 ip"]],
    ["a UUID used twice", [hostDocument({ uuid: "4c4c4544-0000-1000-8000-000000000001", ip: undefined }), hostDocument({ uuid: "4C4C4544-0000-1000-8000-000000000001", macs: [second], ip: undefined }, "db2")], ["PXE_DUPLICATE host/db1 uuid; host/db2 uuid"]],
    ["an address outside its subnet", [subnetDocument(), hostDocument({ ip: "10.78.0.1" })], ["PXE_OUTSIDE_SUBNET host/db1 ip; subnet/provisioning cidr"]],
    ["the network address", [subnetDocument(), hostDocument({ ip: "10.77.0.0" })], ["PXE_OUTSIDE_SUBNET host/db1 ip; subnet/provisioning cidr"]],
    ["the broadcast address", [subnetDocument(), hostDocument({ ip: "10.77.0.255" })], ["PXE_OUTSIDE_SUBNET host/db1 ip; subnet/provisioning cidr"]],
    ["a router's address", [subnetDocument(), hostDocument({ ip: "10.77.0.254" })], ["PXE_OUTSIDE_SUBNET host/db1 ip; subnet/provisioning routers[0]"]],
    ["Debian without a name server", [subnetDocument({ dnsServers: [] }), profileDocument(), hostDocument()], ["PXE_DNS_MISSING subnet/provisioning dnsServers; host/db1 profile"]],
    ["an outside mirror without a gateway", [subnetDocument({ routers: [] }), mirrorAt("10.78.0.1"), hostDocument()], ["PXE_NO_GATEWAY subnet/provisioning routers; profile/debian12 distro.repository; host/db1 profile"]],
    ["a mirror inside the subnet without a gateway", [subnetDocument({ routers: [] }), mirrorAt("10.77.0.1"), hostDocument()], []],
    ["an outside mirror behind a gateway", [subnetDocument(), mirrorAt("10.78.0.1"), hostDocument()], []],
    ["a mirror that only a name server can tell", [subnetDocument({ routers: [] }), mirrorAt("mirror.example.org"), hostDocument()], []],
    ["a profile without a loader", [subnetDocument(), profileDocument({ loaders: {} }), hostDocument()], ["PXE_LOADER_MISSING profile/debian12 loaders; host/db1 profile"]],
    ["a pool out of its subnet", [subnetDocument({ pools: [{ from: "10.77.0.250", to: "10.77.1.5" }] })], ["PXE_OUTSIDE_SUBNET subnet/provisioning pools[0].to; subnet/provisioning cidr"]],
    ["a pool the wrong way round", [subnetDocument({ pools: [{ from: "10.77.0.20", to: "10.77.0.10" }] })], ["PXE_INPUT_INVALID subnet/provisioning pools[0].from; subnet/provisioning pools[0].to"]],
    ["overlapping pools", [subnetDocument({ pools: [{ from: "10.77.0.10", to: "10.77.0.20" }, { from: "10.77.0.20", to: "10.77.0.30" }] })], ["PXE_OVERLAP subnet/provisioning pools[0]; subnet/provisioning pools[1]"]],
    ["a router out of its subnet", [subnetDocument({ routers: ["10.1.1.1"] })], ["PXE_OUTSIDE_SUBNET subnet/provisioning routers[0]; subnet/provisioning cidr"]],
    ["overlapping subnets", [subnetDocument(), subnetDocument({ cidr: "10.77.0.0/16", pools: [] }, "wide")], ["PXE_OVERLAP subnet/provisioning cidr; subnet/wide cidr"]],
  ];
  for (const [name, documents, expected] of cases) test(name, () => { assert.deepEqual(told(documents), expected); });

  test("another owner's identities and ranges conflict, the same owner's older ones give way", () => {
    assert.deepEqual(told([hostDocument()], [hostDocument({}, "x", "lab/two")]), ["PXE_OWNED_BY_OTHER host/db1 macs[0]; host/x macs[0]", "PXE_OWNED_BY_OTHER host/db1 ip; host/x ip"]);
    assert.deepEqual(told([subnetDocument()], [subnetDocument({ cidr: "10.77.0.0/25", pools: [], routers: [] }, "x", "lab/two")]), ["PXE_OWNED_BY_OTHER subnet/provisioning cidr; subnet/x cidr"]);
    assert.deepEqual(told([hostDocument()], [hostDocument({}, "old")]), []);
  });

  test("references that nothing answers are told, those of another owner don't count", () => {
    const findings = checkReferences([hostDocument()], [subnetDocument(), profileDocument({}, "debian12", "lab/two")]);
    assert.deepEqual(findings.map((item) => item.where), [[{ document: "host/db1", property: "profile" }]]);
  });
});

test("a schema tells every failure at once by property path", () => {
  const result = validate(documentSchema, { ...hostDocument(), spec: { ...hostDocument().spec, macs: ["nonsense", "01:00:5e:00:00:01"], ip: "10.77.0.300", hostname: "-x", colour: "red" } }, "host/db1");
  assert.ok(!result.ok);
  assert.deepEqual(result.findings.map((item) => item.where[0]?.property).toSorted(), ["spec.colour", "spec.hostname", "spec.ip", "spec.macs[0]", "spec.macs[1]"]);
});

describe("addresses", () => {
  test("property: text and number agree", () => {
    fc.assert(fc.property(fc.nat({ max: 0xffffffff }), (value) => { assert.equal(parseIpv4(formatIpv4(value)), value); }));
  });
  test("property: a network holds just its own addresses", () => {
    fc.assert(fc.property(fc.nat({ max: 0xffffffff }), fc.integer({ min: 1, max: 30 }), fc.nat({ max: 0xffffffff }), (value, prefix, other) => {
      const net = network(`${formatIpv4(value)}/${String(prefix)}`);
      assert.ok(contains(net, value));
      assert.equal(contains(net, other), Math.floor(other / 2 ** (32 - prefix)) === Math.floor(value / 2 ** (32 - prefix)));
    }));
  });
  for (const text of ["", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "::1"]) {
    test(`"${text}" is no address`, () => { assert.equal(parseIpv4(text), undefined); });
  }
  for (const text of ["10.0.0.0", "10.0.0.0/0", "10.0.0.0/31", "10.0.0.0/x", "10.0.0.0/24/1"]) {
    test(`"${text}" is no network`, () => { assert.equal(parseNetwork(text), undefined); });
  }
});
