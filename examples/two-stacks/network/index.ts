import * as pulumi from "@pulumi/pulumi";
import * as pxe from "pulumi-pxe";

const config = new pulumi.Config();

const rack = new pxe.PxeServer("boot", {
  target: { host: config.require("server"), privateKeyPath: "~/.ssh/id_ed25519" },
  interfaces: ["eth1"],
});

/** All that another stack needs. A secret: whoever holds it can declare machines on this server. */
export const server = rack.ref;
