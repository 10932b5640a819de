import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { HostDocument } from "../../provider/model/documents";
import { formatIpv4 } from "../../provider/model/ip";
import { dhcpLines } from "../../provider/resources/dhcp-plan";
import { hostDocument, profileDocument, serverDocument, subnetDocument } from "../support/documents";

const documents = { server: serverDocument().spec, subnet: subnetDocument({ domainName: "rack.example" }), profile: profileDocument(), host: hostDocument() };

function withoutAddress(): HostDocument {
  const { ip: _ip, ...spec } = hostDocument().spec;
  return { ...hostDocument(), spec };
}

describe("the DHCP answer of a plan", () => {
  test("reads like a configuration; the server is a placeholder", () => {
    const lines = dhcpLines(documents);
    assert.equal(lines, [
      "address 10.77.0.11/24",
      "next-server ‹server›",
      "boot-file bios/pxelinux.0",
      "option 1 subnet-mask 255.255.255.0",
      "option 3 routers 10.77.0.254",
      "option 6 domain-name-servers 10.77.0.254",
      "option 12 host-name db1",
      "option 15 domain-name rack.example",
      "option 28 broadcast-address 10.77.0.255",
      "option 51 lease-time 3600 s",
      "option 54 server-identifier ‹server›",
      "option 58 renewal-time 1800 s",
      "option 59 rebinding-time 3150 s",
      "option 66 tftp-server-name ‹server›",
      "option 67 bootfile-name bios/pxelinux.0",
      "",
    ].join("\n"));
    assert.ok(readFileSync(join(__dirname, "../../../docs/guide/plan.md"), "utf8").includes(`\n\`\`\`\n${lines}\`\`\`\n`), "the guide shows another answer");
  });

  test("is the same with a server that is not known yet, and follows each property", () => {
    const usual = dhcpLines(documents);
    assert.equal(dhcpLines({ ...documents, server: undefined }), usual);
    const changed = (one: Partial<typeof documents>) => dhcpLines({ ...documents, ...one }).split("\n").filter((line) => !usual.includes(`${line}\n`));
    assert.deepEqual(changed({ subnet: subnetDocument({ domainName: "rack.example", leaseTime: 7200, routers: [] }) }), [
      "option 51 lease-time 7200 s", "option 58 renewal-time 3600 s", "option 59 rebinding-time 6300 s",
    ]);
    assert.deepEqual(changed({ host: hostDocument({ ip: "10.77.0.12", hostname: "web" }) }), ["address 10.77.0.12/24", "option 12 host-name web"]);
    const loader = { ...documents.profile.spec.kernel, name: "lpxelinux.0" };
    assert.deepEqual(changed({ profile: profileDocument({ loaders: { bios: { program: loader } } }) }), ["boot-file bios/lpxelinux.0", "option 67 bootfile-name bios/lpxelinux.0"]);
  });

  test("an address from a pool is a placeholder; where there is none, the reason stands in its place", () => {
    assert.match(dhcpLines({ ...documents, host: withoutAddress() }), /^address ‹address›\/24\n/);
    const none = dhcpLines({ ...documents, subnet: subnetDocument({ pools: [] }), host: withoutAddress() });
    assert.match(none, /^no answer: provisioning has no pool for 52:54:00:12:34:56 .*\n$/);
  });

  test("only the server is called ‹server›, however full the subnet is", () => {
    fc.assert(fc.property(fc.integer({ min: 24, max: 30 }), fc.nat(), fc.nat(), fc.nat(), fc.boolean(), (prefix, a, b, c, pooled) => {
      const size = 2 ** (32 - prefix);
      const base = 0x0a4d0000;
      const at = (offset: number) => formatIpv4(base + 1 + (offset % (size - 2)));
      const [ip, router, dns] = [at(a), at(b), at(c)];
      fc.pre(ip !== router);
      const all = { from: formatIpv4(base + 1), to: formatIpv4(base + size - 2) };
      const subnet = subnetDocument({ cidr: `${formatIpv4(base)}/${String(prefix)}`, pools: pooled ? [all] : [], routers: [router], dnsServers: [dns] });
      const text = dhcpLines({ ...documents, subnet, host: hostDocument({ ip }) });
      assert.ok(text.startsWith(`address ${ip}/${String(prefix)}\nnext-server ‹server›\n`), text);
      // Only two addresses, and the router's is one: the server is the router.
      const isFull = prefix === 30;
      if (!isFull) assert.equal(text.split("‹server›").length, 4, text);
      if (!isFull) assert.ok(text.includes(`option 3 routers ${router}\noption 6 domain-name-servers ${dns}\n`), text);
    }));
  });
});
