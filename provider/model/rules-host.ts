import { finding, type Finding } from "../errors";
import type { DhcpOptions } from "./dhcp-settings";
import { documentLabel, type HostDocument, type ProfileDocument, type SubnetDocument } from "./documents";
import { ownRouters, subnetRouters } from "./gateways";
import { contains, formatIpv4, ipv4, network, parseIpv4, type Ipv4Number } from "./ip";
import { repeatedOptions, says, unreachableRouters } from "./rules-options";
import { place, type Scope } from "./rules-scope";

/** What is wrong with a host, by itself or with the subnet, the profile and the server that it has. */
export function hostFindings(host: HostDocument, scope: Scope): Finding[] {
  const subnet = scope.find("subnet", host.owner, host.spec.subnet);
  const profile = scope.find("profile", host.owner, host.spec.profile);
  const { options, nextServer, bootFile, serverName } = host.spec;
  return [
    ...(subnet === undefined || host.spec.ip === undefined ? [] : addressFindings(host, ipv4(host.spec.ip), subnet, scope)),
    ...(subnet === undefined || profile === undefined ? [] : installFindings(host, profile, subnet, scope)),
    ...repeatedOptions(host, { ...options, nextServer, bootFile, serverName }, "options."),
    ...(subnet === undefined ? [] : unreachableRouters(host, options, "options.", subnet)),
  ];
}

function addressFindings(host: HostDocument, address: Ipv4Number, subnet: SubnetDocument, scope: Scope): Finding[] {
  const net = network(subnet.spec.cidr);
  const outside = (what: string, property: string): Finding[] => [
    finding("PXE_OUTSIDE_SUBNET", `${host.spec.ip ?? ""} ${what}`, { where: [place(host, "ip"), place(subnet, property)] }),
  ];
  if (!contains(net, address)) return outside(`is not in ${subnet.spec.cidr}`, "cidr");
  if (address === net.first) return outside(`is the network address of ${subnet.spec.cidr}`, "cidr");
  if (address === net.last) return outside(`is the broadcast address of ${subnet.spec.cidr}`, "cidr");
  const index = subnet.spec.relays.findIndex((item) => ipv4(item) === address);
  if (index !== -1) return outside("is the address of a relay", `relays[${String(index)}]`);
  const routers = [subnet, ...(scope.server === undefined ? [] : [scope.server]), host].flatMap((doc) =>
    (doc.kind === "subnet" ? subnetRouters(doc) : ownRouters(doc)).map((router) => ({ ...router, doc })));
  const router = routers.find((each) => each.address === address);
  if (router === undefined) return [];
  return [finding("PXE_OUTSIDE_SUBNET", `${host.spec.ip ?? ""} is the address of a router`, { where: [place(host, "ip"), place(router.doc, router.property)] })];
}

/**
 * Whether a machine may be told one of the options: by itself, a class, its subnet or the server. A class may be the machine's, and
 * what can't be known yet may say it.
 */
function maySay(codes: readonly number[], host: HostDocument, subnet: SubnetDocument, scope: Scope): boolean {
  const { server, isLater } = scope;
  const places: readonly DhcpOptions[] = [host.spec.options, subnet.spec, subnet.spec.options, ...subnet.spec.classes.map((each) => each.options), server?.spec.options ?? {}];
  if (places.some((settings) => codes.some((code) => says(settings, code)))) return true;
  return isLater(documentLabel(host), "options") || isLater("server", "options") || ["options", "classes", "dhcpMode"].some((property) => isLater(documentLabel(subnet), property));
}

/** The server of a URL where that is an address, and not a name that only the network can tell. */
function addressIn(url: string): Ipv4Number | undefined {
  return URL.canParse(url) ? parseIpv4(new URL(url).hostname) : undefined;
}

/** An installer that is given no gateway reaches its own network only. */
function mirrorFindings(host: HostDocument, profile: ProfileDocument, subnet: SubnetDocument, scope: Scope): Finding[] {
  const mirror = profile.spec.distro.repository === undefined ? undefined : addressIn(profile.spec.distro.repository);
  if (mirror === undefined || contains(network(subnet.spec.cidr), mirror) || maySay([3, 121], host, subnet, scope)) return [];
  const where = [place(subnet, "routers"), place(profile, "distro.repository"), place(host, "profile")];
  return [finding("PXE_NO_GATEWAY", `the packages are at ${formatIpv4(mirror)}, outside of ${subnet.spec.cidr}, which has no router`, { where })];
}

function installFindings(host: HostDocument, profile: ProfileDocument, subnet: SubnetDocument, scope: Scope): Finding[] {
  // Behind a proxy somebody else tells machines all but what they boot.
  const told = host.spec.install !== "never" && scope.proxied(subnet) === undefined;
  const findings = told ? mirrorFindings(host, profile, subnet, scope) : [];
  if (told && profile.spec.distro.family === "debian" && !maySay([6], host, subnet, scope)) {
    findings.push(finding("PXE_DNS_MISSING", "a Debian installer needs a name server", { where: [place(subnet, "dnsServers"), place(host, "profile")] }));
  }
  if (profile.spec.loaders.bios === undefined) {
    findings.push(finding("PXE_LOADER_MISSING", `profile/${profile.name} has no loader`, { where: [place(profile, "loaders"), place(host, "profile")] }));
  }
  return findings;
}
