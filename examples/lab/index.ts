/**
 * A boot server, one machine to install and one that must boot from its disk. `npm start` runs it in the lab; by hand:
 *
 *     pulumi config set lab:host 192.0.2.10 && pulumi config set lab:privateKeyPath ~/.ssh/id_ed25519
 *     pulumi config set lab:interface eth1 && pulumi config set lab:mirror http://MIRROR/debian
 */
import * as fs from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as pxe from "pulumi-pxe";

const config = new pulumi.Config("lab");
const number = (key: string): number | undefined => config.getNumber(key);

/** Without a host the agent runs on this machine, which needs no root on ports above 1023. */
const host = config.get("host");
const target: pxe.PxeServerArgs["target"] =
  host === undefined
    ? "local"
    : {
        host, port: number("port"), user: config.get("user"), hostKey: config.get("hostKey"), sudo: config.getBoolean("sudo"),
        privateKeyPath: config.get("privateKeyPath"), privateKey: config.getSecret("privateKey"), password: config.getSecret("password"),
      };

/** The provisioning network, a /24. */
const cidr = config.get("cidr") ?? "10.77.0.0/24";
const address = (last: number): string => cidr.replace(/\d+\/24$/, String(last));

const server = new pxe.PxeServer("lab", {
  target,
  interfaces: [config.get("interface") ?? (host === undefined ? "lo" : "prov0")],
  dhcpPort: number("dhcpPort"), tftpPort: number("tftpPort"), httpPort: number("httpPort"),
});

const subnet = new pxe.DhcpSubnet("provisioning", {
  server, cidr,
  pools: [{ from: address(100), to: address(199) }],
  dnsServers: [config.get("dnsServer") ?? address(1)],
  domainName: "lab.example",
  leaseTime: "1h",
});

/** Debian's own images: from a mirror, or a folder such as the package debian-installer-12-netboot-amd64 has. */
const mirror = config.get("mirror");
const installer = config.get("installer") ?? (mirror === undefined ? "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64" : undefined);

const debian = new pxe.BootProfile("debian12", {
  server,
  ...pxe.distro.debian(12, { mirror, installer, console: config.get("console"), kernelArgs: config.get("kernelArgs") }),
  answer: pxe.preseed({
    // This file runs from dist/; the template stays beside its source.
    template: fs.readFileSync(path.join(__dirname, "../../../examples/lab/preseed.cfg.ejs"), "utf8"),
    vars: { mirror: mirror === undefined ? null : mirrorVars(mirror), disk: config.get("disk") ?? "/dev/vda" },
  }),
});

const fresh = new pxe.KickstartHost("fresh", {
  server, subnet, profile: debian,
  macs: [config.get("freshMac") ?? "52:54:00:77:00:11"],
  ip: address(11),
  // "!" is no hash of any password: root then logs in by no password.
  secrets: { rootPasswordHash: config.getSecret("rootPasswordHash") ?? "!" },
});

/** Already installed, by whomever: it is never touched. */
const settled = new pxe.KickstartHost("settled", {
  server, subnet, profile: debian,
  macs: [config.get("settledMac") ?? "52:54:00:77:00:12"],
  ip: address(12),
  install: "never",
  secrets: { rootPasswordHash: "!" },
});

export const agent = server.agentVersion;
export const machines = {
  fresh: { state: fresh.state, address: fresh.address, macs: fresh.macs },
  settled: { state: settled.state, address: settled.address, macs: settled.macs },
};

function mirrorVars(url: string): { host: string; directory: string } {
  const { host: name, pathname } = new URL(url);
  return { host: name, directory: pathname };
}
