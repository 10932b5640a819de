import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { infiniteLease } from "../../provider/model/dhcp-settings";
import type { Plain } from "../../provider/resources/definition";
import { unknownValue } from "../../provider/resources/unknown";
import { FakeDeploy } from "../support/fake-deploy";
import { declareStack, groupInputs, hostInputs, InstallerFiles, Operation, serverInputs, subnetInputs, updateStack } from "../support/operation";

let files: InstallerFiles;
let deploy: FakeDeploy;
let run: Operation;

before(() => {
  files = new InstallerFiles();
});
after(() => {
  files.remove();
});
beforeEach(() => {
  deploy = new FakeDeploy();
  run = new Operation(deploy);
});

/** `CODE place; place` of each failure. */
function places(failures: readonly string[]): string[] {
  return failures.map((text) => `${text.split(":")[0] ?? ""} ${/\(([^()]*)\)\. /.exec(text)?.[1] ?? ""}`).sort();
}

async function rendered(more: { readonly server?: Plain; readonly subnet?: Plain; readonly host?: Plain }): Promise<Record<string, string>> {
  if (more.server !== undefined) await run.accepted("server", serverInputs(more.server));
  await run.accepted("subnet", subnetInputs(more.subnet ?? {}));
  await run.accepted("profile", files.profile());
  return (await run.accepted("host", hostInputs("db1", more.host ?? {})))["rendered"] as Record<string, string>;
}

describe("a subnet's check", () => {
  test("tells wrong types, ranges and forms by the paths of nested properties, all at once", async () => {
    const failures = await run.refused("subnet", subnetInputs({
      pools: [{ from: "10.77.0.10", to: "10.77.0.20" }, { from: "10.77.0.30", to: "10.77.0.40", exclude: [{ from: "10.77.0.300", to: "10.77.0.35" }], colour: 1 }],
      classes: [{ name: "roms", match: { vendorClass: "PXEClient", architectures: [-1] }, options: { raw: [{ code: 150, type: "ip", value: "10.77.0.1" }, { code: 150, type: "ips", value: "10.77.0.1" }] } }, { name: "all", match: {} }],
      options: { mtu: 20, raw: [{ code: 53, type: "uint8", value: 1 }, { code: 200, type: "addresses", value: 1 }, { code: 201, type: "hex", value: "abc" }], dnsServers: [] },
      classlessRoutes: [{ destination: "10.0.0.0/40", router: "10.77.0.1" }], ntpServers: ["ntp.example"], relays: ["x"], renewAt: 2, unknownClients: "ignore", dhcpMode: "relay",
      limits: { poolAlert: 200 }, probe: "yes", bootFile: "x".repeat(128), leaseTime: "soon", maxLeaseTime: 5,
    }));
    assert.deepEqual(places(failures), [
      "classes[0].match.architectures[0]", "classes[0].options.raw[1].value", "classes[1].match", "classlessRoutes[0].destination", "bootFile", "dhcpMode", "leaseTime", "limits.poolAlert",
      "maxLeaseTime", "ntpServers[0]", "options.dnsServers", "options.mtu", "options.raw[0].code", "options.raw[1].type", "options.raw[2].value", "pools[1].colour", "pools[1].exclude[0].from",
      "probe", "relays[0]", "renewAt", "unknownClients",
    ].map((property) => `PXE_INPUT_INVALID subnet/net ${property}`).sort());
  });

  test("tells what contradicts itself", async () => {
    const failures = await run.refused("subnet", subnetInputs({
      pools: [{ from: "10.77.0.10", to: "10.77.0.20", class: "phones", exclude: [{ from: "10.77.0.15", to: "10.77.0.25" }] }], minLeaseTime: "2h", renewAt: 0.9,
      ntpServers: ["10.77.0.1"], options: { raw: [{ code: 42, type: "ips", value: ["10.77.0.2"] }] }, classlessRoutes: [{ destination: "0.0.0.0/0", router: "10.78.0.1" }],
    }));
    assert.deepEqual(places(failures), [
      "PXE_CLASS_UNKNOWN subnet/net pools[0].class; subnet/net classes",
      "PXE_DUPLICATE subnet/net ntpServers; subnet/net options.raw[0].code",
      "PXE_INPUT_INVALID subnet/net pools[0].exclude[0].to; subnet/net pools[0]",
      "PXE_LEASE_TIMES subnet/net minLeaseTime; subnet/net leaseTime",
      "PXE_LEASE_TIMES subnet/net renewAt; subnet/net rebindAt",
      "PXE_OUTSIDE_SUBNET subnet/net classlessRoutes[0].router; subnet/net cidr",
    ]);
  });

  test("takes lease times as seconds, durations and for ever", async () => {
    await run.created("server", serverInputs());
    await run.created("subnet", subnetInputs({ leaseTime: "12h", minLeaseTime: 600, maxLeaseTime: "infinite" }));
    const spec = deploy.documents.find((doc) => doc.kind === "subnet")?.spec;
    assert.deepEqual([spec?.leaseTime, spec?.minLeaseTime, spec?.maxLeaseTime], [43_200, 600, infiniteLease]);
    run = new Operation(deploy);
    assert.match((await run.refused("subnet", subnetInputs({ minLeaseTime: "infinite" }))).join(), /minLeaseTime is neither seconds nor a duration like "1h" or "90m" \(/);
    run = new Operation(deploy);
    assert.match((await run.refused("subnet", subnetInputs({ maxLeaseTime: "forever" }))).join(), /maxLeaseTime is neither seconds nor a duration like "1h" or "90m", nor "infinite"/);
  });

  test("refuses pools where somebody else gives out addresses, as the server says or itself", async () => {
    const pools = [{ from: "10.77.0.100", to: "10.77.0.110" }];
    await run.accepted("server", serverInputs({ dhcpMode: "proxy" }));
    assert.deepEqual(places(await run.refused("subnet", subnetInputs({ pools }))), ["PXE_INPUT_INVALID subnet/net pools; server/rack1 dhcpMode"]);
    run = new Operation(deploy);
    await run.accepted("server", serverInputs({ dhcpMode: "proxy" }));
    await run.accepted("subnet", subnetInputs({ pools, dhcpMode: "full" }));
    run = new Operation(deploy);
    await run.accepted("server", serverInputs({ dhcpMode: unknownValue }));
    await run.accepted("subnet", subnetInputs({ pools }));
  });
});

describe("what is unknown inside a setting", () => {
  const text = "d-i netcfg/get_hostname string db1\n";
  const unknown = "‹known after apply›\n";

  for (const [where, more] of Object.entries({
    "a class's option": { subnet: { classes: [{ name: "a", match: { known: true }, options: { ntpServers: [unknownValue], raw: [{ code: 150, type: "ip", value: unknownValue }] } }] } },
    "a class's name": { subnet: { classes: [{ name: unknownValue, match: { known: true } }], pools: [{ from: "10.77.0.100", to: "10.77.0.110", class: "a" }] } },
    "a class's match": { subnet: { classes: [{ name: "a", match: { vendorClass: unknownValue } }] } },
    "a raw option's value": { subnet: { options: { raw: [{ code: 200, type: "ips", value: [unknownValue] }, { code: 201, type: "uint8", value: unknownValue }] } } },
    "a raw option": { subnet: { options: { raw: [unknownValue] } } },
    "a route": { subnet: { classlessRoutes: [{ destination: unknownValue, router: "10.77.0.1" }] } },
    "all name servers of a subnet's server": { server: { options: unknownValue }, subnet: { dnsServers: [] } },
    "an option of a server": { server: { options: { dnsServers: [unknownValue] } }, subnet: { dnsServers: [] } },
    "an option of a host": { host: { options: { dnsServers: [unknownValue] } }, subnet: { dnsServers: [] } },
    "a lease time": { subnet: { maxLeaseTime: unknownValue } },
  } as const)) {
    test(`${where}: the DHCP answer isn't known, all else is, and nothing is guessed`, async () => {
      const texts = await rendered({ server: {}, ...more });
      assert.deepEqual([texts["preseed.cfg"], texts["dhcp"]], [text, unknown]);
    });
  }

  test("and doesn't touch the answer to the host: that is known", async () => {
    const usual = (await rendered({}))["dhcp"];
    run = new Operation(deploy);
    const pools = [{ from: "10.77.0.100", to: unknownValue }];
    const texts = await rendered({ server: { allowForeignDhcp: unknownValue, packetLimits: { perRelay: unknownValue } }, subnet: { pools, relays: [unknownValue], limits: { poolAlert: unknownValue }, unknownClients: unknownValue } });
    assert.equal(texts["dhcp"], usual);
  });

  test("hides nothing that is wrong beside it", async () => {
    const failures = await run.refused("subnet", subnetInputs({
      options: { mtu: 20, raw: [{ code: 150, type: "ip", value: unknownValue }] }, classes: [{ name: "a", match: {}, options: { ntpServers: [unknownValue] } }],
    }));
    assert.deepEqual(places(failures), ["PXE_INPUT_INVALID subnet/net classes[0].match", "PXE_INPUT_INVALID subnet/net options.mtu"]);
  });
});

describe("a host's options", () => {
  test("are checked by path, in a host and in a group", async () => {
    await run.accepted("subnet", subnetInputs());
    await run.accepted("profile", files.profile());
    const wrong = { options: { mtu: "big", raw: [{ code: 150, type: "uint8", value: 256 }] }, nextServer: "tftp.example", serverName: "" };
    const expected = ["nextServer", "options.mtu", "options.raw[0].value", "serverName"].map((property) => `PXE_INPUT_INVALID host/db1 ${property}`);
    assert.deepEqual(places(await run.refused("host", hostInputs("db1", wrong))), expected);
    assert.deepEqual(places(await run.refused("group", groupInputs({ db1: { macs: ["52:54:00:00:00:01"], ...wrong } }))), expected);
    const doubled = { options: { domainName: "a.example", raw: [{ code: 15, type: "text", value: "b.example" }] } };
    assert.deepEqual(places(await run.refused("host", hostInputs("db2", { ...doubled, macs: ["52:54:00:00:00:02"], ip: "10.77.0.12" }))), ["PXE_DUPLICATE host/db2 options.domainName; host/db2 options.raw[0].code"]);
  });

  test("that don't fit into a reply together are told by their property, not thrown", async () => {
    await run.accepted("subnet", subnetInputs());
    await run.accepted("profile", files.profile());
    const raw = [200, 201, 202, 203, 204].map((code) => ({ code, type: "hex", value: "00".repeat(250) }));
    const failures = await run.refused("host", hostInputs("db1", { options: { raw } }));
    assert.ok(failures.length > 0 && failures.length < raw.length, failures.join("\n"));
    for (const failure of failures) assert.match(failure, /^PXE_ENCODING_OVERFLOW: option 20\d doesn't fit into the answer beside the others, .* \(host\/db1 options\.raw\[\d\]\.code\)/);
  });

  test("are part of its document, and come back as inputs from a refresh, alone and in a group", async () => {
    const options = { routers: ["10.77.0.253"], raw: [{ code: 150, type: "ips", value: ["10.77.0.1"] }] };
    const stack = await declareStack(deploy, files, { host: { options, bootFile: "x.0" } });
    assert.deepEqual(deploy.documents.flatMap((doc) => (doc.kind === "host" ? [[doc.spec.options, doc.spec.bootFile]] : [])), [[options, "x.0"]]);
    await run.accepted("subnet", subnetInputs());
    await run.accepted("profile", files.profile());
    const group = await run.created("group", groupInputs({ db2: { macs: ["52:54:00:00:00:02"], options }, db3: { macs: ["52:54:00:00:00:03"] } }));
    deploy.documents = deploy.documents.map((doc) => (doc.kind === "host" ? { ...doc, rev: doc.rev + 100 } : doc));
    const seen = (await new Operation(deploy).provider.host.read("id", stack.host)).inputs;
    assert.deepEqual([seen?.["options"], seen?.["bootFile"], seen?.["nextServer"]], [options, "x.0", undefined]);
    const hosts = (await new Operation(deploy).provider.group.read("id", group)).inputs?.["hosts"];
    assert.deepEqual(hosts, { db2: { macs: ["52:54:00:00:00:02"], options }, db3: { macs: ["52:54:00:00:00:03"] } });
  });
});

describe("a server's settings", () => {
  const firewalls = (): unknown[] => deploy.deployments.map((request: object) => ("firewall" in request ? request.firewall : undefined));

  test("are checked by path", async () => {
    const failures = await run.refused("server", serverInputs({
      pxePort: 0, dhcpMode: "relay", allowForeignDhcp: "yes", options: { routers: ["x"], raw: [{ code: 82, type: "hex", value: "00" }] }, gateway: { nat: 1 }, firewall: "open",
      packetLimits: { perClient: 0, perRelay: "many", perMachine: 1 },
    }));
    assert.deepEqual(places(failures), ["allowForeignDhcp", "dhcpMode", "firewall", "gateway.nat", "options.raw[0].code", "options.routers[0]", "packetLimits.perClient", "packetLimits.perMachine", "packetLimits.perRelay", "pxePort"].map((property) => `PXE_INPUT_INVALID server/rack1 ${property}`));
    run = new Operation(deploy);
    const doubled = await run.refused("server", serverInputs({ options: { mtu: 1400, raw: [{ code: 26, type: "uint16", value: 1400 }] } }));
    assert.deepEqual(places(doubled), ["PXE_DUPLICATE server/rack1 options.mtu; server/rack1 options.raw[0].code"]);
  });

  test("that a plain process can't see to are refused by path, in the preview too; what isn't known yet is not", async () => {
    deploy.init = "process";
    const given = { target: "local", gateway: { nat: true }, firewall: "manage" };
    assert.deepEqual(places(await run.refused("server", serverInputs(given))), ["PXE_UNSUPPORTED_TARGET server/rack1 firewall", "PXE_UNSUPPORTED_TARGET server/rack1 gateway.nat"]);
    for (const more of [{ target: unknownValue }, { gateway: unknownValue, firewall: unknownValue }, { gateway: undefined, firewall: "check" }]) {
      await new Operation(deploy).accepted("server", serverInputs({ ...given, ...more }));
    }
    deploy.init = "systemd";
    await new Operation(deploy).accepted("server", serverInputs(given));
  });

  test("go into its document, but for the firewall's, which the deployment is told", async () => {
    const settings = {
      dhcpMode: "full", allowForeignDhcp: true, echoClientId: false, subnetSelection: true, options: { ntpServers: ["10.77.0.1"] }, pxePort: 14_011, gateway: { nat: true },
      packetLimits: { perClient: 50, perRelay: 5000, perInterface: 10_000 },
    };
    const stack = await declareStack(deploy, files, { server: { ...settings, firewall: "manage" } });
    assert.deepEqual(firewalls(), ["manage"]);
    const document = deploy.documents.find((doc) => doc.kind === "server");
    assert.deepEqual(document?.spec, { interfaces: ["lo"], dhcpPort: 67, tftpPort: 69, httpPort: 80, authoritative: true, ...settings });
    assert.equal((await new Operation(deploy).provider.server.read("id", stack.server)).inputs, undefined);
    const { server } = await updateStack(deploy, files, stack, { server: { ...settings } });
    assert.deepEqual(firewalls(), ["manage", "check"]);
    assert.deepEqual(deploy.deployments.map((request) => request.firewallBefore), ["check", "manage"]);
    assert.equal(server["firewall"], undefined);
    assert.deepEqual((await new Operation(deploy).provider.server.diff("id", stack.server, server)).replaces, []);
  });

  test("count for its hosts where the server is part of the run, and nothing is guessed where it isn't", async () => {
    await run.accepted("server", serverInputs({ options: { dnsServers: ["10.77.0.1"] } }));
    await run.accepted("subnet", subnetInputs({ dnsServers: [] }));
    await run.accepted("profile", files.profile());
    await run.accepted("host", hostInputs());
    run = new Operation(deploy);
    await run.accepted("server", serverInputs());
    await run.accepted("subnet", subnetInputs({ dnsServers: [] }));
    await run.accepted("profile", files.profile());
    assert.deepEqual(places(await run.refused("host", hostInputs())), ["PXE_DNS_MISSING subnet/net dnsServers; host/db1 profile"]);
    run = new Operation(deploy);
    await run.accepted("subnet", subnetInputs({ dnsServers: [] }));
    await run.accepted("profile", files.profile());
    await run.accepted("host", hostInputs());
  });
});
