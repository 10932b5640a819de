import * as fs from "node:fs";
import * as command from "@pulumi/command";
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
    answer: pxe.preseed({ template: fs.readFileSync("preseed.cfg.ejs", "utf8"), vars: { disk: "/dev/sda", sshKey: config.require("sshKey") } }),
  },
  hosts: {
    db1: { macs: ["52:54:00:12:34:01"], ip: "10.77.0.11" },
    web1: { macs: ["52:54:00:12:34:02"], ip: "10.77.0.12" },
  },
  secrets: { rootPasswordHash: config.getSecret("rootPasswordHash") ?? "!" },
});

/** Ends when both machines have installed themselves; knows their SSH host keys then, so that nobody has to trust blindly. */
const installed = new pxe.InstallWait("installed", { hosts: Object.values(rack.hosts), timeout: "2h" });

/** For `pulumi stack output inventory > inventory.ini`. */
export const inventory = installed.hosts.apply((hosts) =>
  ["[rack1]", ...Object.entries(hosts).map(([name, { address }]) => `${name} ansible_host=${address ?? name} ansible_user=root`), ""].join("\n"));

export const knownHosts = installed.sshHostKeys.apply((lines) => [...lines, ""].join("\n"));

/** Runs on this machine once all are installed, and again whenever one was installed anew. */
export const playbook = new command.local.Command("configure", {
  create: [
    `printf %s "$INVENTORY" > inventory.ini`,
    `printf %s "$KNOWN_HOSTS" > known_hosts`,
    `ansible-playbook -i inventory.ini --ssh-common-args "-o UserKnownHostsFile=known_hosts" site.yaml`,
  ].join(" && "),
  environment: { INVENTORY: inventory, KNOWN_HOSTS: knownHosts },
  triggers: [installed.hosts.apply((hosts) => Object.values(hosts).map(({ installedAt }) => installedAt))],
}).stdout;
