import * as fs from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import * as pxe from "pulumi-pxe";

const config = new pulumi.Config();

/** One agent; each of its interfaces leads to a network of its own. */
const server = new pxe.PxeServer("boot", {
  target: { host: config.require("server"), privateKeyPath: "~/.ssh/id_ed25519" },
  interfaces: ["eth1", "eth2"],
});

const debian = new pxe.BootProfile("debian12", {
  server,
  ...pxe.distro.debian(12, { mirror: "http://deb.debian.org/debian" }),
  answer: pxe.preseed({ template: fs.readFileSync("preseed.cfg.ejs", "utf8"), vars: { disk: "/dev/sda" } }),
});

/**
 * Machines of the first row have addresses by their place, the others take one from the pool. The third row is in another room: no interface
 * of the server leads there, the room's router passes requests on as a relay agent (`ip helper-address 192.0.2.10` or the like).
 */
const rows = {
  row1: { network: "10.77.1", machines: ["52:54:00:00:01:01", "52:54:00:00:01:02"], leased: false, relayed: false },
  row2: { network: "10.77.2", machines: ["52:54:00:00:02:01", "52:54:00:00:02:02"], leased: true, relayed: false },
  row3: { network: "10.77.3", machines: ["52:54:00:00:03:01", "52:54:00:00:03:02"], leased: true, relayed: true },
};

const rootPasswordHash = config.getSecret("rootPasswordHash") ?? "!";
export const addresses: Record<string, pulumi.Output<string | null>> = {};

for (const [row, { network, machines, leased, relayed }] of Object.entries(rows)) {
  const subnet = new pxe.DhcpSubnet(row, {
    server,
    cidr: `${network}.0/24`,
    pools: leased ? [{ from: `${network}.100`, to: `${network}.199` }] : [],
    routers: [`${network}.254`],
    dnsServers: [`${network}.254`],
    leaseTime: "12h",
    // Only who is named here may speak for the network.
    relays: relayed ? [`${network}.254`] : [],
  });
  for (const [place, mac] of machines.entries()) {
    const name = `${row}-${String(place + 1)}`;
    const ip = leased ? undefined : `${network}.${String(11 + place)}`;
    const host = new pxe.KickstartHost(name, { server, subnet, profile: debian, macs: [mac], ip, secrets: { rootPasswordHash } });
    addresses[name] = host.address;
  }
}
