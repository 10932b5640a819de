/** How much of what is served stands in the state. */
export type Rendered = "full" | "digest";

/** What a program declares in one step of the comparison. */
export interface FleetShape {
  readonly hosts: number;
  /** Changes the profile of all hosts. */
  readonly edition: number;
  /** Changes the address of the first host. */
  readonly moved: boolean;
  readonly ports: string;
}

/** An answer file of the length that people write by hand. */
const template = [
  "d-i debian-installer/locale string en_US.UTF-8",
  "d-i netcfg/get_hostname string <%= host.hostname %>",
  "d-i netcfg/get_domain string example.org",
  "d-i mirror/country string manual",
  "d-i mirror/http/hostname string deb.example.org",
  "d-i mirror/http/directory string /debian",
  "d-i passwd/root-password-crypted password $6$benchbenchbench$0123456789abcdefghijklmnopqrstuvwxyz",
  "d-i clock-setup/utc boolean true",
  "d-i partman-auto/method string lvm",
  "d-i partman-auto/choose_recipe select atomic",
  "d-i partman/confirm boolean true",
  "d-i partman/confirm_nooverwrite boolean true",
  "tasksel tasksel/first multiselect standard, ssh-server",
  "d-i pkgsel/upgrade select full-upgrade",
  "d-i grub-installer/only_debian boolean true",
  "d-i finish-install/reboot_in_progress note",
  "d-i preseed/late_command string <%- pxe.done() %>",
].join("\n");

function server({ ports, edition }: FleetShape): string {
  return `
const server = new pxe.PxeServer("rack", { target: "local", interfaces: ["lo"], ...${ports} });
const subnet = new pxe.DhcpSubnet("net", { server, cidr: "127.64.0.0/12", dnsServers: ["127.64.0.254"] });
const profile = new pxe.BootProfile("debian", {
  server, ...pxe.distro.debian(12, { installer: "." }),
  loader: { bios: { program: { path: "pxelinux.0" }, modules: [{ path: "ldlinux.c32" }] } },
  answer: pxe.preseed({ template: ${JSON.stringify(template)} + "\\n# edition ${String(edition)}\\n" }),
});`;
}

/** Addresses and MACs by index, as source text of functions. */
const identities = `
const mac = (n) => "52:54:00:" + [n >> 16, n >> 8, n].map((x) => (x & 255).toString(16).padStart(2, "0")).join(":");
const ip = (n) => "127.65." + (n >> 8) + "." + (n & 255);`;

export function hostsProgram(shape: FleetShape, rendered: Rendered): string {
  return `${server(shape)}${identities}
for (let n = 0; n < ${String(shape.hosts)}; n++) {
  const moved = n === 0 && ${String(shape.moved)} ? 5000 : 0;
  new pxe.KickstartHost("host" + n, { server, subnet, profile, macs: [mac(n)], ip: ip(n + 1 + moved)${rendered === "digest" ? ', renderedDetail: "digest"' : ""} });
}`;
}

export function groupProgram(shape: FleetShape, rendered: Rendered): string {
  return `${server(shape)}${identities}
const hosts = {};
for (let n = 0; n < ${String(shape.hosts)}; n++) hosts["host" + n] = { macs: [mac(n)], ip: ip(n + 1 + (n === 0 && ${String(shape.moved)} ? 5000 : 0)) };
new pxe.KickstartHostGroup("fleet", { server, subnet, profile, hosts${rendered === "digest" ? ', renderedDetail: "digest"' : ""} });`;
}

/** How many bytes one resource's inputs and outputs take in the state, beside what every resource has. */
export interface Padding {
  readonly inputs: number;
  readonly outputs: number;
}

const provider =
  'exports.handler=()=>{const o=i=>({__provider:i.__provider,pad:"o".repeat(i.outputs)});return{check:async(o,n)=>({inputs:n,failures:[]}),diff:async()=>({}),' +
  'create:async(i)=>({id:"noop",outs:o(i)}),update:async(i,_,n)=>({outs:o(n)}),read:async(id,props)=>({id,props}),delete:async()=>{}}}';

/** Dynamic resources that do nothing, as many, and as long in the state, as asked. */
export function noopProgram({ hosts, edition, moved }: FleetShape, padding: Padding): string {
  return `
const text = ${JSON.stringify(provider)};
class Noop extends pulumi.CustomResource {
  constructor(name, more) { super("pulumi-nodejs:dynamic/bench:Noop", name, { __provider: text, outputs: ${String(padding.outputs)}, ...more }); }
}
const pad = "i".repeat(${String(padding.inputs)});
for (let n = 0; n < ${String(hosts)}; n++) new Noop("noop" + n, { edition: ${String(edition)}, moved: n === 0 && ${String(moved)}, pad });`;
}

/** What the bare no-op weighs by itself: less of it is padding. */
export const bareBytes = { inputs: JSON.stringify({ __provider: provider, outputs: 1000, edition: 1, moved: false, pad: "" }).length, outputs: JSON.stringify({ __provider: provider, pad: "" }).length };
