import * as fs from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import * as pxe from "pulumi-pxe";

const config = new pulumi.Config();

const rack = new pxe.ProvisioningNetwork("rack1", {
  target: { host: config.require("server"), privateKeyPath: "~/.ssh/id_ed25519" },
  interfaces: ["eth1"],
  cidr: "10.77.0.0/24",
  routers: ["10.77.0.254"],
  dnsServers: ["10.77.0.254"],
  profile: {
    ...pxe.distro.debian(12, { mirror: "http://deb.debian.org/debian" }),
    answer: pxe.preseed({ template: fs.readFileSync("preseed.cfg.ejs", "utf8"), vars: { disk: "/dev/sda" } }),
  },
  hosts: {
    db1: { macs: ["52:54:00:12:34:56"], ip: "10.77.0.11" },
  },
  // "!" is no hash of any password: root then logs in by none.
  secrets: { rootPasswordHash: config.getSecret("rootPasswordHash") ?? "!" },
});

export const db1 = { state: rack.hosts.db1.state, address: rack.hosts.db1.address };
