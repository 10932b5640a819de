import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { contains, formatIpv4, network, parseIpv4, parseNetwork } from "../../provider/model/ip";
import { checkReferences, checkRules } from "../../provider/model/rules";
import { documentSchema } from "../../provider/model/documents";
import { validate } from "../../provider/model/validate";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../support/documents";

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
  const [phones, roms] = [{ name: "phones", match: { vendorClass: "phone" } }, { name: "roms", match: { vendorClass: "PXEClient" } }];
  const one = (spec: Parameters<typeof subnetDocument>[0]): Parameters<typeof checkRules>[0] => [subnetDocument(spec)];
  const installed = (subnet: Parameters<typeof subnetDocument>[0], ...more: Parameters<typeof checkRules>[0]): Parameters<typeof checkRules>[0] =>
    [subnetDocument({ dnsServers: [], ...subnet }), profileDocument(), ...(more.some((doc) => doc.kind === "host") ? [] : [hostDocument()]), ...more];
  const noGateway = (subnet: Parameters<typeof subnetDocument>[0], ...more: Parameters<typeof checkRules>[0]): Parameters<typeof checkRules>[0] =>
    [subnetDocument({ routers: [], ...subnet }), mirrorAt("10.78.0.1"), ...(more.some((doc) => doc.kind === "host") ? [] : [hostDocument()]), ...more];
  const raw = (code: number): { code: number; type: "hex"; value: string } => ({ code, type: "hex", value: "0a4d00fe" });
  cases.push(
    ["exclusions inside their pools, of one address too", one({ pools: [{ from: "10.77.0.100", to: "10.77.0.199", exclude: [{ from: "10.77.0.100", to: "10.77.0.100" }, { from: "10.77.0.190", to: "10.77.0.199" }] }] }), []],
    ["an exclusion out of its pool, on both sides", one({ pools: [{ from: "10.77.0.100", to: "10.77.0.199", exclude: [{ from: "10.77.0.99", to: "10.77.0.200" }] }] }), ["PXE_INPUT_INVALID subnet/provisioning pools[0].exclude[0].from; subnet/provisioning pools[0]", "PXE_INPUT_INVALID subnet/provisioning pools[0].exclude[0].to; subnet/provisioning pools[0]"]],
    ["an exclusion the wrong way round", one({ pools: [{ from: "10.77.0.100", to: "10.77.0.199", exclude: [{ from: "10.77.0.120", to: "10.77.0.110" }] }] }), ["PXE_INPUT_INVALID subnet/provisioning pools[0].exclude[0].from; subnet/provisioning pools[0].exclude[0].to"]],
    ["a reservation in an exclusion", [subnetDocument({ pools: [{ from: "10.77.0.100", to: "10.77.0.199", exclude: [{ from: "10.77.0.150", to: "10.77.0.160" }] }] }), profileDocument(), hostDocument({ ip: "10.77.0.150" })], []],
    ["overlapping pools of two classes", one({ classes: [phones, roms], pools: [{ from: "10.77.0.10", to: "10.77.0.20", class: "phones" }, { from: "10.77.0.15", to: "10.77.0.30", class: "roms" }] }), ["PXE_OVERLAP subnet/provisioning pools[0]; subnet/provisioning pools[1]"]],
    ["a pool of a class that there isn't", one({ classes: [phones], pools: [{ from: "10.77.0.10", to: "10.77.0.20", class: "phone" }] }), ["PXE_CLASS_UNKNOWN subnet/provisioning pools[0].class; subnet/provisioning classes"]],
    ["two classes of one name", one({ classes: [phones, roms, phones] }), ["PXE_DUPLICATE subnet/provisioning classes[0].name; subnet/provisioning classes[2].name"]],
    ["lease times in their order, also for ever", one({ leaseTime: 4294967295, minLeaseTime: 120, maxLeaseTime: 4294967295, renewAt: 0.3, rebindAt: 0.4 }), []],
    ["a least lease time above the usual one", one({ minLeaseTime: 7200 }), ["PXE_LEASE_TIMES subnet/provisioning minLeaseTime; subnet/provisioning leaseTime"]],
    ["a longest lease time below the usual one", one({ leaseTime: 7200, maxLeaseTime: 3600 }), ["PXE_LEASE_TIMES subnet/provisioning leaseTime; subnet/provisioning maxLeaseTime"]],
    ["a least lease time without end", one({ leaseTime: 4294967295, minLeaseTime: 4294967295 }), ["PXE_LEASE_TIMES subnet/provisioning minLeaseTime"]],
    ["a rebinding time before renewal", one({ renewAt: 0.9 }), ["PXE_LEASE_TIMES subnet/provisioning renewAt; subnet/provisioning rebindAt"]],
    ["an option twice, by its property and by its number, and twice by number", one({ ntpServers: ["10.77.0.1"], options: { mtu: 1400, raw: [raw(42), raw(26), raw(200), raw(200)] } }), [
      "PXE_DUPLICATE subnet/provisioning ntpServers; subnet/provisioning options.raw[0].code", "PXE_DUPLICATE subnet/provisioning options.mtu; subnet/provisioning options.raw[1].code",
      "PXE_DUPLICATE subnet/provisioning options.raw[2].code; subnet/provisioning options.raw[3].code",
    ]],
    ["a boot file that stands in a raw option too, of subnet, class and host", [
      subnetDocument({ bootFile: "a", options: { raw: [raw(67)] }, classes: [{ ...roms, serverName: "b", options: { raw: [raw(66)] } }] }), profileDocument(), hostDocument({ bootFile: "c", options: { raw: [raw(67)] } }),
    ], [
      "PXE_DUPLICATE host/db1 bootFile; host/db1 options.raw[0].code", "PXE_DUPLICATE subnet/provisioning classes[0].serverName; subnet/provisioning classes[0].options.raw[0].code",
      "PXE_DUPLICATE subnet/provisioning bootFile; subnet/provisioning options.raw[0].code",
    ]],
    ["an option of a server twice", [serverDocument({ options: { domainSearch: ["a.example"], raw: [raw(119)] } })], ["PXE_DUPLICATE server/rack1 options.domainSearch; server/rack1 options.raw[0].code"]],
    ["an empty list says nothing, and another place may say it again", [subnetDocument({ ntpServers: [], options: { raw: [raw(42)] } }), serverDocument({ options: { ntpServers: ["10.77.0.1"] } })], []],
    ["a route through what is not in the subnet, but for one on the link", one({ classlessRoutes: [{ destination: "10.0.0.0/8", router: "0.0.0.0" }, { destination: "0.0.0.0/0", router: "10.78.0.1" }] }), ["PXE_OUTSIDE_SUBNET subnet/provisioning classlessRoutes[1].router; subnet/provisioning cidr"]],
    ["routers of a class, a host and the server out of the subnet", [
      serverDocument({ options: { routers: ["10.1.0.1"] } }), subnetDocument({ routers: [], classes: [{ ...roms, options: { routers: ["10.2.0.1"] } }] }), profileDocument(), hostDocument({ options: { routers: ["10.77.0.1", "10.3.0.1"] } }),
    ], [
      "PXE_OUTSIDE_SUBNET host/db1 options.routers[1]; subnet/provisioning cidr", "PXE_OUTSIDE_SUBNET subnet/provisioning classes[0].options.routers[0]; subnet/provisioning cidr",
      "PXE_OUTSIDE_SUBNET server/rack1 options.routers[0]; subnet/provisioning cidr",
    ]],
    ["a server's router that the subnet goes before", [serverDocument({ options: { routers: ["10.1.0.1"] } }), subnetDocument()], []],
    ["a relay's address", [subnetDocument({ relays: ["10.77.0.253"] }), profileDocument(), hostDocument({ ip: "10.77.0.253" })], ["PXE_OUTSIDE_SUBNET host/db1 ip; subnet/provisioning relays[0]"]],
    ["addresses that routers have, whoever names them", [
      serverDocument({ options: { routers: ["10.77.0.21"], raw: [{ code: 33, type: "ips", value: ["10.9.0.1", "10.77.0.22"] }] } }),
      subnetDocument({ classlessRoutes: [{ destination: "10.0.0.0/8", router: "10.77.0.23" }], options: { raw: [{ code: 3, type: "hex", value: "0a4d0018" }] }, routers: [], classes: [{ ...roms, options: { routers: ["10.77.0.25"] } }] }),
      profileDocument(),
      ...["21", "22", "23", "24", "25", "26"].map((last) => hostDocument({ ip: `10.77.0.${last}`, macs: [`52:54:00:00:01:${last}`], ...(last === "26" ? { options: { routers: ["10.77.0.26"] } } : {}) }, `h${last}`)),
    ], [
      "PXE_OUTSIDE_SUBNET host/h21 ip; server/rack1 options.routers[0]", "PXE_OUTSIDE_SUBNET host/h22 ip; server/rack1 options.raw[0].value",
      "PXE_OUTSIDE_SUBNET host/h23 ip; subnet/provisioning classlessRoutes[0].router", "PXE_OUTSIDE_SUBNET host/h24 ip; subnet/provisioning options.raw[0].value",
      "PXE_OUTSIDE_SUBNET host/h25 ip; subnet/provisioning classes[0].options.routers[0]", "PXE_OUTSIDE_SUBNET host/h26 ip; host/h26 options.routers[0]",
    ]],
    ["a server's routers by number out of the subnet, but for an option that the subnet says itself", [
      serverDocument({ options: { raw: [{ code: 3, type: "ip", value: "10.1.1.1" }, { code: 33, type: "ips", value: ["10.9.0.1", "10.1.1.2"] }] } }), subnetDocument(),
    ], ["PXE_OUTSIDE_SUBNET server/rack1 options.raw[1].value; subnet/provisioning cidr"]],
    ["a router by number out of its subnet", one({ routers: [], options: { raw: [{ code: 3, type: "ip", value: "10.1.1.1" }] } }), ["PXE_OUTSIDE_SUBNET subnet/provisioning options.raw[0].value; subnet/provisioning cidr"]],
    ["pools of a proxy, by the subnet and by the server", [
      serverDocument({ dhcpMode: "proxy" }), subnetDocument(), subnetDocument({ cidr: "10.78.0.0/24", routers: [], pools: [{ from: "10.78.0.1", to: "10.78.0.2" }], dhcpMode: "full" }, "full"),
      subnetDocument({ cidr: "10.79.0.0/24", routers: [], pools: [{ from: "10.79.0.1", to: "10.79.0.2" }], dhcpMode: "proxy" }, "own"),
    ], ["PXE_INPUT_INVALID subnet/provisioning pools; server/rack1 dhcpMode", "PXE_INPUT_INVALID subnet/own pools; subnet/own dhcpMode"]],
    ["Debian behind a proxy, which somebody else tells its name server", installed({ dhcpMode: "proxy", pools: [] }), []],
    ["Debian whose host has a name server", installed({}, hostDocument({ options: { dnsServers: ["10.77.0.1"] } })), []],
    ["Debian whose server has one", installed({}, serverDocument({ options: { dnsServers: ["10.77.0.1"] } })), []],
    ["Debian whose server says that there is none", installed({}, serverDocument({ options: { dnsServers: [] } })), ["PXE_DNS_MISSING subnet/provisioning dnsServers; host/db1 profile"]],
    ["Debian whose class may have one", installed({ classes: [{ name: "d-i", match: { vendorClass: "d-i" }, options: { dnsServers: ["10.77.0.1"] } }] }), []],
    ["Debian with one by number", installed({ options: { raw: [raw(6)] } }), []],
    ["an outside mirror whose host has a gateway", noGateway({}, hostDocument({ options: { routers: ["10.77.0.1"] } })), []],
    ["an outside mirror whose server has a gateway", noGateway({}, serverDocument({ options: { routers: ["10.77.0.1"] } })), []],
    ["an outside mirror behind a route", noGateway({ classlessRoutes: [{ destination: "10.78.0.0/16", router: "10.77.0.1" }] }), []],
  );
  for (const [name, documents, expected] of cases) test(name, () => { assert.deepEqual(told(documents), expected); });

  test("what isn't known yet may say what seems to be missing", () => {
    const documents = [subnetDocument({ dnsServers: [] }), profileDocument(), hostDocument()];
    for (const unknown of ["server options", "host/db1 options", "subnet/provisioning classes", "subnet/provisioning options"]) {
      assert.deepEqual(checkRules(documents, [], (document, property) => `${document} ${property}` === unknown), [], unknown);
    }
    assert.equal(checkRules(documents, [], (document, property) => `${document} ${property}` === "host/db1 bootFile").length, 1);
  });

  test("another owner's server is the one that serves", () => {
    assert.deepEqual(told([subnetDocument({ dnsServers: [] }), profileDocument(), hostDocument()], [serverDocument({ options: { dnsServers: ["10.77.0.1"] } }, "rack1", "lab/network")]), []);
  });

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

test("a schema refuses what no packet could carry", () => {
  const paths = (spec: object): string[] => {
    const { kind, name, owner, schemaVersion } = subnetDocument();
    const result = validate(documentSchema, { kind, name, owner, schemaVersion, spec: { cidr: "10.77.0.0/24", ...spec } }, "subnet/provisioning");
    return result.ok ? [] : result.findings.map((item) => item.where[0]?.property ?? "");
  };
  const route = (destination: string): object => ({ classlessRoutes: [{ destination, router: "10.77.0.254" }] });
  for (const destination of ["10.0.0.1/32", "10.0.0.1/31", "0.0.0.0/0", "10.0.0.0/8"]) assert.deepEqual(paths(route(destination)), []);
  for (const destination of ["999.1.1.1/32", "10.0.0/31", "10.0.0.01/32", "10.0.0.0/33"]) assert.deepEqual(paths(route(destination)), ["spec.classlessRoutes[0].destination"], destination);
  assert.deepEqual(paths({ bootFile: "grub/é.efi", serverName: "ÿ" }), []);
  assert.deepEqual(paths({ bootFile: "пуск.efi", serverName: "сервер", classes: [{ name: "a", match: { known: true }, bootFile: "пуск.efi" }] }), ["spec.bootFile", "spec.serverName", "spec.classes[0].bootFile"]);
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
