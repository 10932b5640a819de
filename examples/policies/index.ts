import { PolicyPack, validateResourceOfType, type ResourceValidationPolicy } from "@pulumi/policy";
import * as pxe from "pulumi-pxe";

/** Machines that hold data can't be removed from the program by mistake. */
const protectedHosts: ResourceValidationPolicy = {
  name: "hosts-are-protected",
  description: "Every machine is protected.",
  enforcementLevel: "mandatory",
  validateResource: validateResourceOfType(pxe.KickstartHost, (host, args, report) => {
    if (!args.opts.protect) report(`${host.hostname ?? args.name} has no \`protect: true\`.`);
  }),
};

/** `owner` is `<project>/<stack>`: every resource of this package has it. */
const noReinstall: ResourceValidationPolicy = {
  name: "no-reinstall-in-prod",
  description: "A machine of a production stack is not installed again.",
  enforcementLevel: "mandatory",
  validateResource: validateResourceOfType(pxe.KickstartHost, (host, args, report) => {
    const production = String(args.props["owner"]).endsWith("/prod");
    if (production && host.reinstall !== undefined) report(`reinstall: "${host.reinstall}" would overwrite the disk of ${args.name}.`);
  }),
};

const ownNameServers: ResourceValidationPolicy = {
  name: "own-name-servers",
  description: "Machines ask our own name servers.",
  enforcementLevel: "mandatory",
  configSchema: { properties: { prefix: { type: "string", default: "10." } } },
  validateResource: validateResourceOfType(pxe.DhcpSubnet, (subnet, args, report) => {
    const { prefix } = args.getConfig<{ prefix: string }>();
    const outside = (subnet.dnsServers ?? []).filter((address) => !address.startsWith(prefix));
    if (outside.length > 0) report(`${outside.join(", ")} is outside ${prefix}`);
  }),
};

/** `rendered` holds, file by file, what the machine will be served. */
const noPlainPasswords: ResourceValidationPolicy = {
  name: "no-plain-passwords",
  description: "An answer file holds hashes of passwords, not passwords.",
  enforcementLevel: "mandatory",
  validateResource: validateResourceOfType(pxe.KickstartHost, (_host, args, report) => {
    const rendered = args.props["rendered"] as Record<string, string>;
    for (const [file, text] of Object.entries(rendered)) {
      if (/^d-i passwd\/root-password password|^rootpw --plaintext/m.test(text)) report(`${file} of ${args.name} sets a plain password.`);
    }
  }),
};

new PolicyPack("pxe", { policies: [protectedHosts, noReinstall, ownNameServers, noPlainPasswords] });
