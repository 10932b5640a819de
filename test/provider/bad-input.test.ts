import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { CommandResult } from "../../lab/project";
import { db1, db2, Rack, type RackShape } from "../support/rack";

/** The message with the display's line breaks taken out. */
function flat(result: CommandResult): string {
  return result.text.replaceAll(/\s+/g, " ");
}

describe("bad input fails in the preview", () => {
  let rack: Rack;
  before(async () => {
    rack = await Rack.create();
  });
  after(() => {
    assert.ok(!existsSync(rack.stateHome), "nothing was applied");
    rack.close();
  });

  async function refused(shape: RackShape): Promise<string> {
    rack.shape(shape);
    const result = await rack.preview();
    assert.notEqual(result.status, 0, result.text);
    return flat(result);
  }

  test("all at once, by property path, and without showing a secret", async () => {
    const text = await refused({
      server: 'target: { host: "10.77.0.1", port: 70000, privateKey: "hunter2hunter2", pasword: "swordfish" }, httpPort: 0, interfaces: [""],',
    });
    for (const path of ["target.port", "target.privateKey is not the text of a private key", "target.pasword is not a known property", "httpPort", "interfaces[0]"]) {
      assert.ok(text.includes(path), `${path} in ${text}`);
    }
    assert.ok(!text.includes("hunter2hunter2") && !text.includes("swordfish"));
  });

  test("of several properties of a host", async () => {
    const text = await refused({ hosts: [{ name: "db1", mac: "52:54:00:12:34", ip: "127.77.0.300", more: 'hostname: "db_1", secrets: { "1root": "hunter2hunter2" }' }] });
    for (const path of ["macs[0] is not a MAC address", "ip is not an IPv4 address", "hostname is not a host name label", "secrets"]) assert.ok(text.includes(path), `${path} in ${text}`);
    assert.ok(!text.includes("hunter2hunter2"));
  });

  test("a MAC and an address used twice name both hosts", async () => {
    const text = await refused({ hosts: [db1, { ...db1, name: "db2" }] });
    assert.match(text, /PXE_DUPLICATE: the MAC 52:54:00:12:34:01 is used by host\/db\d and host\/db\d \(host\/db\d macs\[0\]; host\/db\d macs\[0\]\)/);
    assert.match(text, /PXE_DUPLICATE: the address 127\.77\.0\.11 is used by host\/db\d and host\/db\d/);
  });

  test("an address outside its subnet names host and subnet", async () => {
    const text = await refused({ hosts: [{ ...db1, ip: "127.78.0.11" }, db2] });
    assert.match(text, /PXE_OUTSIDE_SUBNET: 127\.78\.0\.11 is not in 127\.77\.0\.0\/24 \(host\/db1 ip; subnet\/net cidr\)/);
  });

  test("a template that throws names itself and the line", async () => {
    const text = await refused({ template: "one\ntwo\n<%= vars.site.toUpperCase() %>\n" });
    assert.match(text, /PXE_TEMPLATE_FAILED: debian\.answer\.template, line 3, for host db1:/);
  });

  test("Debian without a name server", async () => {
    assert.match(await refused({ subnet: "dnsServers: []," }), /PXE_DNS_MISSING: .*\(subnet\/net dnsServers; host\/db1 profile\)/);
  });
});
