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
  },
});

const machines = new pxe.KickstartHostGroup("machines", {
  server: rack.server, subnet: rack.subnet, profile: rack.profiles.debian,
  hosts: pxe.inventory.file("rack.csv"),
  secrets: { rootPasswordHash: config.getSecret("rootPasswordHash") ?? "!" },
});

export const hosts = machines.hosts;
