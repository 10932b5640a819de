import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { distro } from "../../sdk";

describe("distribution presets", () => {
  test("Debian from a mirror", () => {
    const images = "http://10.77.0.1/debian/dists/bookworm/main/installer-amd64/current/images/netboot/debian-installer/amd64";
    assert.deepEqual(distro.debian(12, { mirror: "http://10.77.0.1/debian/" }), {
      distro: { family: "debian", release: "12" }, kernel: { url: `${images}/linux` }, initrd: [{ url: `${images}/initrd.gz` }], kernelArgs: "",
    });
  });

  test("Debian from a local folder, with a serial console", () => {
    const preset = distro.debian(12, { installer: "/srv/netboot", kernelArgs: "quiet", console: "ttyS0,115200n8" });
    assert.deepEqual(preset.kernel, { path: "/srv/netboot/linux" });
    assert.deepEqual(preset.initrd, [{ path: "/srv/netboot/initrd.gz" }]);
    assert.equal(preset.kernelArgs, "quiet console=ttyS0,115200n8 --- console=ttyS0,115200n8");
  });

  test("arguments that come from other resources", async () => {
    const { kernelArgs } = distro.rocky(9, { mirror: "http://10.77.0.1/rocky", console: pulumi.output("ttyS0"), kernelArgs: pulumi.output("quiet") });
    const text = await new Promise((resolve) => pulumi.output(kernelArgs).apply(resolve));
    assert.equal(text, "quiet console=ttyS0 inst.text");
  });

  test("Debian from nowhere is refused at once", () => {
    assert.throws(() => distro.debian(12, {}), /give a mirror, or an installer/);
  });

  test("Rocky Linux from a mirror", () => {
    const tree = "http://10.77.0.1/rocky/9/BaseOS/x86_64/os";
    assert.deepEqual(distro.rocky(9, { mirror: "http://10.77.0.1/rocky" }), {
      distro: { family: "rhel", release: "9", repository: `${tree}/` },
      kernel: { url: `${tree}/images/pxeboot/vmlinuz` }, initrd: [{ url: `${tree}/images/pxeboot/initrd.img` }], kernelArgs: "",
    });
  });
});
