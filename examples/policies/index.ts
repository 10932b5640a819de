import { PolicyPack, validateResourceOfType, type ReportViolation, type ResourceValidationPolicy } from "@pulumi/policy";
import * as pxe from "pulumi-pxe";

/** Machines that hold data can't be removed from the program by mistake. */
const protectedHosts: ResourceValidationPolicy = {
  name: "hosts-are-protected",
  description: "Every machine is protected.",
  enforcementLevel: "mandatory",
  validateResource: (args, report) => {
    if (/:KickstartHost(Group)?$/.test(args.type) && !args.opts.protect) report(`${args.name} has no \`protect: true\`.`);
  },
};

/** `owner` is `<project>/<stack>`: every resource of this package has it. */
function noReinstallOf(machine: string, reinstall: string | undefined, owner: unknown, report: ReportViolation): void {
  if (String(owner).endsWith("/prod") && reinstall !== undefined) report(`reinstall: "${reinstall}" would overwrite the disk of ${machine}.`);
}

const noReinstall: ResourceValidationPolicy = {
  name: "no-reinstall-in-prod",
  description: "A machine of a production stack is not installed again.",
  enforcementLevel: "mandatory",
  validateResource: [
    validateResourceOfType(pxe.KickstartHost, (host, args, report) => {
      noReinstallOf(args.name, host.reinstall, args.props["owner"], report);
    }),
    validateResourceOfType(pxe.KickstartHostGroup, (group, args, report) => {
      for (const [name, host] of Object.entries(group.hosts)) noReinstallOf(name, host.reinstall, args.props["owner"], report);
    }),
  ],
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

/** @param rendered file by file, what the machine will be served */
function noPlainPasswordIn(machine: string, rendered: Record<string, string>, report: ReportViolation): void {
  for (const [file, text] of Object.entries(rendered)) {
    const plain = /^d-i\s+passwd\/(root|user)-password\s+password|^rootpw\b(?!.*--(iscrypted|lock))/m;
    if (plain.test(text)) report(`${file} of ${machine} sets a plain password.`);
  }
}

const noPlainPasswords: ResourceValidationPolicy = {
  name: "no-plain-passwords",
  description: "An answer file holds hashes of passwords, not passwords.",
  enforcementLevel: "mandatory",
  validateResource: [
    validateResourceOfType(pxe.KickstartHost, (_host, args, report) => {
      noPlainPasswordIn(args.name, args.props["rendered"] as Record<string, string>, report);
    }),
    validateResourceOfType(pxe.KickstartHostGroup, (_group, args, report) => {
      const rendered = args.props["rendered"] as Record<string, Record<string, string>>;
      for (const [name, files] of Object.entries(rendered)) noPlainPasswordIn(name, files, report);
    }),
  ],
};

new PolicyPack("pxe", { policies: [protectedHosts, noReinstall, ownNameServers, noPlainPasswords] });
