import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { csv, file, yaml, type Inventory } from "../../sdk/inventory";

const db1 = "52:54:00:00:00:01";
const db2 = "52:54:00:00:00:02";

/** The lines of the error that reading ends with. */
function told(read: () => Inventory): string[] {
  try {
    read();
  } catch (error) {
    return (error as Error).message.split("\n");
  }
  throw new Error("nothing is wrong");
}

describe("an inventory of comma-separated values", () => {
  test("gives machines by name", () => {
    const text = `# rack 7\r\nname, mac, ip, hostname, reinstall\r\ndb1,${db1},10.77.0.11,,\r\n\r\n"db2","${db2};52-54-00-00-00-03",,db-two,2026-11\r\n`;
    assert.deepEqual(csv(text), {
      db1: { macs: [db1], ip: "10.77.0.11" },
      db2: { macs: [db2, "52-54-00-00-00-03"], hostname: "db-two", reinstall: "2026-11" },
    });
  });

  test("tells all that is wrong at once, by line", () => {
    const text = ["name,mac,ip,colour", `db1,${db1},10.77.0.300`, "db2", `db1,${db2},10.77.0.12,red,extra`, "", "# a comment", `db 4,${db1} 52:54:00,10.77.0.12`].join("\n");
    assert.deepEqual(told(() => csv(text, { name: "rack.csv" })), [
      'PXE_INPUT_INVALID: rack.csv line 1: "colour" is none of the columns name, mac, ip, hostname, uuid, install, reinstall. Correct the line.',
      'PXE_INPUT_INVALID: rack.csv line 2: ip "10.77.0.300" is not an IPv4 address. Correct the line.',
      "PXE_INPUT_INVALID: rack.csv line 3: db2 has no mac. Correct the line.",
      "PXE_INPUT_INVALID: rack.csv line 4: has 5 values for 4 columns. Correct the line.",
      "PXE_INPUT_INVALID: rack.csv line 4: the name db1 stands in line 2 already. Correct the line.",
      'PXE_INPUT_INVALID: rack.csv line 7: name "db 4" is not a name: letters, digits, dot, dash, underscore; 128 at most. Correct the line.',
      `PXE_INPUT_INVALID: rack.csv line 7: the mac ${db1} stands in line 2 already. Correct the line.`,
      'PXE_INPUT_INVALID: rack.csv line 7: mac "52:54:00" is not a MAC address like 52:54:00:12:34:56. Correct the line.',
      "PXE_INPUT_INVALID: rack.csv line 7: the ip 10.77.0.12 stands in line 4 already. Correct the line.",
    ]);
  });

  test("says what a text is that has no such columns, or is none", () => {
    assert.match(told(() => csv("")).join(), /inventory holds no line that names its columns/);
    assert.match(told(() => csv("host,address\n")).join(), /"host" is none of the columns.*names no column "name".*names no column "mac"/s);
    assert.match(told(() => csv(`name,mac,MAC\ndb1,${db1},${db2}\n`)).join(), /line 1: names the column "mac" twice/);
    assert.match(told(() => csv(`name,mac\n__proto__,${db1}\n`)).join(), /line 2: name "__proto__" is not a name/);
    assert.match(told(() => csv('name,mac\n"db1,x\n', { name: "rack.csv" })).join(), /^PXE_INPUT_INVALID: rack.csv .*Quote/);
    for (const between of [";", "\t"]) assert.match(told(() => csv(["name", "mac"].join(between))).join(), /has semicolons or tabs between its columns/);
  });

  test("takes no column twice: a machine would lose a MAC", () => {
    assert.match(told(() => csv(`name,mac,macs\ndb1,${db1},${db2}\n`)).join(), /line 1: names the column "mac" twice: several MACs stand in one cell/);
  });

  test("property: what is written is read", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    const octet = fc.nat({ max: 255 });
    fc.assert(fc.property(fc.uniqueArray(fc.tuple(name, octet), { selector: ([text]) => text, maxLength: 20 }), (rows) => {
      const hosts = rows.map(([text, last], index) => ({ name: text, mac: `52:54:00:00:${index.toString(16).padStart(2, "0")}:${last.toString(16).padStart(2, "0")}`, ip: `10.77.${String(index)}.${String(last)}` }));
      const read = csv(["name,mac,ip", ...hosts.map((host) => `${host.name},${host.mac},${host.ip}`)].join("\n"));
      assert.deepEqual(read, Object.fromEntries(hosts.map((host) => [host.name, { macs: [host.mac], ip: host.ip }])));
    }));
  });
});

describe("an inventory in YAML", () => {
  test("takes no property twice, and no aliases", () => {
    assert.match(told(() => yaml(`db1: { mac: ${db1}, macs: ${db2} }\n`)).join(), /line 1: says mac twice/);
    assert.match(told(() => yaml(`db1: &one { mac: ${db1} }\ndb2: *one\n`)).join(), /line 2: is an alias: write the machine's properties out/);
    assert.match(told(() => yaml(`db1: { mac: &mac ${db1} }\ndb2: { mac: *mac }\n`)).join(), /line 2: holds an alias where a text is meant/);
  });

  const expected = { db1: { macs: [db1], ip: "10.77.0.11", reinstall: "2026" }, db2: { macs: [db2, "12:34:56:12:34:56"], install: "never" } };

  test("is a map of machines, or a list of them, and values are as they are written", () => {
    assert.deepEqual(yaml(`db1:\n  mac: ${db1}\n  ip: 10.77.0.11\n  reinstall: 2026\ndb2: { macs: [${db2}, 12:34:56:12:34:56], install: never }\n`), expected);
    assert.deepEqual(yaml(`- name: db1\n  mac: ${db1}\n  ip: 10.77.0.11\n  reinstall: 2026\n- { name: db2, mac: ["${db2}", 12:34:56:12:34:56], install: never }\n`), expected);
  });

  test("tells all that is wrong at once, by line", () => {
    assert.deepEqual(told(() => yaml(`db1:\n  mac: ${db1}\n  install: twice\n  colour: red\ndb2:\n  mac: ${db1}\ndb3: 7\n`, { name: "rack.yaml" })), [
      'PXE_INPUT_INVALID: rack.yaml line 4: "colour" is none of the columns name, mac, ip, hostname, uuid, install, reinstall. Correct the line.',
      'PXE_INPUT_INVALID: rack.yaml line 3: install "twice" Invalid option: expected one of "once"|"never". Correct the line.',
      `PXE_INPUT_INVALID: rack.yaml line 6: the mac ${db1} stands in line 2 already. Correct the line.`,
      "PXE_INPUT_INVALID: rack.yaml line 7: is not a map of a machine's properties. Correct the line.",
    ]);
    assert.match(told(() => yaml("db1: [", { name: "rack.yaml" })).join(), /rack.yaml line 1: /);
    assert.match(told(() => yaml(`db1: { mac: ${db1} }\ndb1: { mac: ${db2} }\n`)).join(), /line 2: Map keys must be unique/);
    assert.match(told(() => yaml(`db1: { mac: ${db1}, macs: [${db2}] }\n`)).join(), /line 1: says mac twice/);
    assert.match(told(() => yaml(`db1: { mac: &one ${db1} }\ndb2: { mac: *one }\n`)).join(), /line 2: holds an alias/);
    assert.match(told(() => yaml("just text")).join(), /line 1: is neither a map of machines nor a list/);
  });
});

test("a file is read by the ending of its name", () => {
  const folder = mkdtempSync(join(tmpdir(), "pxe-inventory-"));
  try {
    writeFileSync(join(folder, "rack.csv"), `name,mac\ndb1,${db1}\n`);
    writeFileSync(join(folder, "rack.yml"), `db1: { mac: nonsense }\n`);
    assert.deepEqual(file(join(folder, "rack.csv")), { db1: { macs: [db1] } });
    assert.match(told(() => file(join(folder, "rack.yml"))).join(), /rack.yml line 1: mac "nonsense"/);
    assert.throws(() => file("rack.xls"), /must end in .csv, .yaml or .yml/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
