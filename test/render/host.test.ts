import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import fc from "fast-check";
import { PxeError } from "../../provider/errors";
import { renderHost, type RenderInput } from "../../provider/render/host";
import { fill, unfillable } from "../../provider/render/placeholders";
import { quote } from "../../provider/render/quote";

type Answer = NonNullable<RenderInput["profile"]["answer"]>;

function input(template: string, more: { format?: Answer["format"]; vars?: Record<string, unknown>; secretNames?: string[]; repository?: string } = {}): RenderInput {
  const format = more.format ?? "preseed";
  return {
    host: { name: "db1", hostname: "db1", macs: ["52:54:00:12:34:56"], ip: "10.77.0.11", secretNames: more.secretNames ?? ["root"] },
    subnet: { cidr: "10.77.0.0/24", routers: ["10.77.0.254"], dnsServers: ["10.77.0.254"], domainName: "lab.example" },
    profile: {
      name: "os", distro: { family: format === "preseed" ? "debian" : "rhel", release: "12", repository: more.repository },
      kernel: { name: "linux", sha256: "a".repeat(64) }, initrd: [{ name: "initrd.gz" }], kernelArgs: "console=ttyS0",
      answer: { format, template, vars: more.vars ?? {} },
    },
  };
}

const values = { server: "10.77.0.1", token: "T0ken", address: "10.77.0.11", secrets: { root: "$6$salt$hash" }, assets: { "initrd.gz": `/a/${"b".repeat(64)}/initrd.gz` } };

function failure(template: string, more: Parameters<typeof input>[1] = {}): PxeError {
  try {
    renderHost(input(template, more));
  } catch (error) {
    if (error instanceof PxeError) return error;
    throw error;
  }
  return assert.fail("nothing was thrown");
}

describe("what a host is served", () => {
  test("Debian by PXELINUX", () => {
    const rendered = renderHost(input("d-i netcfg/get_hostname string <%= host.hostname %>\n"));
    assert.equal(rendered["preseed.cfg"], "d-i netcfg/get_hostname string db1\n");
    assert.equal(fill(rendered["bios/pxelinux.cfg"] ?? "", values), [
      "DEFAULT install", "PROMPT 0", "SAY db1: installing os", "LABEL install",
      `  KERNEL ::/a/${"a".repeat(64)}/linux`,
      `  INITRD ::/a/${"b".repeat(64)}/initrd.gz`,
      "  APPEND auto=true priority=critical url=http://10.77.0.1/answer/T0ken/preseed.cfg interface=auto hostname=db1 domain=lab.example console=ttyS0",
      "  SYSAPPEND 2", "",
    ].join("\n"));
    assert.match(rendered["bios/pxelinux.local.cfg"] ?? "", /LOCALBOOT -1/);
  });

  test("lpxelinux.0, which can, fetches by HTTP", () => {
    const plain = input("");
    const config = renderHost({ ...plain, profile: { ...plain.profile, biosLoader: "lpxelinux.0" } })["bios/pxelinux.cfg"] ?? "";
    assert.match(fill(config, values), new RegExp(`KERNEL http://10\\.77\\.0\\.1/a/a{64}/linux\n  INITRD http://10\\.77\\.0\\.1/a/b{64}/initrd\\.gz\n`));
  });

  test("Red Hat family", () => {
    const rendered = renderHost(input("text\n", { format: "kickstart", repository: "http://mirror.example/rocky/9/BaseOS/x86_64/os" }));
    assert.equal(rendered["ks.cfg"], "text\n");
    assert.match(fill(rendered["bios/pxelinux.cfg"] ?? "", values), /APPEND ip=dhcp inst\.ks=http:\/\/10\.77\.0\.1\/answer\/T0ken\/ks\.cfg inst\.repo=http:\/\/mirror\.example\/rocky\/9\/BaseOS\/x86_64\/os console=ttyS0/);
  });

  test("Debian in a subnet without a router is not asked about it", () => {
    const routed = input("");
    const alone = { ...routed, subnet: { ...routed.subnet, routers: [] } };
    assert.match(renderHost(alone)["bios/pxelinux.cfg"] ?? "", / netcfg\/no_default_route=true netcfg\/get_nameservers=10\.77\.0\.254 /);
    assert.doesNotMatch(renderHost(routed)["bios/pxelinux.cfg"] ?? "", /no_default_route/);
  });

  test("a quoted value prints as it is, escaped or not", () => {
    assert.equal(renderHost(input("<%= sh('a b') %> <%- sh('a b') %>"))["preseed.cfg"], "'a b' 'a b'");
  });

  test("callbacks are shell commands with the install's own URLs", () => {
    const text = fill(renderHost(input("<%- pxe.report('installing') %>\n<%- pxe.done() %>"))["preseed.cfg"] ?? "", values);
    assert.match(text, /wget -q -O \/dev\/null --post-data 'stage=installing' http:\/\/10\.77\.0\.1\/report\/T0ken/);
    assert.match(text, /http:\/\/10\.77\.0\.1\/done\/T0ken/);
    for (const line of text.split("\n")) execFileSync("sh", ["-n", "-c", line]);
  });

  test("what the agent fills in prints as its placeholder", () => {
    const text = renderHost({ ...input("<%= server %> <%= host.ip %>"), host: { ...input("").host, ip: undefined } })["preseed.cfg"] ?? "";
    assert.equal(text, "‹server› ‹address›");
    assert.equal(fill(text, values), "10.77.0.1 10.77.0.11");
  });

  test("secrets are placeholders in the plan and values on the wire", () => {
    const rendered = renderHost(input("rootpw --iscrypted <%= secrets.root %>\nx=<%= sh(secrets.root) %>"))["preseed.cfg"] ?? "";
    assert.equal(rendered, "rootpw --iscrypted ‹secret:root›\nx=‹secret:root|sh›");
    assert.equal(fill(rendered, values), "rootpw --iscrypted $6$salt$hash\nx='$6$salt$hash'");
    for (const root of ["a\nb", "a b", "a;reboot", "$(id)", "a'b"]) assert.throws(() => fill(rendered, { ...values, secrets: { root } }), /PXE_TEMPLATE_UNSAFE/);
    assert.deepEqual(unfillable({ a: "‹secret:none› ‹secret:root›", b: "‹secret:constructor|sh›" }, { root: "a b" }).map((item) => item.path), ["a", "a", "b"]);
    assert.deepEqual(unfillable({ a: rendered, b: "‹server› ‹token›" }, values.secrets), []);
  });
});

describe("templates that are refused", () => {
  for (const value of ["‹token›", "‹secret:root›", "‹\nreboot›"]) {
    for (const template of ["<%= vars.v %>", "<%= sh(vars.v) %>", "<%= preseed(vars.v) %>"]) {
      test(`F13 a value that looks like a placeholder: ${JSON.stringify(value)} in ${template}`, () => {
        assert.equal(failure(template, { vars: { v: value } }).code, "PXE_TEMPLATE_UNSAFE");
      });
    }
  }
  test("F13 a secret that is joined to other text", () => {
    for (const v of ["hunter2 horse", "hunter2›horse"]) assert.doesNotMatch(failure("<%= vars.v %>", { vars: { v } }).message, /hunter2|horse/, "vars may be secrets");
    assert.match(failure("<%= vars.v %>", { vars: { v: "a b$c" } }).message, /a value holds " ", "\$", which may be read as syntax/);
    assert.match(failure("<%= sh('pw=' + secrets.root) %>").message, /PXE_TEMPLATE_UNSAFE.*cannot be joined/);
  });
  test("F13 a secret in kernel arguments", () => {
    const plain = input("");
    assert.throws(() => renderHost({ ...plain, profile: { ...plain.profile, kernelArgs: "x=‹secret:root›" } }), /PXE_TEMPLATE_UNSAFE/);
  });
  test("an unknown variable, with template and line", () => {
    const error = failure("one\ntwo\n<%= colour %>\n");
    assert.equal(error.code, "PXE_TEMPLATE_FAILED");
    assert.match(error.message, /os\.answer\.template, line 3, for host db1: colour is not defined/);
  });
  test("where secrets are not known yet any name is taken, and none can be asked for", () => {
    const later = (template: string) => renderHost({ ...input(template), host: { ...input(template).host, secretNames: undefined } });
    assert.equal(later("rootpw <%= ks(secrets.anything) %>\n")["preseed.cfg"], "rootpw ‹secret:anything|ks›\n");
    for (const asks of ['"root" in secrets', "Object.keys(secrets).length > 0"]) assert.throws(() => later(`<% if (${asks}) { %>x<% } %>`), /not known yet/);
  });
  test("an unknown secret", () => { assert.match(failure("<%= secrets.nope %>").message, /line 1.*secrets\.nope is not declared/); });
  test("a template that throws", () => { assert.match(failure("a\n<% throw new Error('on purpose') %>").message, /line 2.*on purpose/); });
  test("a template that does not parse", () => { assert.equal(failure("<%= host. %>").code, "PXE_TEMPLATE_FAILED"); });
  for (const value of ["a b", "x\ny", "$(id)", "a;b", "`id`", 'q"q', "a'b", "a#b"]) {
    test(`F13 the unquoted value ${JSON.stringify(value)}`, () => {
      assert.equal(failure("<%= vars.v %>", { vars: { v: value } }).code, "PXE_TEMPLATE_UNSAFE");
    });
  }
  test("undefined is not printed", () => { assert.equal(failure("<%= vars.nothing %>").code, "PXE_TEMPLATE_FAILED"); });
});

test("property: F13 a value quoted by sh() is one word with the same bytes", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40, unit: "grapheme" }).filter((text) => !text.includes("\0")), (text) => {
      assert.equal(execFileSync("printf", ["%s", execFileSync("sh", ["-c", `printf %s ${quote("sh", text)}`]).toString()]).toString(), text);
    }),
    { numRuns: 50 },
  );
});

test("property: F13 yaml() is a JSON string", () => {
  fc.assert(fc.property(fc.string(), (text) => { assert.equal(JSON.parse(quote("yaml", text)), text); }));
});
