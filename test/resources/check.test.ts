import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import type { Plain } from "../../provider/resources/definition";
import { unknownValue } from "../../provider/resources/unknown";
import { FakeDeploy } from "../support/fake-deploy";
import { hostInputs, InstallerFiles, Operation, serverInputs, subnetInputs, type Kind } from "../support/operation";

let files: InstallerFiles;
let deploy: FakeDeploy;
let operation: Operation;

const profileInputs = (more: Plain = {}): Plain => files.profile(more);
const accepted = (kind: Kind, inputs: Plain, olds: Plain = {}): Promise<Plain> => operation.accepted(kind, inputs, olds);
const refused = (kind: Kind, inputs: Plain): Promise<string[]> => operation.refused(kind, inputs);

/** A new process on the same agent. */
function restart(): void {
  operation = new Operation(deploy);
}

before(() => {
  files = new InstallerFiles();
});
after(() => {
  files.remove();
});
beforeEach(() => {
  deploy = new FakeDeploy();
  restart();
});

describe("check", () => {
  test("tells everything that is wrong at once, by path, and no value of a secret", async () => {
    const failures = await refused("server", {
      ...serverInputs(), target: { host: "10.77.0.1", port: 70000, privateKey: "hunter2" }, interfaces: ["averyverylongname"], httpPort: 0, nonsense: 1,
    });
    for (const path of ["target.port", "target.privateKey", "interfaces[0]", "httpPort", "nonsense"]) {
      assert.ok(failures.some((failure) => failure.includes(path)), `${path} in ${failures.join("\n")}`);
    }
    assert.equal(failures.length, 5);
    assert.ok(!failures.join().includes("hunter2"));
  });

  test("makes the control key once and keeps it", async () => {
    const first = await accepted("server", serverInputs());
    assert.equal(first["controlKey"], "control key 1");
    restart();
    const second = await accepted("server", serverInputs(), { ...first, controlKey: "the old key" });
    assert.equal(second["controlKey"], "the old key");
  });

  test("renders what a host will be served", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs());
    const host = await accepted("host", hostInputs());
    const rendered = host["rendered"] as Record<string, string>;
    assert.equal(rendered["preseed.cfg"], "d-i netcfg/get_hostname string db1\n");
    assert.match(rendered["bios/pxelinux.cfg"] ?? "", /url=http:\/\/‹server›\/answer\/‹token›\/preseed.cfg/);
  });

  test("names both hosts that share a MAC and an address", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs());
    await accepted("host", hostInputs("db1"));
    const failures = await refused("host", hostInputs("db2"));
    assert.equal(failures.length, 2);
    for (const failure of failures) assert.match(failure, /PXE_DUPLICATE.*host\/db1.*host\/db2|PXE_DUPLICATE.*host\/db2.*host\/db1/);
  });

  test("lets hosts of two servers have the same address", async () => {
    for (const server of ["PxeServer::rack1", "PxeServer::rack2"]) {
      await accepted("subnet", subnetInputs({ server }));
      await accepted("profile", profileInputs({ server }));
      await accepted("host", hostInputs("db1", { server }));
    }
  });

  test("refuses an address outside the subnet, naming both", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs());
    const [failure] = await refused("host", hostInputs("db1", { ip: "10.78.0.11" }));
    assert.match(failure ?? "", /PXE_OUTSIDE_SUBNET: 10\.78\.0\.11 is not in 10\.77\.0\.0\/24 \(host\/db1 ip; subnet\/net cidr\)/);
  });

  test("says which template failed, and at which line", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs({ answer: { format: "preseed", template: "one\ntwo\n<%= nothing.here %>\n", vars: {} } }));
    const [failure] = await refused("host", hostInputs());
    assert.match(failure ?? "", /PXE_TEMPLATE_FAILED: debian\.answer\.template, line 3.*nothing is not defined/);
  });

  test("refuses a secret that can't stand where the template puts it, and one that isn't there", async () => {
    const answer = { format: "kickstart", template: "rootpw --iscrypted <%= secrets.root %>\n", vars: {} };
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs({ answer }));
    const [failure] = await refused("host", hostInputs("db1", { secrets: { root: "a;reboot" } }));
    assert.match(failure ?? "", /PXE_TEMPLATE_UNSAFE: ks\.cfg: the secret "root" has characters/);
    assert.doesNotMatch(failure ?? "", /a;reboot/);
  });

  test("skips what a preview can't know yet", async () => {
    await accepted("server", { ...serverInputs(), target: { host: unknownValue, privateKey: unknownValue } });
    await accepted("subnet", subnetInputs({ dnsServers: [unknownValue], connection: unknownValue }));
    await accepted("profile", profileInputs({ answer: { format: "preseed", template: "<%= vars.site %>\n", vars: { site: unknownValue } } }));
    const host = await accepted("host", hostInputs("db1", { ip: unknownValue, hostname: unknownValue, secrets: { root: unknownValue } }));
    assert.equal((host["rendered"] as Record<string, string>)["preseed.cfg"], "‹known after apply›\n");
  });

  test("plans nothing where the profile itself is unknown", async () => {
    await accepted("subnet", subnetInputs());
    await accepted("profile", profileInputs({ kernel: { url: unknownValue } }));
    assert.equal((await accepted("host", hostInputs()))["rendered"], unknownValue);
  });

  test("keeps the last plan where the profile is left out of the run", async () => {
    const old = { rendered: { "preseed.cfg": "as it was" } };
    assert.deepEqual((await accepted("host", hostInputs(), old))["rendered"], old.rendered);
    restart();
    assert.deepEqual((await accepted("host", hostInputs()))["rendered"], { plan: "‹not planned: subnet net not in this run›" });
  });

  test("says which file is missing", async () => {
    const failures = await refused("profile", profileInputs({ kernel: { path: files.at("absent") }, initrd: [{ path: "/a", url: "http://b" }] }));
    assert.match(failures.join("\n"), /initrd\[0\] needs either a path or a url/);
    restart();
    const [missing] = await refused("profile", profileInputs({ kernel: { path: files.at("absent") } }));
    assert.match(missing ?? "", /PXE_ASSET_MISSING.*absent can't be read.*profile\/debian kernel\.path/);
  });

  test("names the packages that hold the loader where there is none", async () => {
    process.env["PXE_SYSLINUX_DIR"] = files.at("no-such-folder");
    try {
      const { loader: _loader, ...inputs } = profileInputs();
      const [failure] = await refused("profile", inputs);
      assert.match(failure ?? "", /PXE_LOADER_MISSING.*pxelinux and syslinux-common \(Debian, Ubuntu\) or syslinux-tftpboot/);
    } finally {
      delete process.env["PXE_SYSLINUX_DIR"];
    }
  });

  test("takes durations and refuses what is none", async () => {
    await accepted("subnet", subnetInputs({ leaseTime: 7200 }));
    restart();
    assert.match((await refused("subnet", subnetInputs({ leaseTime: "soon" }))).join(), /leaseTime is neither seconds nor a duration/);
    restart();
    assert.match((await refused("subnet", subnetInputs({ leaseTime: "5s" }))).join(), /leaseTime is shorter than 120 seconds/);
  });

  test("tells of a malformed URL, and of one that names no file", async () => {
    const [failure] = await refused("profile", profileInputs({ kernel: { url: "http://[bad/linux" } }));
    assert.match(failure ?? "", /PXE_INPUT_INVALID: kernel\.url is not an http or https URL/);
    restart();
    const [nameless] = await refused("profile", profileInputs({ initrd: [{ url: "http://10.77.0.1/" }] }));
    assert.match(nameless ?? "", /PXE_INPUT_INVALID: initrd\[0\]\.url names no file/);
  });
});
