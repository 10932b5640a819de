import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { settingEntries } from "../../../provider/engine/dhcp/option-settings";
import { dhcpOptions, rawOption, type DhcpOptions, type RawOption } from "../../../provider/model/dhcp-settings";
import { optionEntry, options } from "../../../provider/wire/dhcp";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../../support/documents";
import { bootOf, uefiRom, type Entries } from "./boot-clients";
import { db1, replyOf, World } from "./world";

/** From the outermost to the innermost: who sets an option later goes before who set it earlier. */
const layers = ["server", "subnet", "first", "second", "host"] as const;
type Layer = (typeof layers)[number];
type Settings = Partial<Record<Layer, DhcpOptions>>;

/** What a subnet says by properties of its own. */
const direct = ["routers", "dnsServers", "domainName", "domainSearch", "ntpServers", "classlessRoutes"] as const;

function subnetSettings(settings: DhcpOptions = {}) {
  const own = Object.fromEntries(direct.flatMap((property) => (settings[property] === undefined ? [] : [[property, settings[property]]])));
  const rest = Object.fromEntries(Object.entries(settings).filter(([property]) => !(direct as readonly string[]).includes(property)));
  return { routers: [], dnsServers: [], ...own, options: rest };
}

/** A client that is of the classes `first` and `second`, and of none that `other` is, which says nonsense. */
function worldOf(settings: Settings, headers: Partial<Record<Layer, object>> = {}): World {
  const everybody = { macPrefixes: ["52:54:00"] };
  return new World({
    documents: [
      serverDocument({ options: settings.server ?? {} }),
      subnetDocument({
        ...subnetSettings(settings.subnet), ...headers.subnet,
        classes: [
          { name: "first", match: everybody, options: settings.first ?? {}, ...headers.first }, { name: "second", match: everybody, options: settings.second ?? {}, ...headers.second },
          { name: "other", match: { vendorClass: "nobody" }, options: { mtu: 68, routers: ["10.77.0.66"] }, nextServer: "10.77.0.66", bootFile: "other.efi", serverName: "other" },
        ],
      }),
      profileDocument(), hostDocument({ options: settings.host ?? {}, ...headers.host }),
    ],
  });
}

const values = {
  routers: (n: number) => [`10.77.0.${String(240 + n)}`], dnsServers: (n: number) => [`10.77.1.${String(n)}`, "10.77.1.9"], domainName: (n: number) => `d${String(n)}.example`,
  domainSearch: (n: number) => [`s${String(n)}.example`, "example"], ntpServers: (n: number) => [`10.77.2.${String(n)}`],
  classlessRoutes: (n: number) => [{ destination: `10.${String(n)}.0.0/16`, router: "10.77.0.254" }], timeServers: (n: number) => [`10.77.3.${String(n)}`],
  logServers: (n: number) => [`10.77.4.${String(n)}`], rootPath: (n: number) => `/srv/${String(n)}`, mtu: (n: number) => 1400 + n, timeZone: (n: number) => `Etc/GMT+${String(n)}`,
} satisfies { [K in Exclude<keyof DhcpOptions, "raw">]: (n: number) => NonNullable<DhcpOptions[K]> };

const raws: { readonly [T in RawOption["type"]]: (n: number) => RawOption } = {
  text: (n) => ({ code: 224, type: "text", value: `t${String(n)}` }), ip: (n) => ({ code: 225, type: "ip", value: `10.0.0.${String(n)}` }),
  ips: (n) => ({ code: 226, type: "ips", value: ["10.0.0.9", `10.0.1.${String(n)}`] }), uint8: (n) => ({ code: 227, type: "uint8", value: n }),
  uint16: (n) => ({ code: 228, type: "uint16", value: 300 + n }), uint32: (n) => ({ code: 229, type: "uint32", value: 70_000 + n }),
  boolean: (n) => ({ code: 230, type: "boolean", value: n % 2 === 0 }), domains: (n) => ({ code: 231, type: "domains", value: [`r${String(n)}.example`] }),
  hex: (n) => ({ code: 232, type: "hex", value: `ff0${String(n)}` }),
};

const kinds: readonly (readonly [string, (n: number) => DhcpOptions])[] = [
  ...Object.entries(values).map(([property, value]) => [property, (n: number) => ({ [property]: value(n) })] as const),
  ...Object.entries(raws).map(([type, raw]) => [`raw ${type}`, (n: number) => ({ raw: [raw(n)] })] as const),
];

/** All that a subset of the layers may be. */
const subsets = Array.from({ length: 2 ** layers.length }, (_, bits) => layers.filter((_layer, index) => (bits & (1 << index)) !== 0));

function assertInnermost(settings: Settings, code: number): void {
  const offer = replyOf(worldOf(settings).discover(db1, [optionEntry(options.parameterList, [code])]), "offer");
  const innermost = layers.map((layer) => settings[layer]).findLast((each) => each !== undefined && settingEntries(each).some(([own]) => own === code));
  const expected = innermost === undefined ? undefined : settingEntries(innermost).find(([own]) => own === code)?.[1];
  assert.deepEqual(offer.options.get(code), expected, JSON.stringify(settings));
}

describe("where an option is set", () => {
  for (const [kind, of] of kinds) {
    test(`the innermost of server, subnet, an earlier class, a later one, and host holds, in every combination: ${kind}`, () => {
      const code = settingEntries(of(1))[0]?.[0] ?? 0;
      for (const chosen of subsets) assertInnermost(Object.fromEntries(chosen.map((layer) => [layer, of(layers.indexOf(layer) + 1)])), code);
    });
  }

  test("every property of the settings and every type of raw option is among these", () => {
    assert.deepEqual(Object.keys(dhcpOptions.shape).sort(), [...Object.keys(values), "raw"].sort());
    assert.deepEqual(rawOption.options.map((each) => each.shape.type.value).sort(), Object.keys(raws).sort());
  });

  test("property: it makes no difference whether a layer sets it by its property or by its number", () => {
    const one = (code: number, property: keyof typeof values) => fc.constantFrom<readonly ((n: number) => DhcpOptions)[]>(
      [(n) => ({ [property]: values[property](n) }), (n) => ({ raw: [{ code, type: "hex", value: `aa0${String(n)}` }] })],
    ).chain((ways) => fc.record({ code: fc.constant(code), by: fc.array(fc.constantFrom(undefined, ...ways), { minLength: layers.length, maxLength: layers.length }) }));
    const any = fc.oneof(one(3, "routers"), one(6, "dnsServers"), one(15, "domainName"), one(26, "mtu"), one(42, "ntpServers"), one(101, "timeZone"), one(119, "domainSearch"), one(121, "classlessRoutes"));
    fc.assert(fc.property(any, ({ code, by }) => {
      assertInnermost(Object.fromEntries(layers.flatMap((layer, index) => (by[index] === undefined ? [] : [[layer, by[index](index + 1)]]))), code);
    }), { numRuns: 400 });
  });

  test("an empty list says nothing: what is set further out holds", () => {
    for (const property of ["routers", "dnsServers", "domainSearch", "ntpServers", "classlessRoutes", "timeServers", "logServers"] as const) {
      const code = settingEntries({ [property]: values[property](1) })[0]?.[0] ?? 0;
      const settings = { server: { [property]: values[property](1) }, subnet: { [property]: [] }, second: { [property]: [] }, host: { [property]: [] } };
      const offer = replyOf(worldOf(settings).discover(db1, [optionEntry(options.parameterList, [code])]), "offer");
      assert.deepEqual(offer.options.get(code), settingEntries(settings.server)[0]?.[1], property);
    }
  });
});

describe("where a header field is set", () => {
  const fields = { nextServer: (n: number) => `10.77.0.${String(n)}`, bootFile: (n: number) => `loader${String(n)}.efi`, serverName: (n: number) => `files${String(n)}` };
  type Field = keyof typeof fields;
  const inner = layers.filter((layer) => layer !== "server");
  const rom: Entries = uefiRom;

  test("B9 the innermost of subnet, an earlier class, a later one, and host holds, each field by itself, in every combination", () => {
    const bits = Array.from({ length: 2 ** inner.length }, (_, index) => index);
    const sets = (mask: number, layer: Layer) => (mask & (1 << inner.indexOf(layer as (typeof inner)[number]))) !== 0;
    const combinations = fc.tuple(fc.constantFrom(...bits), fc.constantFrom(...bits), fc.constantFrom(...bits));
    const check = (masks: readonly number[]): void => {
      const names = Object.keys(fields) as Field[];
      const headers = Object.fromEntries(inner.map((layer) => [
        layer, Object.fromEntries(names.flatMap((name, index) => (sets(masks[index] ?? 0, layer) ? [[name, fields[name](layers.indexOf(layer) + 1)]] : []))),
      ]));
      const [nextServer, bootFile, serverName] = names.map((name, index) => {
        const layer = inner.findLast((each) => sets(masks[index] ?? 0, each));
        return layer === undefined ? undefined : fields[name](layers.indexOf(layer) + 1);
      });
      const told = bootOf(replyOf(worldOf({}, headers).discover(db1, rom), "offer"));
      const isAny = [nextServer, bootFile, serverName].some((value) => value !== undefined);
      assert.deepEqual([told.siaddr, told.file, told.bootFile, told.sname, told.tftpServer], [
        isAny ? nextServer ?? "10.77.0.1" : "0.0.0.0", bootFile ?? "", bootFile, serverName ?? "", isAny ? serverName ?? nextServer ?? "10.77.0.1" : undefined,
      ], JSON.stringify(headers));
    };
    for (const mask of bits) for (const which of [0, 1, 2]) check([0, 1, 2].map((index) => (index === which ? mask : 0)));
    fc.assert(fc.property(combinations, check), { numRuns: 300 });
  });
});
