import * as fs from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import * as pxe from "pulumi-pxe";

const config = new pulumi.Config();
const network = new pulumi.StackReference(config.require("network"));
const server = network.requireOutput("server");

const subnet = new pxe.DhcpSubnet("web", {
  server,
  cidr: "10.77.0.0/24",
  routers: ["10.77.0.254"],
  dnsServers: ["10.77.0.254"],
});

const debian = new pxe.BootProfile("debian12", {
  server,
  ...pxe.distro.debian(12, { mirror: "http://deb.debian.org/debian" }),
  answer: pxe.preseed({ template: fs.readFileSync("preseed.cfg.ejs", "utf8"), vars: { disk: "/dev/sda" } }),
});

const web1 = new pxe.KickstartHost("web1", {
  server, subnet, profile: debian,
  macs: ["52:54:00:12:34:21"], ip: "10.77.0.21",
  secrets: { rootPasswordHash: config.getSecret("rootPasswordHash") ?? "!" },
});

export const state = web1.state;
