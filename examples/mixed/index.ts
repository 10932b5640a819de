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
  profiles: {
    debian: {
      ...pxe.distro.debian(12, { mirror: "http://deb.debian.org/debian" }),
      answer: pxe.preseed({ template: fs.readFileSync("preseed.cfg.ejs", "utf8"), vars: { disk: "/dev/sda" } }),
    },
    rocky: {
      ...pxe.distro.rocky(9, { mirror: "https://dl.rockylinux.org/pub/rocky" }),
      answer: pxe.kickstart({ template: fs.readFileSync("ks.cfg.ejs", "utf8"), vars: { disk: "sda" } }),
    },
  },
  hosts: {
    web1: { profile: "debian", macs: ["52:54:00:12:34:01"], ip: "10.77.0.11" },
    web2: { profile: "debian", macs: ["52:54:00:12:34:02"], ip: "10.77.0.12" },
    db1: { profile: "rocky", macs: ["52:54:00:12:34:03"], ip: "10.77.0.13" },
  },
  secrets: { rootPasswordHash: config.getSecret("rootPasswordHash") ?? "!" },
});

export const states = pulumi.output(Object.fromEntries(Object.entries(rack.hosts).map(([name, host]) => [name, host.state])));
